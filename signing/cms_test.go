package signing_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mozilla.org/pkcs7"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// variant returns the nth of many profiles. Names, texts and payloads differ,
// and so do the lengths in the envelope.
func variant(t testing.TB, n int) gate.Cleared {
	t.Helper()
	p := mailProfile(t)
	mail := profile.Of[*profile.Mail](p)
	mail.PersonName = strings.Repeat("é", n%97) + fmt.Sprint(n)
	p.Description = strings.Repeat("Text & more\n", 1+n%300)
	if n%3 == 0 {
		policy := profile.DefaultPasscode()
		policy.DisplayName = "Passcode"
		p.Payloads = append(p.Payloads, &policy)
		p.Consent = map[string]string{"default": strings.Repeat("x", 1+n%4000)}
	}
	return clear(t, p)
}

// byPKCS7 creates the envelope with the pkcs7 package, at the time. If
// signature isn't nil, it's used instead of signing.
func byPKCS7(t *testing.T, content []byte, leaf signingtest.Pair, rest []*x509.Certificate, at time.Time, signature []byte) []byte {
	t.Helper()
	sd, err := pkcs7.NewSignedData(content)
	if err != nil {
		t.Fatal(err)
	}
	sd.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := sd.AddSigner(leaf.Cert, leaf.Key, pkcs7.SignerInfoConfig{}); err != nil {
		t.Fatal(err)
	}
	for _, c := range rest {
		sd.AddCertificate(c)
	}
	info := &sd.GetSignedData().SignerInfos[0]
	for i := range info.AuthenticatedAttributes {
		if a := &info.AuthenticatedAttributes[i]; a.Type.Equal(pkcs7.OIDAttributeSigningTime) {
			if a.Value.Bytes, err = asn1.Marshal(at.UTC()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if info.EncryptedDigest = signature; signature == nil {
		attributes, err := asn1.MarshalWithParams(info.AuthenticatedAttributes, "set")
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(attributes)
		if info.EncryptedDigest, err = leaf.Key.Sign(rand.Reader, sum[:], crypto.SHA256); err != nil {
			t.Fatal(err)
		}
	}
	out, err := sd.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSameBytes compares the writer with pkcs7, byte for byte, for 1,000
// profiles. With RSA, the same content at the same time has only one signature.
func TestSameBytes(t *testing.T) {
	at := time.Now()
	root := signingtest.Root(t, "p256")
	middle := root.Intermediate(t, "p256")
	leaf := middle.Leaf(t, "rsa-2048", nil)
	id, err := signing.New(leaf.Key, chain(leaf, middle), pool(root), func() time.Time { return at })
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[int]bool{}
	for n := range 1000 {
		at = leaf.Cert.NotBefore.Add(time.Duration(n) * time.Second)
		profile := variant(t, n)
		got, err := id.Sign(t.Context(), profile)
		if err != nil {
			t.Fatal(err)
		}
		want := byPKCS7(t, profile.Bytes(), leaf, chain(middle), at, nil)
		if !bytes.Equal(got, want) {
			t.Fatalf("profile %d: got\n%x\nwant\n%x", n, got, want)
		}
		sizes[len(got)] = true
	}
	if len(sizes) < 500 {
		t.Errorf("the profiles have only %d sizes", len(sizes))
	}
}

// TestSameForm does the same for every kind of key and chain, with the
// signature inserted, and for times that are encoded differently.
func TestSameForm(t *testing.T) {
	for _, kind := range []string{"rsa-3072", "p256", "p384"} {
		root := signingtest.Root(t, "p256")
		middle := root.Intermediate(t, "rsa-2048")
		lower := middle.Intermediate(t, "p384")
		now := time.Now()
		for _, tt := range []struct {
			at      time.Time
			issuers []signingtest.Pair // the nearest first, then the root
		}{
			{now, []signingtest.Pair{root}},
			{now, []signingtest.Pair{middle, root}},
			{now, []signingtest.Pair{lower, middle, root}},
			{time.Date(1999, 12, 31, 23, 59, 58, 0, time.FixedZone("", -3600)), []signingtest.Pair{root}},
			{time.Date(2049, 12, 31, 23, 59, 58, 0, time.UTC), []signingtest.Pair{root}},
			{time.Date(2049, 12, 31, 23, 59, 58, 0, time.FixedZone("", -3600)), []signingtest.Pair{root}}, // which is 2050
		} {
			leaf := tt.issuers[0].Leaf(t, kind, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = tt.at.AddDate(-1, 0, 0), tt.at.AddDate(1, 0, 0) })
			rest := chain(tt.issuers[:len(tt.issuers)-1]...)
			id, err := signing.Unchecked(leaf.Key, append(chain(leaf), rest...), func() time.Time { return tt.at })
			if err != nil {
				t.Fatal(err)
			}
			profile := variant(t, len(rest))
			got, err := id.Sign(t.Context(), profile)
			if err != nil {
				t.Fatal(err)
			}
			p7, err := pkcs7.Parse(got)
			if err != nil {
				t.Fatal(err)
			}
			want := byPKCS7(t, profile.Bytes(), leaf, rest, tt.at, p7.Signers[0].EncryptedDigest)
			if !bytes.Equal(got, want) {
				t.Errorf("%s, %d intermediates, %s: got\n%x\nwant\n%x", kind, len(rest), tt.at, got, want)
			}
			if err := p7.Verify(); err != nil {
				t.Errorf("%s, %d intermediates, %s: %v", kind, len(rest), tt.at, err)
			}
		}
	}
}

// opaque is a key that only reveals its public half, like one in a hardware
// module.
type opaque struct {
	key   crypto.Signer
	calls int
	err   error
}

func (o *opaque) Public() crypto.PublicKey { return o.key.Public() }

func (o *opaque) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if o.calls++; o.err != nil {
		return nil, o.err
	}
	return o.key.Sign(random, digest, opts)
}

// TestOpaqueKeys signs with keys that can only sign.
func TestOpaqueKeys(t *testing.T) {
	for _, kind := range []string{"rsa-2048", "p256", "p384"} {
		root := signingtest.Root(t, "p256")
		leaf := root.Leaf(t, kind, nil)
		key := &opaque{key: leaf.Key}
		id, err := signing.New(key, chain(leaf), pool(root), nil)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		signed, err := id.Sign(t.Context(), cleared(t))
		if err != nil {
			t.Fatal(err)
		}
		openssl(t, signed, root, unsigned(t))
		if key.calls != 1 {
			t.Errorf("%s: called %d times for one signature", kind, key.calls)
		}
		key.err = errors.New("the module is gone")
		if _, err := id.Sign(t.Context(), cleared(t)); !errors.Is(err, key.err) {
			t.Errorf("%s: got %v", kind, err)
		}
	}
}

// TestSignCanceled checks that nothing is signed after the caller has gone
// away.
func TestSignCanceled(t *testing.T) {
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	key := &opaque{key: leaf.Key}
	id, err := signing.New(key, chain(leaf), pool(root), nil)
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, err := id.Sign(ctx, cleared(t)); !errors.Is(err, gone) || key.calls > 0 {
		t.Errorf("got %v after %d signatures", err, key.calls)
	}
}

// TestDescribe checks the description of a signer for pages and programs.
func TestDescribe(t *testing.T) {
	root := signingtest.Root(t, "p256")
	middle := root.Intermediate(t, "p256")
	leaf := middle.Leaf(t, "rsa-2048", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(48 * time.Hour) })
	now := time.Now()
	id, err := signing.New(leaf.Key, chain(leaf, middle), pool(root), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	d := id.Describe()
	if d.Name != "setup.example.com" || d.Subject != "CN=setup.example.com" || !slices.Equal(d.Issuers, []string{"CN=Below Test root", "CN=Test root"}) ||
		d.Issuer() != "CN=Below Test root" || d.Fingerprint != fmt.Sprintf("%x", sha256.Sum256(leaf.Cert.Raw)) ||
		!d.NotAfter.Equal(middle.Cert.NotAfter) || d.Development || d.Fault != nil {
		t.Errorf("got %+v", d)
	}
	d.Issuers[0] = "changed"
	now = middle.Cert.NotAfter.Add(time.Second)
	if d := id.Describe(); d.Issuers[0] == "changed" || codeOf(d.Fault) != signing.Expired {
		t.Errorf("later: got %+v", d)
	}
	if issuer := (signing.Description{}).Issuer(); issuer != "" {
		t.Errorf("the issuer of nothing is %q", issuer)
	}
}

// BenchmarkSign compares an envelope with the raw signature.
func BenchmarkSign(b *testing.B) {
	for _, kind := range []string{"p256", "p384", "rsa-2048", "rsa-3072"} {
		root := signingtest.Root(b, "p256")
		leaf := root.Leaf(b, kind, nil)
		id, err := signing.New(leaf.Key, chain(leaf), pool(root), nil)
		if err != nil {
			b.Fatal(err)
		}
		profile := cleared(b)
		b.Run(kind, func(b *testing.B) {
			signingtest.Ratio(b, leaf.Key, 1, func() error { _, err := id.Sign(b.Context(), profile); return err })
		})
	}
}
