package signing_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A pathCase is the certificates around a key's certificate, with the expected
// result.
type pathCase struct {
	name   string
	chain  []*x509.Certificate
	roots  *x509.CertPool
	want   signing.Code
	says   string
	notice signing.Code
	inside int // certificates in an envelope
}

// authority creates a certificate that looks like that of another authority.
func authority(like signingtest.Pair, change func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.Subject, c.DNSNames, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = like.Cert.Subject, nil, true, true, x509.KeyUsageCertSign
		if change != nil {
			change(c)
		}
	}
}

func pathCases(t *testing.T) (leaf signingtest.Pair, cases []pathCase) {
	t.Helper()
	root := signingtest.Root(t, "p256")
	upper := root.Intermediate(t, "rsa-2048")
	lower := upper.Intermediate(t, "p384")
	leaf = lower.Leaf(t, "p256", nil)
	stranger := signingtest.Root(t, "p256")
	oldRoot := signingtest.Root(t, "p256").Intermediate(t, "p256") // an anchor that isn't a root
	above := signingtest.Root(t, "p256").LeafFor(t, oldRoot.Key, authority(oldRoot, nil))
	crossed := oldRoot.LeafFor(t, root.Key, authority(root, nil))
	crossExpired := oldRoot.LeafFor(t, root.Key, authority(root, signingtest.Expired))
	lowerExpired := upper.LeafFor(t, lower.Key, authority(lower, signingtest.Expired))
	otherKey := upper.LeafFor(t, signingtest.Key(t, "p256"), authority(lower, nil))
	noCA := upper.LeafFor(t, lower.Key, authority(lower, func(c *x509.Certificate) { c.IsCA = false }))
	short := root.LeafFor(t, upper.Key, authority(upper, func(c *x509.Certificate) { c.MaxPathLenZero = true }))
	rsaRoot := signingtest.Root(t, "rsa-2048")
	pss := rsaRoot.LeafFor(t, lower.Key, authority(lower, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.SHA256WithRSAPSS }))
	extension := func(id ...int) signingtest.Pair {
		return lower.LeafFor(t, leaf.Key, func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: id, Critical: true, Value: []byte{5, 0}}}
		})
	}
	own := root.Leaf(t, "p256", nil)
	self := signingtest.Pair{Key: leaf.Key}.LeafFor(t, leaf.Key, nil)
	return leaf, []pathCase{
		{"three certificates", chain(leaf, lower, upper), pool(root), "", "", "", 3},
		{"three and the root", chain(leaf, lower, upper, root), pool(root), "", "", "", 3},
		{"no root known", chain(leaf, lower, upper), pool(), signing.ChainIncomplete, `the issuer "CN=Test root"`, "", 0},
		{"own root", chain(root, upper, leaf, lower), pool(), "", "", signing.PrivateRoot, 3},
		{"expired cross-signed root at the end", chain(leaf, lower, upper, crossExpired), pool(root), "", "", signing.CertificateUnused, 3},
		{"the same, root not known", chain(leaf, lower, upper, crossExpired), pool(), signing.ChainIncomplete, "the one in the file", "", 0},
		{"cross-signed root at the end", chain(leaf, lower, upper, crossed), pool(root), "", "", "", 4},
		{"cross-signed twice", chain(leaf, above, crossed, upper, lower), pool(root), "", "", "", 5},
		{"cross-signed root is the way", chain(leaf, lower, upper, crossed), pool(oldRoot), "", "", "", 4},
		{"expired beside the path", chain(leaf, lowerExpired, lower, upper), pool(root), "", "", signing.CertificateUnused, 3},
		{"expired on the path", chain(leaf, lowerExpired, upper), pool(root), signing.Expired, "Below", "", 0},
		{"anchor in the file", chain(leaf, lower, upper), pool(upper), "", "", "", 3},
		{"a stranger's", chain(leaf, lower, upper, own), pool(root), "", "", signing.CertificateUnused, 3},
		{"a strange root", chain(leaf, lower, upper, stranger), pool(root), "", "", "", 3},
		{"middle missing", chain(leaf, upper), pool(root), signing.ChainIncomplete, "is missing", "", 0},
		{"middle with another key", chain(leaf, otherKey, upper), pool(root), signing.ChainIncomplete, "with another key", "", 0},
		{"middle is no authority", chain(leaf, noCA, upper), pool(root), signing.ChainInvalid, "isn't that of an authority", "", 0},
		{"path too long", chain(leaf, lower, short), pool(root), signing.ChainInvalid, "breaks a rule", "", 0},
		{"PSS-signed authority", chain(leaf, pss), pool(rsaRoot), "", "", "", 2},
		{"critical extension", chain(extension(1, 2, 3, 4), lower, upper), pool(root), signing.CriticalExtension, "1.2.3.4", "", 0},
		{"Apple's critical extension", chain(extension(1, 2, 840, 113635, 100, 6, 1, 4), lower, upper), pool(root), "", "", "", 3},
		{"self-signed", chain(self), pool(), "", "", signing.SelfSigned, 1},
		{"self-signed and trusted", chain(self), pool(self), "", "", "", 1},
	}
}

// TestPaths judges certificates by the chain that devices use, and checks the
// notices.
func TestPaths(t *testing.T) {
	leaf, cases := pathCases(t)
	for _, tt := range cases {
		id, err := signing.New(leaf.Key, tt.chain, tt.roots, nil)
		if codeOf(err) != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %q (%v), want %q", tt.name, codeOf(err), err, tt.want)
			continue
		}
		if err != nil {
			continue
		}
		var notices []signing.Code
		for _, n := range id.Notices() {
			notices = append(notices, n.Code)
		}
		if want := slices.DeleteFunc([]signing.Code{tt.notice}, func(c signing.Code) bool { return c == "" }); !slices.Equal(notices, want) {
			t.Errorf("%s: notices %v, want %v", tt.name, id.Notices(), want)
		}
		signed, err := id.Sign(t.Context(), cleared(t))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		checkForm(t, signed, tt.inside)
	}
}

// TestExpires checks that the shortest chain counts: if it continues to another
// root, that part's expiry doesn't matter.
func TestExpires(t *testing.T) {
	root, oldRoot := signingtest.Root(t, "p256"), signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	sooner := time.Now().Add(time.Hour)
	crossed := oldRoot.LeafFor(t, root.Key, authority(root, func(c *x509.Certificate) { c.NotAfter = sooner }))
	id, err := signing.New(leaf.Key, chain(leaf, crossed), pool(root, oldRoot), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !id.Expires().Equal(leaf.Cert.NotAfter) {
		t.Errorf("expires %s, want %s", id.Expires(), leaf.Cert.NotAfter)
	}
}

// TestFoundFiles checks files that were once misread, at a time when their
// certificates are valid.
func TestFoundFiles(t *testing.T) {
	at := func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) }
	for name, notice := range map[string]signing.Code{
		"bom.pem":     "",
		"glued.pem":   "",
		"fcrossx.pem": signing.CertificateUnused,
	} {
		files := signing.Files{Cert: "testdata/" + name, Key: "testdata/enc_a5.key", Passphrase: "testdata/pw", Roots: "testdata/ca.pem"}
		id, err := files.Load(at)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if n := id.Notices(); notice == "" && len(n) > 0 || notice != "" && (len(n) != 1 || n[0].Code != notice) {
			t.Errorf("%s: notices %v", name, n)
		}
	}
}
