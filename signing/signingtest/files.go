package signingtest

import (
	"os"
	"path/filepath"
	"testing"
)

// WriteFiles fills the folder for tests of the command line: a good
// fullchain.pem with key.pem under root.pem, its parts middle.pem and
// leaf-only.pem, an expired certificate with its key, the key of another
// certificate, and a file that isn't a profile.
func WriteFiles(t testing.TB, dir string) {
	t.Helper()
	root := Root(t, "p256")
	middle := root.Intermediate(t, "p256")
	leaf := middle.Leaf(t, "p256", nil)
	expired := middle.Leaf(t, "p256", Expired)
	for name, data := range map[string][]byte{
		"root.pem":          root.CertPEM(),
		"fullchain.pem":     leaf.CertPEM(middle),
		"middle.pem":        middle.CertPEM(),
		"leaf-only.pem":     leaf.CertPEM(),
		"key.pem":           leaf.KeyPEM(t),
		"expired.pem":       expired.CertPEM(middle),
		"expired-key.pem":   expired.KeyPEM(t),
		"another-key.pem":   expired.KeyPEM(t),
		"not-a-profile.bin": []byte("hello"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
