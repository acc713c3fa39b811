//go:build !race

package batch_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile/lint"
)

// TestOtherReaders reads an archive with unzip and Python, and verifies 1,000
// of its files with OpenSSL against only the root.
func TestOtherReaders(t *testing.T) {
	r := newRig(t, "p256")
	_, archives := r.run(t, output(t), people(334), choice{Defaults: everything})
	r.otherReaders(t, archives[0], 1000)
}

func (r *rig) otherReaders(t *testing.T, archive string, atLeast int) {
	t.Helper()
	needs(t, "unzip", "python3", "openssl")
	for _, command := range [][]string{{"unzip", "-tqq", archive}, {"python3", "-m", "zipfile", "-t", archive}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil || bytes.Contains(out, []byte("bad")) {
			t.Errorf("%s: %v\n%s", command[0], err, out)
		}
	}
	dir := extract(t, archive)
	if err := os.WriteFile(filepath.Join(dir, "root.pem"), r.root.CertPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `n=0; for f in signed/*/*/*; do openssl cms -verify -inform DER -in "$f" -CAfile root.pem -purpose any -out /dev/null 2>/dev/null || { echo "$f"; exit 1; }; n=$((n+1)); done; echo $n`)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	var verified int
	if fmt.Sscan(string(out), &verified); err != nil || verified < atLeast {
		t.Errorf("openssl: %v, %s", err, out)
	}
	names, contents := members(t, archive)
	for _, name := range names {
		if !strings.HasSuffix(name, ".mobileconfig") {
			continue
		}
		report, err := lint.Inspect(contents[name], time.Now())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, f := range report.Findings {
			// The intermediate certificate of the test lives for a day.
			if f.Severity != lint.Note && f.Code != "signer_expiring" {
				t.Fatalf("%s: %+v", name, f)
			}
		}
	}
}
