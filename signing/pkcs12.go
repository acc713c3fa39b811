package signing

import (
	"crypto"
	"crypto/hmac"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/updatecase/mobileconfig/signing/pbe"
)

var (
	errNotP12     = errors.New("it isn't a PKCS#12 file, or it's damaged")
	errUnknownMAC = errors.New("it's protected by a public key or an unsupported checksum")
)

// p12 is the contents of a PKCS#12 file.
type p12 struct {
	file         string
	keys         []crypto.Signer
	certificates []*x509.Certificate
	bags         int // number so far
}

// readP12 reads a PKCS#12 file (RFC 7292) in DER or BER, with or without a
// checksum: at least one key and one certificate.
func (o opener) readP12(file string) ([]crypto.Signer, []*x509.Certificate, error) {
	data, err := read(file)
	if err != nil {
		return nil, nil, err
	}
	if !isP12(data) && strings.Contains(decodeText(data), "-----BEGIN ") {
		return nil, nil, refuse(Unreadable, "%s isn't a PKCS#12 file but PEM; give it as --signing-cert and --signing-key", file)
	}
	p, err := openP12(file, data, o.passphrase)
	if refused, ok := errors.AsType[*IdentityError](err); ok {
		return nil, nil, refused
	}
	if method, ok := errors.AsType[*pbe.UnsupportedError](err); ok {
		return nil, nil, refuse(UnsupportedEncryption, "%s is encrypted with %s, which isn't supported. Convert it to PEM, and give NEW as --signing-cert and --signing-key: %s",
			file, method.Method, o.convert("pkcs12 -legacy", file))
	}
	switch {
	case errors.Is(err, pbe.ErrPassphrase) && o.passphrase == nil:
		return nil, nil, refuse(KeyEncrypted, "%s is encrypted; give the file with its passphrase: --signing-passphrase-file", file)
	case errors.Is(err, pbe.ErrPassphrase):
		return nil, nil, refuse(KeyEncrypted, "the passphrase in %s doesn't open %s", o.passphraseFile, file)
	case err != nil:
		return nil, nil, refuse(Unreadable, "%s can't be read: %s. If OpenSSL can read it, convert it to PEM, and give NEW as --signing-cert and --signing-key: %s",
			file, err, o.convert("pkcs12 -legacy", file))
	case len(p.keys) == 0:
		return nil, nil, refuse(Unreadable, "%s has no private key; export the certificate together with its key", file)
	case len(p.certificates) == 0:
		return nil, nil, refuse(Unreadable, "%s has no certificate; export the key together with its certificate", file)
	}
	return p.keys, p.certificates, nil
}

// openP12 tries the possible encodings of an empty passphrase.
func openP12(file string, data, passphrase []byte) (*p12, error) {
	der, rest, err := openEnvelope(data)
	if err != nil || rest > 0 {
		return nil, errNotP12
	}
	if len(passphrase) > 0 {
		return decodeP12(file, der, passphrase)
	}
	p, err := decodeP12(file, der, nil)
	if errors.Is(err, pbe.ErrPassphrase) {
		return decodeP12(file, der, noPassphrase)
	}
	return p, err
}

// noPassphrase is what some tools hash for the empty passphrase: without the
// two zero bytes at the end.
var noPassphrase = []byte{}

func decodeP12(file string, der, passphrase []byte) (*p12, error) {
	input := cryptobyte.String(der)
	var pfx, safe, explicit, content, mac cryptobyte.String
	var version int
	var kind asn1.ObjectIdentifier
	if !input.ReadASN1(&pfx, cbasn1.SEQUENCE) || !pfx.ReadASN1Integer(&version) || version != 3 ||
		!pfx.ReadASN1(&safe, cbasn1.SEQUENCE) || !safe.ReadASN1ObjectIdentifier(&kind) ||
		!safe.ReadASN1(&explicit, tag0Inside) {
		return nil, errNotP12
	}
	if !kind.Equal(oidData) {
		return nil, errUnknownMAC
	}
	if !explicit.ReadASN1(&content, cbasn1.OCTET_STRING) {
		return nil, errNotP12
	}
	if !pfx.Empty() {
		if !pfx.ReadASN1(&mac, cbasn1.SEQUENCE) {
			return nil, errNotP12
		}
		if err := checkMAC(mac, content, passphrase); err != nil {
			return nil, err
		}
	}
	p := &p12{file: file}
	return p, p.safes(content, passphrase)
}

