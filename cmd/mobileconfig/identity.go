package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/signing"
)

// signingFlags name the files to sign with.
type signingFlags struct {
	SigningCert           string `placeholder:"PEM" help:"Signing certificate with its intermediates (for example Let's Encrypt's fullchain.pem)."`
	SigningKey            string `placeholder:"PEM" help:"Private key of the certificate. P-256 is recommended."`
	SigningP12            string `name:"signing-p12" env:"MOBILECONFIG_SIGNING_P12" placeholder:"P12" help:"PKCS#12 file with key and certificates, instead of --signing-cert and --signing-key."`
	SigningPassphraseFile string `placeholder:"FILE" help:"File with the passphrase of the key or the PKCS#12 file in its first line."`
	SigningRoots          string `placeholder:"PEM" help:"Additional roots to trust."`
}

// identityFlags select the signing identity.
type identityFlags struct {
	signingFlags
	Data string `default:"./data" placeholder:"DIR" help:"Data folder (default: ./data)."`
}

// files returns the files from the flags. named is false if there are none.
func (f *signingFlags) files() (files signing.Files, named bool, err error) {
	files = signing.Files{
		Cert:       f.SigningCert,
		Key:        f.SigningKey,
		P12:        f.SigningP12,
		Passphrase: f.SigningPassphraseFile,
		Roots:      f.SigningRoots,
	}
	pem := f.SigningCert != "" || f.SigningKey != ""
	switch {
	case (f.SigningCert == "") != (f.SigningKey == ""):
		return files, true, usage(errors.New("--signing-cert and --signing-key must be used together"))
	case pem && f.SigningP12 != "":
		return files, true, usage(errors.New("give --signing-cert and --signing-key, or --signing-p12, not both"))
	case !pem && f.SigningP12 == "" && len(files.Names()) > 0:
		return files, true, usage(errors.New("--signing-roots and --signing-passphrase-file need --signing-cert and --signing-key, or --signing-p12"))
	}
	return files, pem || f.SigningP12 != "", nil
}

// load returns the identity from the flags, or the development identity of the
// data folder.
func (f *identityFlags) load(stderr io.Writer) (*signing.Identity, error) {
	files, named, err := f.files()
	if err != nil {
		return nil, err
	}
	if !named {
		return f.development(stderr)
	}
	id, err := files.Load(time.Now)
	if err != nil {
		return nil, err
	}
	for _, n := range id.Notices() {
		fmt.Fprintf(stderr, "mobileconfig: note: %s\n", n.Detail)
	}
	return id, nil
}

// watch is load for long-running programs: it reloads the files when they
// change.
func (f *identityFlags) watch(stderr io.Writer, log *slog.Logger) (server.Identity, error) {
	files, named, err := f.files()
	if err != nil {
		return nil, err
	}
	if named {
		return server.FromFiles(files, time.Now, log)
	}
	id, err := f.development(stderr)
	if err != nil {
		return nil, err
	}
	return server.Fixed(id), nil
}

// development returns the data folder's development identity and reports that
// it's in use.
func (f *identityFlags) development(stderr io.Writer) (*signing.Identity, error) {
	return developmentIn(f.Data, stderr)
}

func developmentIn(folder string, stderr io.Writer) (*signing.Identity, error) {
	dir, err := datadir.Open(folder)
	if err != nil {
		return nil, usage(err)
	}
	id, err := dir.Identity(time.Now)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(stderr, "mobileconfig: signing with a DEVELOPMENT identity that devices don't trust (root: %s).\n"+
		"mobileconfig: for real profiles, give --signing-cert and --signing-key.\n", dir.IdentityRoot())
	return id, nil
}
