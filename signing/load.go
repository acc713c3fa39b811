package signing

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"os"
	"time"
)

// Load reads an identity from PEM files: the certificates in the order that
// [New] wants, and the key in PKCS#8, PKCS#1 or SEC 1 form. Both may be the
// same file. The file roots, if not empty, holds roots that count beside the
// system's. The error is an [*IdentityError].
func Load(certFile, keyFile, roots string, now func() time.Time) (*Identity, error) {
	certs, err := read(certFile)
	if err != nil {
		return nil, err
	}
	chain, err := parseCertificates(certFile, certs)
	if err != nil {
		return nil, err
	}
	keys, err := read(keyFile)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(keyFile, keys)
	if err != nil {
		return nil, err
	}
	pool, err := Roots(roots)
	if err != nil {
		return nil, err
	}
	return New(key, chain, pool, now)
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

// parseKey never puts anything of the key into its error.
func parseKey(file string, data []byte) (crypto.Signer, error) {
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, encrypted(file)
			}
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, encrypted(file)
			}
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, encrypted(file)
		default:
			continue // EC PARAMETERS, certificates
		}
		signer, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, refuse(Unreadable, "the private key in %s cannot be read", file)
		}
		return signer, nil
	}
	return nil, refuse(Unreadable, "%s holds no PEM private key", file)
}

func encrypted(file string) error {
	return refuse(KeyEncrypted, "the key in %s is encrypted; decrypt it with: openssl pkey -in KEY -out NEW", file)
}