// checkMAC verifies the checksum, which detects a wrong passphrase.
func checkMAC(mac, content cryptobyte.String, passphrase []byte) error {
	var info, parameters, digest, salt cryptobyte.String
	var id asn1.ObjectIdentifier
	iterations := 1
	if !mac.ReadASN1(&info, cbasn1.SEQUENCE) || !pbe.ReadAlgorithm(&info, &id, &parameters) || !info.ReadASN1(&digest, cbasn1.OCTET_STRING) ||
		!mac.ReadASN1(&salt, cbasn1.OCTET_STRING) || !mac.Empty() && !mac.ReadASN1Integer(&iterations) {
		return errNotP12
	}
	var key []byte
	hash, ok := hashes[id.String()]
	switch {
	case ok && (iterations < 1 || iterations > pbe.MaxIterations):
		return errUnknownMAC
	case ok:
		key = pbe.PKCS12KDF(hash, 3, pbe.BMPString(passphrase), salt, iterations, hash.Size())
	case id.String() == "1.2.840.113549.1.5.14":
		var err error
		if key, hash, err = pbmac1Key(parameters, passphrase); err != nil {
			return err
		}
	default:
		return errUnknownMAC
	}
	h := hmac.New(hash.New, key)
	h.Write(content)
	if !hmac.Equal(h.Sum(nil), digest) {
		return pbe.ErrPassphrase
	}
	return nil
}

// pbmac1Key parses PBMAC1-params (RFC 9579) and derives the MAC's key. A key
// shorter than 20 bytes would accept a forged file.
func pbmac1Key(parameters cryptobyte.String, passphrase []byte) ([]byte, crypto.Hash, error) {
	var p, kdf, ignored, inner cryptobyte.String
	var kdfID, macID asn1.ObjectIdentifier
	var size int
	if !parameters.ReadASN1(&p, cbasn1.SEQUENCE) || !pbe.ReadAlgorithm(&p, &kdfID, &kdf) || !pbe.ReadAlgorithm(&p, &macID, &ignored) ||
		kdfID.String() != "1.2.840.113549.1.5.12" {
		return nil, 0, errUnknownMAC
	}
	whole := kdf
	hash, ok := pbe.PRFs[macID.String()]
	if !ok || !kdf.ReadASN1(&inner, cbasn1.SEQUENCE) || !inner.SkipASN1(cbasn1.OCTET_STRING) || !inner.SkipASN1(cbasn1.INTEGER) ||
		!inner.ReadASN1Integer(&size) || size < 20 || size > 64 {
		return nil, 0, errUnknownMAC
	}
	key, err := pbe.PBKDF2Key(whole, passphrase, size)
	return key, hash, err
}

// safes reads an AuthenticatedSafe, whose parts may be encrypted.
func (p *p12) safes(content, passphrase []byte) error {
	parts, err := berSequence(content)
	if err != nil {
		return err
	}
	for !parts.Empty() {
		var part, explicit, plain cryptobyte.String
		var kind asn1.ObjectIdentifier
		if !parts.ReadASN1(&part, cbasn1.SEQUENCE) || !part.ReadASN1ObjectIdentifier(&kind) || !part.ReadASN1(&explicit, tag0Inside) {
			return errNotP12
		}
		switch {
		case kind.Equal(oidData):
			if !explicit.ReadASN1(&plain, cbasn1.OCTET_STRING) {
				return errNotP12
			}
		case kind.Equal(oidEncryptedData):
			if plain, err = decryptSafe(explicit, passphrase); err != nil {
				return err
			}
		default:
			return errUnknownMAC
		}
		bags, err := berSequence(plain)
		if err != nil && kind.Equal(oidEncryptedData) {
			return pbe.ErrPassphrase // without a checksum, a wrong passphrase shows here
		}
		if err != nil {
			return err
		}
		if err := p.read(bags, passphrase, 0); err != nil {
			return err
		}
	}
	return nil
}

// berSequence returns the elements of a sequence that may be BER.
func berSequence(data []byte) (cryptobyte.String, error) {
	der, rest, err := openEnvelope(data)
	if err != nil || rest > 0 {
		return nil, errNotP12
	}
	input := cryptobyte.String(der)
	var inside cryptobyte.String
	if !input.ReadASN1(&inside, cbasn1.SEQUENCE) {
		return nil, errNotP12
	}
	return inside, nil
}

