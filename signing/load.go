package signing

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"slices"
	"strings"
	"time"
)

var errUnknownForm = errors.New("it has an unknown format")

// Files locates an identity: in Cert and Key, or in P12.
type Files struct {
	// Cert has PEM certificates in any order, as for [New]. It may be the same
	// file as Key.
	Cert string
	// Key has the private key as PEM, in PKCS#8, PKCS#1 or SEC 1 form. PKCS#8
	// may be encrypted. If there are several keys, the one that matches a
	// certificate is used. Certificates in this file are used too.
	Key string
	// P12 is a PKCS#12 file (RFC 7292) with key and certificates.
	P12 string
	// Passphrase is a file with the passphrase of Key or P12 in its first line.
	// May be empty.
	Passphrase string
	// Roots has additional PEM roots to trust. May be empty.
	Roots string
}

// Names returns the files in f that may change without notice.
func (f Files) Names() []string {
	names := []string{f.Cert, f.Key, f.P12, f.Passphrase, f.Roots}
	return slices.Compact(slices.DeleteFunc(names, func(s string) bool { return s == "" }))
}

// Load reads the identity and checks it like [New]. The error is an
// [*IdentityError].
func (f Files) Load(now func() time.Time) (*Identity, error) {
	passphrase, err := f.passphrase()
	if err != nil {
		return nil, err
	}
	keys, certificates, err := f.read(passphrase)
	if err != nil {
		return nil, err
	}
	roots, err := Roots(f.Roots)
	if err != nil {
		return nil, err
	}
	return New(belonging(keys, certificates), certificates, roots, now)
}

// belonging returns the first key that matches a certificate, or else the first
// key.
func belonging(keys []crypto.Signer, certificates []*x509.Certificate) crypto.Signer {
	for _, key := range keys {
		if _, _, err := split(key, certificates); err == nil {
			return key
		}
	}
	return keys[0]
}

// passphrase returns the first line of its file, or nil.
func (f Files) passphrase() ([]byte, error) {
	if f.Passphrase == "" {
		return nil, nil
	}
	data, err := read(f.Passphrase)
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut([]byte(decodeText(data)), []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

// read returns at least one key, and the certificates.
func (f Files) read(passphrase []byte) ([]crypto.Signer, []*x509.Certificate, error) {
	opener := opener{passphrase: passphrase, passphraseFile: f.Passphrase}
	if f.P12 != "" {
		return opener.readP12(f.P12)
	}
	blocks, err := readFile(f.Cert)
	if err != nil {
		return nil, nil, err
	}
	certificates, err := certificatesOf(f.Cert, blocks)
	if err != nil {
		return nil, nil, err
	}
	if len(certificates) == 0 {
		return nil, nil, refuse(Unreadable, "%s has no PEM certificate, but: %s", f.Cert, names(blocks))
	}
	if f.Key != f.Cert {
		if blocks, err = readFile(f.Key); err != nil {
			return nil, nil, err
		}
		more, err := certificatesOf(f.Key, blocks)
		if err != nil {
			return nil, nil, err
		}
		certificates = append(certificates, more...)
	}
	keys, err := opener.keys(f.Key, blocks)
	return keys, certificates, err
}

// ReadPEM parses the files of an identity: certificates in any order, and an
// unencrypted key, which may be in either. [New] checks them. The error is an
// [*IdentityError].
func ReadPEM(certificates, key []byte) (crypto.Signer, []*x509.Certificate, error) {
	var all []*x509.Certificate
	var blocks []*pem.Block
	for _, part := range []struct {
		name string
		data []byte
	}{{"the certificate", certificates}, {"the key", key}} {
		if part.name == "the key" && len(bytes.TrimSpace(part.data)) == 0 {
			continue // it may be among the certificates
		}
		some, err := readBlocks(part.name, part.data)
		if err != nil {
			return nil, nil, err
		}
		found, err := certificatesOf(part.name, some)
		if err != nil {
			return nil, nil, err
		}
		all, blocks = append(all, found...), append(blocks, some...)
	}
	if len(all) == 0 {
		return nil, nil, refuse(Unreadable, "there is no certificate")
	}
	keys, err := opener{}.keys("what was given", blocks)
	if err != nil {
		return nil, nil, err
	}
	return belonging(keys, all), all, nil
}

// Roots returns the system's pool, plus the PEM certificates of file, if it's
// set. The error is an [*IdentityError].
func Roots(file string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if file == "" {
		return pool, nil
	}
	blocks, err := readFile(file)
	if err != nil {
		return nil, err
	}
	certificates, err := certificatesOf(file, blocks)
	if err != nil {
		return nil, err
	}
	if len(certificates) == 0 {
		return nil, refuse(Unreadable, "%s has no PEM certificate, but: %s", file, names(blocks))
	}
	for _, c := range certificates {
		pool.AddCert(c)
	}
	return pool, nil
}

func read(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, refuse(Unreadable, "%s", err)
	}
	return data, nil
}

func readFile(file string) ([]*pem.Block, error) {
	data, err := read(file)
	if err != nil {
		return nil, err
	}
	return readBlocks(file, data)
}

// quoted returns a file's name quoted for a shell.
func quoted(file string) string {
	if strings.ContainsAny(file, " \t'\"\\$&;()<>|*?[]#~`!{}") {
		return "'" + strings.ReplaceAll(file, "'", `'\''`) + "'"
	}
	return file
}
