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

// signingFlags name the files that sign.
type signingFlags struct {
	SigningCert           string `placeholder:"PEM" help:"Certificate that signs, and its intermediates (such as Let's Encrypt's fullchain.pem)."`
	SigningKey            string `placeholder:"PEM" help:"Private key of the certificate. P-256 is recommended."`
	SigningP12            string `name:"signing-p12" env:"MOBILECONFIG_SIGNING_P12" placeholder:"P12" help:"PKCS#12 file with key and certificates, instead of the two."`
	SigningPassphraseFile string `placeholder:"FILE" help:"File whose first line opens the key or the PKCS#12 file."`
	SigningRoots          string `placeholder:"PEM" help:"Roots that count beside the system's."`
}

// identityFlags say what signs.
type identityFlags struct {
	signingFlags
	Data string `default:"./data" placeholder:"DIR" help:"Folder for what is kept (default: ./data)."`
}

// files are those that the flags name; named is false if they name none.
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
		return files, true, usage(errors.New("--signing-cert and --signing-key go together"))
	case pem && f.SigningP12 != "":
		return files, true, usage(errors.New("give --signing-cert and --signing-key, or --signing-p12, not both"))
	case !pem && f.SigningP12 == "" && len(files.Names()) > 0:
		return files, true, usage(errors.New("--signing-roots and --signing-passphrase-file need --signing-cert and --signing-key, or --signing-p12"))
	}
	return files, pem || f.SigningP12 != "", nil
}

// load returns the identity that the flags name, or the development identity
// of the data folder.
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

// watch is load for a program that goes on: it follows the files.
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

// development returns the development identity of the data folder, and says
// what it is.
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
	fmt.Fprintf(stderr, "mobileconfig: signing with a DEVELOPMENT identity that no device trusts (its root: %s).\n"+
		"mobileconfig: For real profiles give --signing-cert and --signing-key.\n", dir.IdentityRoot())
	return id, nil
}
