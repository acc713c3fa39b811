package signing

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/updatecase/mobileconfig/signing/pbe"
)

// An opener decrypts keys with a passphrase. nil means none.
type opener struct {
	passphrase     []byte
	passphraseFile string
}

// keys reads the private keys of a file, at least one. Its errors never contain
// parts of a key.
func (o opener) keys(file string, blocks []*pem.Block) ([]crypto.Signer, error) {
	var keys []crypto.Signer
	for _, b := range blocks {
		var key crypto.Signer
		var err error
		switch b.Type {
		case pemKey:
			key, err = parsePKCS8(file, b.Bytes)
		case pemRSAKey, pemECKey, "DSA PRIVATE KEY":
			key, err = o.traditional(file, b)
		case pemEncryptedKey:
			key, err = o.decrypt(file, b.Bytes)
		case "OPENSSH PRIVATE KEY":
			err = refuse(Unreadable, "the key in %s is in OpenSSH's format. Write a copy as PKCS#8: cp %s NEW && ssh-keygen -p -m PKCS8 -f NEW", file, quoted(file))
		default:
			continue // EC PARAMETERS, certificates
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, refuse(Unreadable, "%s has no PEM private key, but: %s", file, names(blocks))
	}
	return keys, nil
}

// traditional reads a key in PKCS#1 or SEC 1 form, which OpenSSL wrote before
// version 1.0. Its encryption can be broken by a fast computer.
func (o opener) traditional(file string, b *pem.Block) (crypto.Signer, error) {
	if method, _, _ := strings.Cut(b.Headers["DEK-Info"], ","); method != "" || strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, refuse(UnsupportedEncryption, "the key in %s has the traditional encryption of OpenSSL (Proc-Type: 4,ENCRYPTED; %s), which is weak. Convert it: %s",
			file, method, o.convert(pkcs8Command(strings.HasPrefix(method, "DES-CBC") || strings.HasPrefix(method, "RC2")), file))
	}
	var key any
	var err error
	switch b.Type {
	case pemRSAKey:
		key, err = x509.ParsePKCS1PrivateKey(b.Bytes)
	case pemECKey:
		key, err = x509.ParseECPrivateKey(b.Bytes)
	default:
		return nil, refuse(WeakKey, "the key in %s is a DSA key, which can't sign profiles; use P-256", file)
	}
	return signer(file, key, err, b.Bytes)
}

// convert returns the command that converts a file to PEM with supported
// encryption. OpenSSL can't read both passphrases from the same file.
func (o opener) convert(how, file string) string {
	command := "openssl " + how + " -in " + quoted(file) + " -out NEW"
	if o.passphraseFile != "" {
		command += fmt.Sprintf(" -passin file:%s -passout stdin < %[1]s", quoted(o.passphraseFile))
	}
	return command
}

// pkcs8Command is the OpenSSL command that rewrites a key. Version 3 needs to
// be told about outdated methods.
func pkcs8Command(legacy bool) string {
	if legacy {
		return "pkcs8 -topk8 -provider default -provider legacy"
	}
	return "pkcs8 -topk8"
}

func (o opener) decrypt(file string, der []byte) (crypto.Signer, error) {
	input := cryptobyte.String(der)
	var info, parameters, data cryptobyte.String
	var method asn1.ObjectIdentifier
	if !input.ReadASN1(&info, cbasn1.SEQUENCE) || !input.Empty() || !pbe.ReadAlgorithm(&info, &method, &parameters) ||
		!info.ReadASN1(&data, cbasn1.OCTET_STRING) || !info.Empty() {
		return nil, refuse(Unreadable, "the private key in %s is damaged", file)
	}
	plain, err := pbe.Decrypt(method, parameters, data, o.passphrase)
	if unsupported, ok := errors.AsType[*pbe.UnsupportedError](err); ok {
		return nil, refuse(UnsupportedEncryption, "the key in %s is encrypted with %s, which isn't supported. Convert it: %s",
			file, unsupported.Method, o.convert(pkcs8Command(unsupported.Legacy), file))
	}
	if o.passphrase == nil {
		return nil, refuse(KeyEncrypted, "the key in %s is encrypted; give the file with its passphrase: --signing-passphrase-file", file)
	}
	if err != nil || !isPrivateKeyInfo(plain) {
		return nil, refuse(KeyEncrypted, "the passphrase in %s doesn't open the key in %s", o.passphraseFile, file)
	}
	return parsePKCS8(file, plain)
}

func parsePKCS8(file string, der []byte) (crypto.Signer, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	return signer(file, key, err, der)
}

// signer returns a parsed key, or explains why it can't be used.
func signer(file string, key any, err error, der []byte) (crypto.Signer, error) {
	if s, ok := key.(crypto.Signer); ok && err == nil {
		return s, nil
	}
	if err == nil {
		return nil, refuse(WeakKey, "the key in %s is of a kind that can't sign; use P-256", file)
	}
	input := cryptobyte.String(der)
	var info, parameters cryptobyte.String
	var id asn1.ObjectIdentifier
	if input.ReadASN1(&info, cbasn1.SEQUENCE) && info.SkipASN1(cbasn1.INTEGER) && pbe.ReadAlgorithm(&info, &id, &parameters) {
		switch how := schemes[id.String()]; {
		case how.kind == pss:
			return nil, refuse(UnsupportedAlgorithm, "the key in %s is only for RSA-PSS; use P-256, or an ordinary RSA key", file)
		case how.kind == ec && !parameters.PeekASN1Tag(cbasn1.OBJECT_IDENTIFIER):
			return nil, refuse(UnsupportedAlgorithm, "the key in %s spells out its curve instead of naming it; convert it: openssl pkey -in %s -ec_param_enc named_curve -out NEW", file, quoted(file))
		case how.kind == ec:
			return nil, refuse(WeakKey, "the key in %s is on a curve that isn't supported; use P-256 or P-384", file)
		case how.kind == "":
			return nil, refuse(WeakKey, "the key in %s is neither RSA nor ECDSA; use P-256", file)
		}
	}
	return nil, refuse(Unreadable, "the private key in %s is damaged, or in an unsupported format", file)
}
