package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/signing"
)

// identityFlags say what signs.
type identityFlags struct {
	SigningCert  string `placeholder:"PEM" help:"Certificate that signs, and its intermediates behind it (such as Let's Encrypt's fullchain.pem)."`
	SigningKey   string `placeholder:"PEM" help:"Private key of the certificate. P-256 is recommended."`
	SigningRoots string `placeholder:"PEM" help:"Roots that count beside the system's."`
	Data         string `default:"./data" placeholder:"DIR" help:"Folder for what is kept (default: ./data)."`
}

// load returns the identity that the flags name, or the development identity
// of the data folder, and says so.
func (f *identityFlags) load(stderr io.Writer) (*signing.Identity, error) {
	if f.SigningCert != "" && f.SigningKey != "" {
		return signing.Load(f.SigningCert, f.SigningKey, f.SigningRoots, time.Now)
	}
	if f.SigningCert != "" || f.SigningKey != "" {
		return nil, usage(errors.New("--signing-cert and --signing-key go together"))
	}
	if f.SigningRoots != "" {
		return nil, usage(errors.New("--signing-roots needs --signing-cert and --signing-key"))
	}
	dir, err := datadir.Open(f.Data)
	if err != nil {
		return nil, usage(err)
	}
	id, err := dir.Identity(time.Now)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(stderr, "mobileconfig: signing with a DEVELOPMENT identity that no device trusts (its root: %s).\n"+
		"mobileconfig: For real profiles give --signing-cert and --signing-key.\n", dir.IdentityRoot())
	return id, nil
}
