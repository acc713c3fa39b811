package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1"   // used by other tools' signatures
	_ "crypto/sha256" // and the rest of them
	_ "crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/updatecase/mobileconfig/signing/pbe"
)

// find returns the certificates that the signer may refer to. Several may have
// the same subject key identifier.
func (d *signedData) find(s *signerInfo) []*x509.Certificate {
	var found []*x509.Certificate
	for _, c := range d.certificates {
		if s.keyID != nil && bytes.Equal(c.SubjectKeyId, s.keyID) ||
			s.keyID == nil && bytes.Equal(c.RawIssuer, s.issuer) && bytes.Equal(serialOf(c), s.serial) {
			found = append(found, c)
		}
	}
	return found
}

// serialOf returns the encoded serial number of a certificate.
func serialOf(c *x509.Certificate) []byte {
	raw := cryptobyte.String(c.RawTBSCertificate)
	var tbs, serial cryptobyte.String
	if !raw.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.SkipOptionalASN1(tag0Inside) || !tbs.ReadASN1(&serial, cbasn1.INTEGER) {
		return nil
	}
	return serial
}

// check returns the signer's certificate, or nil if it's missing, and the
// reason why the signature isn't good, or nil if it is.
func (d *signedData) check(s *signerInfo) (*x509.Certificate, error) {
	found := d.find(s)
	if len(found) == 0 {
		if d.unread > 0 {
			return nil, unchecked("a certificate in the envelope has an unknown form")
		}
		return nil, ErrNoCertificate
	}
	hash, known := hashes[s.digest.String()]
	if !known {
		return found[0], unchecked("the digest has the unknown number " + s.digest.String())
	}
	if d.content == nil {
		return found[0], unchecked("the signed content isn't in the envelope")
	}
	message := d.content
	if s.attributes != nil {
		message = element(0x31, s.attributes)
	}
	var err error
	for _, c := range found {
		if err = s.verify(c, hash, message); err == nil {
			return c, d.checkContent(s, hash)
		}
	}
	return found[0], err
}

// checkContent compares the content with the signed attributes. Without
// attributes, the signature covers the content directly. Then the content must
// not be the attributes of another message, because their signature would match
// it (RFC 5652, section 5.4).
func (d *signedData) checkContent(s *signerInfo, hash crypto.Hash) error {
	if s.attributes == nil {
		if len(d.content) > 0 && d.content[0] == 0x31 {
			return ErrAttributes
		}
		return nil
	}
	attributes, ok := readAttributes(s.attributes)
	if !ok || !attributes.contentType.Equal(d.kind) {
		return ErrAttributes
	}
	h := hash.New()
	h.Write(d.content)
	if subtle.ConstantTimeCompare(h.Sum(nil), attributes.messageDigest) != 1 {
		return ErrChanged
	}
	return nil
}

