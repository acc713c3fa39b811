package signing

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/updatecase/mobileconfig/signing/pbe"
)

// maxKeyBits is the maximum size of an RSA key: one that fills an envelope
// would take minutes.
const maxKeyBits = 16 << 10

var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidEnvelopedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidAuthEnveloped = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 23}

	oidContentType   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningTime   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 5}
)

// The context-specific tags of CMS.
const (
	tag0       = cbasn1.Tag(0x80) // [0] IMPLICIT, primitive
	tag0Inside = cbasn1.Tag(0xA0) // [0] constructed
	tag1Inside = cbasn1.Tag(0xA1) // [1] constructed
)

// signedData is CMS SignedData (RFC 5652, section 5.1). All slices point into
// the document.
type signedData struct {
	kind         asn1.ObjectIdentifier // type of the content
	content      []byte                // nil if the content is kept elsewhere
	certificates []*x509.Certificate
	unread       int // certificates of a kind that crypto/x509 does not read
	signers      []signerInfo
}

// signerInfo is one signature with its parameters.
type signerInfo struct {
	issuer, serial []byte // of the certificate, as they are encoded; or …
	keyID          []byte // its subject key identifier
	digest         asn1.ObjectIdentifier
	attributes     []byte // of the set; nil if there is none
	algorithm      asn1.ObjectIdentifier
	parameters     []byte // of the algorithm, with tag; may be empty
	signature      []byte
}

// readSignedData parses a DER document, as returned by [openEnvelope].
func readSignedData(der []byte) (*signedData, error) {
	input := cryptobyte.String(der)
	var outer, explicit, inner cryptobyte.String
	var kind asn1.ObjectIdentifier
	if !input.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1ObjectIdentifier(&kind) {
		return nil, ErrNotEnvelope
	}
	if kind.Equal(oidEnvelopedData) || kind.Equal(oidEncryptedData) || kind.Equal(oidAuthEnveloped) {
		return nil, ErrEncrypted
	}
	if !kind.Equal(oidSignedData) || !outer.ReadASN1(&explicit, tag0Inside) || !outer.Empty() ||
		!explicit.ReadASN1(&inner, cbasn1.SEQUENCE) || !explicit.Empty() {
		return nil, ErrNotEnvelope
	}
	return readInner(inner)
}

func readInner(inner cryptobyte.String) (*signedData, error) {
	d := &signedData{}
	var content, certificates, signers cryptobyte.String
	if !inner.SkipASN1(cbasn1.INTEGER) || !inner.SkipASN1(cbasn1.SET) ||
		!inner.ReadASN1(&content, cbasn1.SEQUENCE) || !d.readContent(content) ||
		!inner.ReadOptionalASN1(&certificates, nil, tag0Inside) ||
		!inner.SkipOptionalASN1(tag1Inside) ||
		!inner.ReadASN1(&signers, cbasn1.SET) || !inner.Empty() {
		return nil, ErrNotEnvelope
	}
	if err := d.readCertificates(certificates); err != nil {
		return nil, err
	}
	for !signers.Empty() {
		var info cryptobyte.String
		var s signerInfo
		if !signers.ReadASN1(&info, cbasn1.SEQUENCE) || !s.read(info) {
			return nil, ErrNotEnvelope
		}
		d.signers = append(d.signers, s)
	}
	return d, nil
}

func (d *signedData) readContent(content cryptobyte.String) bool {
	var explicit, octets cryptobyte.String
	var present bool
	if !content.ReadASN1ObjectIdentifier(&d.kind) ||
		!content.ReadOptionalASN1(&explicit, &present, tag0Inside) || !content.Empty() {
		return false
	}
	if !present {
		return true
	}
	if !explicit.ReadASN1(&octets, cbasn1.OCTET_STRING) || !explicit.Empty() {
		return false
	}
	d.content = octets
	return true
}