// decryptSafe reads EncryptedData (RFC 5652, section 8).
func decryptSafe(explicit cryptobyte.String, passphrase []byte) ([]byte, error) {
	var encrypted, content, parameters, data cryptobyte.String
	var method asn1.ObjectIdentifier
	if !explicit.ReadASN1(&encrypted, cbasn1.SEQUENCE) || !encrypted.SkipASN1(cbasn1.INTEGER) ||
		!encrypted.ReadASN1(&content, cbasn1.SEQUENCE) || !content.SkipASN1(cbasn1.OBJECT_IDENTIFIER) ||
		!pbe.ReadAlgorithm(&content, &method, &parameters) {
		return nil, errNotP12
	}
	if content.PeekASN1Tag(tag0Inside) { // in pieces
		var pieces, piece cryptobyte.String
		content.ReadASN1(&pieces, tag0Inside)
		for !pieces.Empty() {
			if !pieces.ReadASN1(&piece, cbasn1.OCTET_STRING) {
				return nil, errNotP12
			}
			data = append(data, piece...)
		}
	} else if !content.ReadASN1(&data, tag0) {
		return nil, errNotP12
	}
	return pbe.Decrypt(method, parameters, data, passphrase)
}

// read reads SafeContents. Nested bags are limited in depth.
func (p *p12) read(bags cryptobyte.String, passphrase []byte, depth int) error {
	for !bags.Empty() {
		var bag, value cryptobyte.String
		var kind asn1.ObjectIdentifier
		if p.bags++; p.bags > 1000 || depth > 4 ||
			!bags.ReadASN1(&bag, cbasn1.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&kind) || !bag.ReadASN1(&value, tag0Inside) {
			return errNotP12
		}
		if err := p.bag(kind.String(), value, passphrase, depth); err != nil {
			return err
		}
	}
	return nil
}

func (p *p12) bag(kind string, value cryptobyte.String, passphrase []byte, depth int) error {
	var key crypto.Signer
	var err error
	switch kind {
	case "1.2.840.113549.1.12.10.1.1": // a key
		key, err = parsePKCS8(p.file, value)
	case "1.2.840.113549.1.12.10.1.2": // an encrypted key
		key, err = p.shrouded(value, passphrase)
	case "1.2.840.113549.1.12.10.1.3":
		return p.certificate(value)
	case "1.2.840.113549.1.12.10.1.6": // nested bags
		var inside cryptobyte.String
		if !value.ReadASN1(&inside, cbasn1.SEQUENCE) {
			return errNotP12
		}
		return p.read(inside, passphrase, depth+1)
	default: // revocation lists and other secrets
		return nil
	}
	if err == nil {
		p.keys = append(p.keys, key)
	}
	return err
}

func (p *p12) shrouded(value cryptobyte.String, passphrase []byte) (crypto.Signer, error) {
	var info, parameters, data cryptobyte.String
	var method asn1.ObjectIdentifier
	if !value.ReadASN1(&info, cbasn1.SEQUENCE) || !pbe.ReadAlgorithm(&info, &method, &parameters) || !info.ReadASN1(&data, cbasn1.OCTET_STRING) {
		return nil, errNotP12
	}
	plain, err := pbe.Decrypt(method, parameters, data, passphrase)
	if err != nil {
		return nil, err
	}
	if !isPrivateKeyInfo(plain) {
		return nil, pbe.ErrPassphrase
	}
	return parsePKCS8(p.file, plain)
}

func (p *p12) certificate(value cryptobyte.String) error {
	var bag, explicit, octets cryptobyte.String
	var kind asn1.ObjectIdentifier
	if !value.ReadASN1(&bag, cbasn1.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&kind) || !bag.ReadASN1(&explicit, tag0Inside) ||
		kind.String() != "1.2.840.113549.1.9.22.1" || !explicit.ReadASN1(&octets, cbasn1.OCTET_STRING) {
		return errNotP12
	}
	c, err := parse(octets)
	if err != nil {
		return refuse(Unreadable, "certificate %d of %s can't be read: %s", len(p.certificates)+1, p.file, err)
	}
	p.certificates = append(p.certificates, c)
	return nil
}
