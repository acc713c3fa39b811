package signing

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"slices"
	"time"

	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"
)

// Files says where an identity is kept: in Cert and Key, or in P12.
type Files struct {
	// Cert holds PEM certificates in the order that [New] wants. It may be
	// the same file as Key.
	Cert string
	// Key holds the private key as PEM, in PKCS#8, PKCS#1 or SEC 1 form.
	// PKCS#8 may be encrypted.
	Key string
	// P12 is a PKCS#12 file (RFC 7292) with key and certificates.
	P12 string
	// Passphrase is a file whose first line opens Key or P12. May be empty.
	Passphrase string
	// Roots holds PEM roots that count beside the system's. May be empty.
	Roots string
}

// Names are the files that f names, those that may change without notice.
func (f Files) Names() []string {
	names := []string{f.Cert, f.Key, f.P12, f.Passphrase, f.Roots}
	return slices.Compact(slices.DeleteFunc(names, func(s string) bool { return s == "" }))
}

// Load reads the identity and checks it as [New] does. The error is an
// [*IdentityError].
func (f Files) Load(now func() time.Time) (*Identity, error) {
	passphrase, err := f.passphrase()
	if err != nil {
		return nil, err
	}
	key, chain, err := f.read(passphrase)
	if err != nil {
		return nil, err
	}
	roots, err := Roots(f.Roots)
	if err != nil {
		return nil, err
	}
	return New(key, chain, roots, now)
}

// passphrase is the first line of its file, or nil.
func (f Files) passphrase() ([]byte, error) {
	if f.Passphrase == "" {
		return nil, nil
	}
	data, err := read(f.Passphrase)
	if err != nil {
		return nil, err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

func (f Files) read(passphrase []byte) (crypto.Signer, []*x509.Certificate, error) {
	if f.P12 != "" {
		return readP12(f.P12, passphrase)
	}
	certs, err := read(f.Cert)
	if err != nil {
		return nil, nil, err
	}
	chain, err := parseCertificates(f.Cert, certs)
	if err != nil {
		return nil, nil, err
	}
	keys, err := read(f.Key)
	if err != nil {
		return nil, nil, err
	}
	key, err := parseKey(f.Key, keys, passphrase)
	return key, chain, err
}

// Roots returns the system's pool, and the PEM certificates of file beside
// it, if file is not empty. The error is an [*IdentityError].
func Roots(file string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if file == "" {
		return pool, nil
	}
	data, err := read(file)
	if err != nil {
		return nil, err
	}
	if !pool.AppendCertsFromPEM(data) {
		return nil, refuse(Unreadable, "%s holds no PEM certificate", file)
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

func parseCertificates(file string, data []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, refuse(Unreadable, "certificate %d of %s: %s", len(chain)+1, file, err)
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, refuse(Unreadable, "%s holds no PEM certificate", file)
	}
	return chain, nil
}

// parseKey reads the first private key of a PEM file. It never puts anything
// of the key into its error.
func parseKey(file string, data, passphrase []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY", "EC PRIVATE KEY":
			key, err = parseTraditional(file, block)
		case "ENCRYPTED PRIVATE KEY":
			key, err = decryptKey(file, block.Bytes, passphrase)
		default:
			continue // EC PARAMETERS, certificates
		}
		if err, ok := err.(*IdentityError); ok {
			return nil, err
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, refuse(Unreadable, "the private key in %s cannot be read", file)
		}
		return signer, nil
	}
	return nil, refuse(Unreadable, "%s holds no PEM private key", file)
}

func parseTraditional(file string, block *pem.Block) (any, error) {
	if block.Headers["DEK-Info"] != "" {
		return nil, refuse(KeyEncrypted, "the key in %s is encrypted in an old, weak way; convert it: openssl pkcs8 -topk8 -in %[1]s -out NEW", file)
	}
	if block.Type == "RSA PRIVATE KEY" {
		return x509.ParsePKCS1PrivateKey(block.Bytes)
	}
	return x509.ParseECPrivateKey(block.Bytes)
}

func decryptKey(file string, der, passphrase []byte) (any, error) {
	if passphrase == nil {
		return nil, refuse(KeyEncrypted, "the key in %s is encrypted; name the file with its passphrase: --signing-passphrase-file", file)
	}
	key, err := pkcs8.ParsePKCS8PrivateKey(der, passphrase)
	if err != nil {
		return nil, refuse(KeyEncrypted, "the passphrase does not open the key in %s", file)
	}
	return key, nil
}

func readP12(file string, passphrase []byte) (crypto.Signer, []*x509.Certificate, error) {
	data, err := read(file)
	if err != nil {
		return nil, nil, err
	}
	key, leaf, rest, err := pkcs12.DecodeChain(data, string(passphrase))
	if err == pkcs12.ErrIncorrectPassword {
		return nil, nil, refuse(KeyEncrypted, "the passphrase does not open %s; name the file with it: --signing-passphrase-file", file)
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, nil, refuse(Unreadable, "%s is no PKCS#12 file with one key and its certificate", file)
	}
	return signer, inOrder(leaf, rest), nil
}

// inOrder follows the chain from the leaf: in a PKCS#12 file the certificates
// stand in any order.
func inOrder(leaf *x509.Certificate, rest []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for len(rest) > 0 {
		last := chain[len(chain)-1]
		i := slices.IndexFunc(rest, func(c *x509.Certificate) bool { return last.CheckSignatureFrom(c) == nil })
		if i < 0 || isSelfSigned(last) {
			break
		}
		chain = append(chain, rest[i])
		rest = slices.Delete(slices.Clone(rest), i, i+1)
	}
	return chain
}