// readCertificates skips anything that isn't an X.509 certificate, such as an
// attribute certificate, and certificates that crypto/x509 refuses. Neither
// should prevent reading the rest.
func (d *signedData) readCertificates(certificates cryptobyte.String) error {
	for !certificates.Empty() {
		var raw cryptobyte.String
		var tag cbasn1.Tag
		if !certificates.ReadAnyASN1Element(&raw, &tag) {
			return ErrNotEnvelope
		}
		c, err := parse(raw)
		if err != nil {
			d.unread++
			continue
		}
		if key, ok := publicKey(c).(*rsa.PublicKey); ok && key.N.BitLen() > maxKeyBits {
			return fmt.Errorf("a certificate has a key of more than %d bits", maxKeyBits)
		}
		d.certificates = append(d.certificates, c)
	}
	return nil
}

func (s *signerInfo) read(info cryptobyte.String) bool {
	var attributes, algorithm, parameters, signature cryptobyte.String
	var signed bool
	if !info.SkipASN1(cbasn1.INTEGER) || !s.readSigner(&info) ||
		!pbe.ReadAlgorithm(&info, &s.digest, &parameters) ||
		!info.ReadOptionalASN1(&attributes, &signed, tag0Inside) ||
		!pbe.ReadAlgorithm(&info, &s.algorithm, &algorithm) ||
		!info.ReadASN1(&signature, cbasn1.OCTET_STRING) ||
		!info.SkipOptionalASN1(tag1Inside) || !info.Empty() {
		return false
	}
	s.parameters, s.signature = algorithm, signature
	if signed {
		s.attributes = attributes
	}
	return true
}

// readSigner reads which certificate is the signer's.
func (s *signerInfo) readSigner(info *cryptobyte.String) bool {
	if info.PeekASN1Tag(tag0) {
		var id cryptobyte.String
		ok := info.ReadASN1(&id, tag0)
		s.keyID = id
		return ok
	}
	var sid, issuer, serial cryptobyte.String
	if !info.ReadASN1(&sid, cbasn1.SEQUENCE) || !sid.ReadASN1Element(&issuer, cbasn1.SEQUENCE) ||
		!sid.ReadASN1(&serial, cbasn1.INTEGER) || !sid.Empty() {
		return false
	}
	s.issuer, s.serial = issuer, serial
	return true
}

// signedAttributes are the supported attributes of a signature.
type signedAttributes struct {
	contentType   asn1.ObjectIdentifier
	messageDigest []byte
	signingTime   time.Time // zero if it's missing or unreadable
}

// readAttributes parses a set of attributes. Type and digest are required, and
// each may appear only once with one value (RFC 5652, section 11).
func readAttributes(set []byte) (a signedAttributes, ok bool) {
	rest := cryptobyte.String(set)
	var types, digests, times int
	for !rest.Empty() {
		var attribute, values cryptobyte.String
		var id asn1.ObjectIdentifier
		if !rest.ReadASN1(&attribute, cbasn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&id) ||
			!attribute.ReadASN1(&values, cbasn1.SET) || !attribute.Empty() {
			return a, false
		}
		switch {
		case id.Equal(oidContentType):
			types++
			ok = values.ReadASN1ObjectIdentifier(&a.contentType) && values.Empty()
		case id.Equal(oidMessageDigest):
			digests++
			var digest cryptobyte.String
			ok = values.ReadASN1(&digest, cbasn1.OCTET_STRING) && values.Empty()
			a.messageDigest = digest
		case id.Equal(oidSigningTime):
			times++
			a.signingTime, ok = readTime(values), true
		default:
			ok = true
		}
		if !ok {
			return a, false
		}
	}
	return a, types == 1 && digests == 1 && times <= 1
}

// readTime parses a Time in either form. Other forms give the zero time.
func readTime(from cryptobyte.String) time.Time {
	var t time.Time
	if from.PeekASN1Tag(cbasn1.UTCTime) && from.ReadASN1UTCTime(&t) || from.ReadASN1GeneralizedTime(&t) {
		return t
	}
	return time.Time{}
}