// hashes are the supported digests by OID.
var hashes = map[string]crypto.Hash{
	"1.3.14.3.2.26":          crypto.SHA1,
	"2.16.840.1.101.3.4.2.4": crypto.SHA224,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// digestName returns the usual name of a digest, for example "SHA-256".
func digestName(oid asn1.ObjectIdentifier) string {
	if hash, ok := hashes[oid.String()]; ok {
		return hash.String()
	}
	return oid.String()
}

// A scheme is a kind of signature. hash is zero if the algorithm doesn't
// specify one; then the digest's hash is used.
type scheme struct {
	kind string
	hash crypto.Hash
}

const (
	pkcs1 = "RSA"
	pss   = "RSA-PSS"
	ec    = "ECDSA"
)

// schemes are the signature algorithms by OID. The last ones aren't signature
// algorithms, but old tools use them as such.
var schemes = map[string]scheme{
	"1.2.840.113549.1.1.1":  {pkcs1, 0},
	"1.2.840.113549.1.1.5":  {pkcs1, crypto.SHA1},
	"1.2.840.113549.1.1.14": {pkcs1, crypto.SHA224},
	"1.2.840.113549.1.1.11": {pkcs1, crypto.SHA256},
	"1.2.840.113549.1.1.12": {pkcs1, crypto.SHA384},
	"1.2.840.113549.1.1.13": {pkcs1, crypto.SHA512},
	"1.2.840.113549.1.1.10": {pss, 0},
	"1.2.840.10045.4.1":     {ec, crypto.SHA1},
	"1.2.840.10045.4.3.1":   {ec, crypto.SHA224},
	"1.2.840.10045.4.3.2":   {ec, crypto.SHA256},
	"1.2.840.10045.4.3.3":   {ec, crypto.SHA384},
	"1.2.840.10045.4.3.4":   {ec, crypto.SHA512},
	"1.2.840.10045.2.1":     {ec, 0},
	"1.2.840.10045.3.1.7":   {ec, 0},
	"1.3.132.0.34":          {ec, 0},
	"1.3.132.0.35":          {ec, 0},
}

// verify checks the signature of message with a certificate's key.
func (s *signerInfo) verify(c *x509.Certificate, hash crypto.Hash, message []byte) error {
	how, ok := schemes[s.algorithm.String()]
	if !ok {
		return unchecked("the signature has an algorithm with the unknown number " + s.algorithm.String())
	}
	if how.hash != 0 && how.hash != hash {
		return unchecked("the digest doesn't match the algorithm of the signature")
	}
	h := hash.New()
	h.Write(message)
	digest := h.Sum(nil)
	switch key := publicKey(c).(type) {
	case *rsa.PublicKey:
		return s.verifyRSA(key, how, hash, digest)
	case *ecdsa.PublicKey:
		if how.kind != ec {
			break
		}
		if !ecdsa.VerifyASN1(key, digest, s.signature) {
			return ErrSignature
		}
		return nil
	}
	return unchecked("the signer's key doesn't match the algorithm of the signature, or is of an unknown kind")
}

func (s *signerInfo) verifyRSA(key *rsa.PublicKey, how scheme, hash crypto.Hash, digest []byte) error {
	var err error
	switch how.kind {
	case pkcs1:
		err = rsa.VerifyPKCS1v15(key, hash, digest, s.signature)
	case pss:
		options, ok := pssOptions(s.parameters, hash)
		if !ok {
			return unchecked("RSA-PSS has unusual parameters")
		}
		err = rsa.VerifyPSS(key, hash, digest, s.signature, options)
	default:
		return unchecked("the signer's key doesn't match the algorithm of the signature")
	}
	if errors.Is(err, rsa.ErrVerification) {
		return ErrSignature
	}
	if err != nil { // a short key, or an unusual exponent
		return unchecked("the signer's RSA key isn't usable")
	}
	return nil
}

// pssOptions parses RSASSA-PSS-params (RFC 4055, section 3.1). It only accepts
// those with a single hash, as crypto/rsa requires and everyone uses.
func pssOptions(parameters []byte, hash crypto.Hash) (*rsa.PSSOptions, bool) {
	input := cryptobyte.String(parameters)
	var p, field, ignored cryptobyte.String
	var present bool
	var id, inner asn1.ObjectIdentifier
	digest, mask, salt, trailer := crypto.SHA1, crypto.SHA1, 20, 1
	if !input.ReadASN1(&p, cbasn1.SEQUENCE) || !input.Empty() ||
		!p.ReadOptionalASN1(&field, &present, tag0Inside) {
		return nil, false
	}
	if present {
		if !pbe.ReadAlgorithm(&field, &id, &ignored) {
			return nil, false
		}
		digest = hashes[id.String()]
	}
	if !p.ReadOptionalASN1(&field, &present, tag1Inside) {
		return nil, false
	}
	if present {
		if !pbe.ReadAlgorithm(&field, &id, &ignored) || id.String() != "1.2.840.113549.1.1.8" || !pbe.ReadAlgorithm(&ignored, &inner, &field) {
			return nil, false
		}
		mask = hashes[inner.String()]
	}
	if !p.ReadOptionalASN1Integer(&salt, cbasn1.Tag(2).ContextSpecific().Constructed(), 20) ||
		!p.ReadOptionalASN1Integer(&trailer, cbasn1.Tag(3).ContextSpecific().Constructed(), 1) || !p.Empty() {
		return nil, false
	}
	return &rsa.PSSOptions{SaltLength: salt}, digest == hash && mask == hash && salt >= 0 && trailer == 1
}

// publicKey returns a certificate's key, including one restricted to RSA-PSS,
// which crypto/x509 omits. It may be nil.
func publicKey(c *x509.Certificate) crypto.PublicKey {
	if c.PublicKey != nil {
		return c.PublicKey
	}
	raw := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	var info, parameters cryptobyte.String
	var id asn1.ObjectIdentifier
	var bits []byte
	if !raw.ReadASN1(&info, cbasn1.SEQUENCE) || !pbe.ReadAlgorithm(&info, &id, &parameters) ||
		schemes[id.String()].kind != pss || !info.ReadASN1BitStringAsBytes(&bits) {
		return nil
	}
	if key, err := x509.ParsePKCS1PublicKey(bits); err == nil {
		return key
	}
	return nil
}

func unchecked(why string) error { return fmt.Errorf("%w: %s", ErrUnchecked, why) }
