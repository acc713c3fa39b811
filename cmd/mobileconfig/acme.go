package main

import (
	"errors"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/signing"
)

// acmeFlags configure the certificate that the service gets by ACME.
type acmeFlags struct {
	Email     string   `name:"acme-email" placeholder:"E" help:"Get and renew a certificate for the host of --base-url by ACME, for HTTPS and for signing. The authority writes to this address. You agree to its terms."`
	Directory string   `name:"acme-directory" placeholder:"URL" help:"ACME directory of the authority (default: Let's Encrypt)."`
	Profile   string   `name:"acme-profile" placeholder:"NAME" help:"Certificate profile of the authority (default: the authority's default)."`
	Names     []string `name:"acme-name" placeholder:"HOST" help:"Additional host name on the certificate, for example autoconfig.example.com. Can be repeated."`
	Roots     string   `name:"acme-roots" placeholder:"PEM" help:"Roots to trust for the ACME directory, in addition to the system's."`
}

// acme reads the flags. It returns nil if ACME isn't used.
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
