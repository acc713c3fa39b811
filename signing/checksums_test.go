package signing_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestSignChecksums checks with OpenSSL that the detached signature of a list
// is valid with each kind of key, and not for another list.
func TestSignChecksums(t *testing.T) {
	for _, kind := range []string{"rsa-2048", "rsa-3072", "p256", "p384"} {
		t.Run(kind, func(t *testing.T) {
			root := signingtest.Root(t, kind)
			middle := root.Intermediate(t, kind)
			leaf := middle.Leaf(t, kind, nil)
			id, err := signing.New(leaf.Key, chain(leaf, middle), pool(root), nil)
			if err != nil {
				t.Fatal(err)
			}
			var list signing.Checksums
			for i := range 3 {
				if err := list.Add(fmt.Sprintf("signed/iphone/0001/%d.mobileconfig", i), sha256.Sum256([]byte{byte(i)})); err != nil {
					t.Fatal(err)
				}
			}
			signature, err := id.SignChecksums(t.Context(), &list)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			write := func(name string, data []byte) {
				if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("root.pem", root.CertPEM())
			write("list.p7s", signature)
			verify := func(text string) error {
				write("list", []byte(text))
				cmd := exec.Command("openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", "list.p7s", "-content", "list", "-CAfile", "root.pem", "-purpose", "any", "-out", "out")
				cmd.Dir = dir
				return cmd.Run()
			}
			if err := verify(list.Text()); err != nil {
				t.Errorf("openssl: %v", err)
			}
			if verify(strings.Replace(list.Text(), "0.mobile", "9.mobile", 1)) == nil {
				t.Error("openssl accepts another list")
			}
			if bytes.Contains(signature, []byte("iphone")) {
				t.Error("the list is inside the signature")
			}
		})
	}
}

// TestChecksumsAreNoProfile tries to get a profile, an envelope or any other
// kind of line into a list.
func TestChecksumsAreNoProfile(t *testing.T) {
	p := unsigned(t)
	sum := sha256.Sum256(p)
	for _, name := range []string{
		"", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", ".hidden", "a/.hidden", "a b", "a\tb", "a\nb", "a\x00b", "a\\b", "ä", "a\xff", "a*b", "<plist>",
		string(p), "x\n" + string(p), "\n<?xml version=\"1.0\"?>", "bplist00{}", strings.Repeat("a", 256), "a:b", "a'b", "a\"b", "a$b", "a`b", "a=b", "a~b", "a\u202eb",
	} {
		var list signing.Checksums
		if err := list.Add(name, sum); err == nil {
			t.Errorf("%q was added", name)
		}
		if list.Text() != "" {
			t.Errorf("%q left %q", name, list.Text())
		}
	}
	var list signing.Checksums
	for _, name := range []string{"a", "a/b", "README.txt", "signed/mac/0001/jane.doe@example.com--x_y-z.mobileconfig", "-", strings.Repeat("a", 255)} {
		if err := list.Add(name, sum); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if want := fmt.Sprintf("%x  a\n%x  a/b\n", sum, sum); !strings.HasPrefix(list.Text(), want) {
		t.Errorf("got %q", list.Text())
	}
	if _, err := gate.Check([]byte(list.Text()), gate.Terms{}); err == nil {
		t.Error("the gate accepts a list as a profile")
	}
	if _, err := signing.Open([]byte(list.Text())); !errors.Is(err, signing.ErrNotEnvelope) {
		t.Errorf("a list as an envelope: %v", err)
	}
}

// TestChecksumsRefused checks that an empty list is refused, and everything
// else that Sign refuses.
func TestChecksumsRefused(t *testing.T) {
	root := signingtest.Root(t, "p256")
	leaf := root.Leaf(t, "p256", nil)
	now := time.Now()
	id, err := signing.New(leaf.Key, chain(leaf), pool(root), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	var list signing.Checksums
	if _, err := id.SignChecksums(t.Context(), &list); err == nil {
		t.Error("an empty list was signed")
	}
	if err := list.Add("a", sha256.Sum256(nil)); err != nil {
		t.Fatal(err)
	}
	now = leaf.Cert.NotAfter.Add(time.Second)
	if _, err := id.SignChecksums(t.Context(), &list); !errors.As(err, new(*signing.IdentityError)) {
		t.Errorf("after the certificate's expiry: %v", err)
	}
}

// TestReadChecksums checks that lists read back as they were written, and
// nothing else is accepted.
func TestReadChecksums(t *testing.T) {
	var list signing.Checksums
	for i := range 5 {
		if err := list.Add(fmt.Sprintf("signed/%d.mobileconfig", i), sha256.Sum256([]byte{byte(i)})); err != nil {
			t.Fatal(err)
		}
	}
	read, err := signing.ReadChecksums(list.Text())
	if err != nil || read.Text() != list.Text() {
		t.Fatalf("%v, got\n%s", err, read.Text())
	}
	line := strings.SplitAfter(list.Text(), "\n")[0]
	for _, bad := range []string{
		strings.TrimSuffix(line, "\n"), "\n", line + "\n", " " + line, strings.ToUpper(line[:8]) + line[8:], "g" + line[1:], line[1:], line[:66] + "\n",
		strings.Replace(line, "  ", " *", 1), strings.Replace(line, "  ", "\t ", 1), strings.Replace(line, "signed/", "../", 1), strings.Replace(line, "signed", "<plist>", 1),
		line + "<?xml version=\"1.0\"?>\n", strings.Replace(line, "\n", "\r\n", 1), "0" + line, line[:10] + "\x00" + line[11:],
	} {
		if read, err := signing.ReadChecksums(bad); err == nil {
			t.Errorf("%q was read as %q", bad, read.Text())
		}
	}
}
