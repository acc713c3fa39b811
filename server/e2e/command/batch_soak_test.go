//go:build soak

package command

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestSoakBatchKilled is TestBatchKilled, many times.
func TestSoakBatchKilled(t *testing.T) {
	killBatch(t, soak.Count(5, 200), soak.Count(5_000, 30_000))
}

// TestSoakBatchMemory measures the program's memory for few people and for
// many.
func TestSoakBatchMemory(t *testing.T) {
	many := soak.Count(60_000, 1_000_000)
	few := runBatch(t, 10_000)
	peak := runBatch(t, many)
	soak.Figure(t, "peak memory for 10,000 people, MiB", few>>10, 128)
	soak.Figure(t, fmt.Sprintf("peak memory for %d people, MiB", many), peak>>10, "128, and 48 more than for 10,000")
	if peak>>10 > 128 || (peak-few)>>10 > 48 {
		t.Errorf("%d KiB for 10,000 people, %d KiB for %d", few, peak, many)
	}
}

// runBatch creates a batch and returns the peak of its memory in KiB.
func runBatch(t *testing.T, rows int) int64 {
	dir := t.TempDir()
	signingtest.WriteFiles(t, dir)
	f, err := os.Create(filepath.Join(dir, "people.csv"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "email,display_name,employee_id,department")
	for i := range rows {
		fmt.Fprintf(w, "jane.doe%d@example.com,Jane Doe,%d,Sales\n", i, i)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	f.Close()
	cmd := exec.Command(filepath.Join(programs, "mobileconfig"), "batch", "--input", "people.csv", "--imap", "imap.example.com", "--smtp", "smtp.example.com",
		"--signing-cert", "fullchain.pem", "--signing-key", "key.pem", "--signing-roots", "root.pem", "-o", "out.zip")
	cmd.Dir = dir
	start := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	soak.Figure(t, fmt.Sprintf("rows per second of %d", rows), int(float64(rows)/time.Since(start).Seconds()), "-")
	return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
}
