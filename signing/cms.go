package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	tags "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// The object identifiers of the algorithms that are written (RFC 5754).
var (
	oidSHA256      = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA256RSA   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidSHA256ECDSA = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
)

// The context-specific tags of CMS (RFC 5652, section 5).
var (
	explicit0 = tags.Tag(0).ContextSpecific().Constructed() // content, certificates, signed attributes
	set       = byte(tags.SET)
	sequence  = byte(tags.SEQUENCE)
	octetText = byte(tags.OCTET_STRING)
	context0  = byte(explicit0)
)

// A cmsWriter writes CMS SignedData in DER with one signer: SHA-256, an
// embedded profile or nothing, signed attributes. Everything that doesn't
// depend on the content is encoded in advance.
type cmsWriter struct {
	signedData   []byte // the type of the outermost content
	head         []byte // version and digest algorithms
	data         []byte // the type of the content
	certificates []byte // with tag and length
	signer       []byte // version, issuer and serial number, digest algorithm
	algorithm    []byte // of the signature
	contentType  []byte // attribute: content is data
	signingTime  []byte // the type of the attribute
	digest       []byte // attribute: all before the digest itself
}

// newCMSWriter prepares envelopes signed by leaf, with the intermediates after
// its certificate.
func newCMSWriter(leaf *x509.Certificate, intermediates []*x509.Certificate) (*cmsWriter, error) {
	algorithm := oidSHA256ECDSA
	switch leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		algorithm = oidSHA256RSA
	case *ecdsa.PublicKey:
	default:
		return nil, errors.New("signing: the key is neither RSA nor ECDSA")
	}
	certificates := []part{raw(leaf.Raw)}
	for _, c := range intermediates {
		certificates = append(certificates, raw(c.Raw))
	}
	version := func(b *cryptobyte.Builder) { b.AddASN1Int64(1) }
	serial := func(b *cryptobyte.Builder) { b.AddASN1BigInt(leaf.SerialNumber) }
	sha := in(tags.SEQUENCE, oid(oidSHA256))
	noDigest := in(tags.OCTET_STRING, raw(make([]byte, sha256.Size)))

	var e encoder
	w := &cmsWriter{
		signedData:   e.encode(oid(oidSignedData)),
		head:         e.encode(version, in(tags.SET, sha)),
		data:         e.encode(oid(oidData)),
		certificates: e.encode(in(explicit0, certificates...)),
		signer:       e.encode(version, in(tags.SEQUENCE, raw(leaf.RawIssuer), serial), sha),
		algorithm:    e.encode(in(tags.SEQUENCE, oid(algorithm))),
		contentType:  e.encode(in(tags.SEQUENCE, oid(oidContentType), in(tags.SET, oid(oidData)))),
		signingTime:  e.encode(oid(oidSigningTime)),
		digest:       e.encode(in(tags.SEQUENCE, oid(oidMessageDigest), in(tags.SET, noDigest))),
	}
	w.digest = w.digest[:len(w.digest)-sha256.Size]
	return w, e.err
}

// A part writes one or more elements.
type part = func(*cryptobyte.Builder)

// in wraps the parts in an element with the tag.
func in(tag tags.Tag, parts ...part) part {
	return func(b *cryptobyte.Builder) {
		b.AddASN1(tag, func(b *cryptobyte.Builder) {
			for _, p := range parts {
				p(b)
			}
		})
	}
}

func oid(id asn1.ObjectIdentifier) part {
	return func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(id) }
}

// raw is already encoded.
func raw(der []byte) part { return func(b *cryptobyte.Builder) { b.AddBytes(der) } }

// An encoder collects encoding errors.
type encoder struct{ err error }

func (e *encoder) encode(parts ...part) []byte {
	var b cryptobyte.Builder
	for _, p := range parts {
		p(&b)
	}
	out, err := b.Bytes()
	e.err = errors.Join(e.err, err)
	return out
}

// maxAttributes is the capacity for the signed attributes with their header.
const maxAttributes = 128

// sign returns the profile in an envelope signed by key at the time.
func (w *cmsWriter) sign(key crypto.Signer, profile gate.Cleared, at time.Time) ([]byte, error) {
	out, _, err := w.envelope(key, profile.Digest(), profile.Size(), profile.Append, at)
	return out, err
}

