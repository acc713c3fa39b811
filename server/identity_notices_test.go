package server_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestIdentityNotices checks that the log names the certificate that is left
// out.
func TestIdentityNotices(t *testing.T) {
	dir := t.TempDir()
	signingtest.WriteFiles(t, dir)
	files := signing.Files{Cert: filepath.Join(dir, "both.pem"), Key: filepath.Join(dir, "key.pem"), Roots: filepath.Join(dir, "root.pem")}
	var both []byte
	for _, name := range []string{"fullchain.pem", "expired.pem"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, data...)
	}
	if err := os.WriteFile(files.Cert, both, 0o600); err != nil {
		t.Fatal(err)
	}
	var log servertest.Log
	if _, err := server.FromFiles(files, nil, slog.New(slog.NewJSONHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	if text := log.String(); !strings.Contains(text, `"code":"certificate_unused"`) || !strings.Contains(text, `"level":"WARN"`) {
		t.Errorf("the log says %q", text)
	}
}
