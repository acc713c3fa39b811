package main

import (
	"errors"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/signing"
)

// acmeFlags say from whom the certificate comes, if it comes by itself.
type acmeFlags struct {
	Email     string   `name:"acme-email" placeholder:"E" help:"Get a certificate for the host of --base-url, for HTTPS and for signing, and renew it: where the authority writes to. You agree to its terms."`
	Directory string   `name:"acme-directory" placeholder:"URL" help:"The authority's ACME directory (default: Let's Encrypt)."`
	Profile   string   `name:"acme-profile" placeholder:"NAME" help:"One of the authority's certificate profiles (default: the authority's own)."`
	Names     []string `name:"acme-name" placeholder:"HOST" help:"Another host name on the certificate, such as autoconfig.example.com; may be repeated."`
	Roots     string   `name:"acme-roots" placeholder:"PEM" help:"Authorities to trust for the directory, beside the system's."`
}

// acme reads the flags; nil if there is no certificate to get.
func (f *acmeFlags) acme() (*server.ACME, error) {
	if f.Email == "" {
		if f.Directory != "" || f.Profile != "" || len(f.Names) > 0 || f.Roots != "" {
			return nil, usage(errors.New("--acme-directory, --acme-profile, --acme-name and --acme-roots need --acme-email"))
		}
		return nil, nil
	}
	a := &server.ACME{Email: f.Email, Directory: f.Directory, Profile: f.Profile, Names: f.Names}
	if f.Roots != "" {
		var err error
		if a.Roots, err = signing.Roots(f.Roots); err != nil {
			return nil, flagError("--acme-roots", err)
		}
	}
	return a, nil
}