// apart is sign without the profile, which belongs at the index in the result.
func (w *cmsWriter) apart(key crypto.Signer, profile gate.Cleared, at time.Time) (rest []byte, index int, err error) {
	return w.envelope(key, profile.Digest(), profile.Size(), nil, at)
}

// envelope returns the signature of the content with the digest and size, and
// the index of the content. Embed appends the content, or is nil to leave it
// out. If the size is 0, the signature is detached.
func (w *cmsWriter) envelope(key crypto.Signer, digest [sha256.Size]byte, size int, embed func([]byte) []byte, at time.Time) (out []byte, index int, err error) {
	attributes := w.attributes(digest, at)
	// They are signed as a SET (RFC 5652, section 5.4).
	sum := sha256.Sum256(attributes)
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		return nil, 0, fmt.Errorf("signing: %w", err)
	}
	// In the envelope they have a context-specific tag.
	attributes[0] = context0

	octets := sized(size)
	content := len(w.data)
	if size > 0 {
		content += sized(octets)
	}
	info := len(w.signer) + len(attributes) + len(w.algorithm) + sized(len(signature))
	inner := len(w.head) + sized(content) + len(w.certificates) + sized(sized(info))
	outer := len(w.signedData) + sized(sized(inner))

	room := sized(outer)
	if embed == nil {
		room -= size
	}
	out = make([]byte, 0, room)
	out = appendHeader(out, sequence, outer)
	out = append(out, w.signedData...)
	out = appendHeader(out, context0, sized(inner))
	out = appendHeader(out, sequence, inner)
	out = append(out, w.head...)
	out = appendHeader(out, sequence, content)
	out = append(out, w.data...)
	if size > 0 {
		out = appendHeader(out, context0, octets)
		out = appendHeader(out, octetText, size)
	}
	if index = len(out); embed != nil {
		out = embed(out)
	}
	out = append(out, w.certificates...)
	out = appendHeader(out, set, sized(info))
	out = appendHeader(out, sequence, info)
	out = append(out, w.signer...)
	out = append(out, attributes...)
	out = append(out, w.algorithm...)
	out = appendHeader(out, octetText, len(signature))
	return append(out, signature...), index, nil
}

// attributes returns the signed attributes as a DER SET, sorted by their
// encoding, which their lengths determine.
func (w *cmsWriter) attributes(digest [sha256.Size]byte, at time.Time) []byte {
	// UTCTime ends in 2049 (RFC 5652, section 11.3).
	tag, layout := byte(tags.UTCTime), "060102150405Z"
	if at = at.UTC(); at.Year() >= 2050 {
		tag, layout = byte(tags.GeneralizedTime), "20060102150405Z"
	}
	value := sized(len(layout))
	timeAttribute := len(w.signingTime) + sized(value)
	all := len(w.contentType) + sized(timeAttribute) + len(w.digest) + len(digest)

	out := make([]byte, 0, maxAttributes)
	out = appendHeader(out, set, all)
	out = append(out, w.contentType...)
	out = appendHeader(out, sequence, timeAttribute)
	out = append(out, w.signingTime...)
	out = appendHeader(out, set, value)
	out = appendHeader(out, tag, len(layout))
	out = at.AppendFormat(out, layout)
	out = append(out, w.digest...)
	return append(out, digest[:]...)
}

// sized returns the size of an element with n bytes of content.
func sized(n int) int {
	size := 2 + n
	if n >= 0x80 {
		for ; n > 0; n >>= 8 {
			size++
		}
	}
	return size
}

// appendHeader appends the tag and length of an element with n bytes of
// content, in the shortest form, as DER requires.
func appendHeader(out []byte, tag byte, n int) []byte {
	out = append(out, tag)
	if n < 0x80 {
		return append(out, byte(n))
	}
	octets := sized(n) - n - 2
	out = append(out, 0x80|byte(octets))
	for shift := 8 * (octets - 1); shift >= 0; shift -= 8 {
		out = append(out, byte(n>>shift))
	}
	return out
}
