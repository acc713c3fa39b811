package command

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestBatchKilled kills the program again and again while it creates a batch,
// and has it resume. The result must equal that of an undisturbed run.
func TestBatchKilled(t *testing.T) { killBatch(t, 5, 3_000) }

// killBatch kills batches of n rows several times.
func killBatch(t *testing.T, kills, rows int) {
	dir := t.TempDir()
	signingtest.WriteFiles(t, dir)
	var input strings.Builder
	input.WriteString("email,display_name,platform\n")
	for i := range rows {
		fmt.Fprintf(&input, "p%d@example.com,Jane Doe,%s\n", i, []string{"iphone", "mac", "both"}[i%3])
	}
	input.WriteString("bad,,\n")
	if err := os.WriteFile(filepath.Join(dir, "people.csv"), []byte(input.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	batch := func(output string, more ...string) *exec.Cmd {
		args := []string{"batch", "--input", "people.csv", "--imap", "imap.example.com", "--smtp", "smtp.example.com", "--signing-cert", "fullchain.pem", "--signing-key", "key.pem",
			"--signing-roots", "root.pem", "--skip-bad-rows", "--json", "-o", output}
		cmd := exec.Command(filepath.Join(programs, "mobileconfig"), append(args, more...)...)
		cmd.Dir = dir
		return cmd
	}
	if err := batch("whole.zip").Run(); err == nil {
		t.Fatal("there is a bad row, and the exit code is 0")
	}
	want := unsigned(t, filepath.Join(dir, "whole.zip"))

	random := rand.New(rand.NewPCG(7, 8))
	for killed, n := 0, 0; killed < kills; n++ {
		output := fmt.Sprintf("killed-%d.zip", n)
		for again := []string(nil); ; again = []string{"--resume"} {
			if !killAfter(t, batch(output, again...), random.IntN(rows/1000+2)) {
				break
			}
			killed++
			if _, err := os.Stat(filepath.Join(dir, output)); err == nil {
				// It was killed during its last steps. Resuming it completes
				// the batch, unless nothing is left to do.
				if _, err := os.Stat(filepath.Join(dir, output+".unfinished")); err != nil {
					break
				}
			}
			if _, err := os.Stat(filepath.Join(dir, output+".unfinished")); err != nil {
				t.Fatal(err)
			}
		}
		if got := unsigned(t, filepath.Join(dir, output)); got != want {
			t.Fatalf("%s differs from an undisturbed run", output)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*.unfinished")); len(left) > 0 {
			t.Fatalf("left over: %v", left)
		}
		os.Remove(filepath.Join(dir, output))
		os.Remove(filepath.Join(dir, strings.TrimSuffix(output, ".zip")+"-errors.csv"))
	}
}

// killAfter kills the program after n events, and reports whether it was still
// running. Otherwise it has ended with the code for bad rows.
func killAfter(t *testing.T, cmd *exec.Cmd, events int) bool {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errors bytes.Buffer
	cmd.Stderr = &errors
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	finished := false
	for n := 0; n <= events && lines.Scan(); n++ {
		finished = finished || strings.Contains(lines.Text(), `"event":"finished"`)
	}
	cmd.Process.Kill()
	for lines.Scan() {
		finished = finished || strings.Contains(lines.Text(), `"event":"finished"`)
	}
	cmd.Wait()
	code := cmd.ProcessState.ExitCode()
	if code >= 0 && code != 1 {
		t.Fatalf("exit code %d: %s", code, errors.String())
	}
	return !finished && code < 0
}

// unsigned returns a digest of an archive's content, without times and
// signatures. It verifies one in twenty signatures, and all checksums of the
// manifest.
func unsigned(t *testing.T, archive string) string {
	t.Helper()
	r, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	h, sums := sha256.New(), map[string]string{}
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasSuffix(f.Name, ".mobileconfig"):
			sums[f.Name] = fmt.Sprintf("%x", sha256.Sum256(data))
			if len(sums)%20 == 1 {
				if _, err := signing.Open(data); err != nil {
					t.Fatalf("%s: %v", f.Name, err)
				}
			}
			data = signingtest.Content(t, data)
		case f.Name == "manifest.csv":
			rows, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for i, row := range rows {
				if i > 0 && sums[row[3]] != row[7] {
					t.Errorf("%s isn't what the manifest says", row[3])
				}
				row[7], row[8] = "", ""
			}
			data = fmt.Append(nil, rows)
		case f.Name != "errors.csv":
			data = nil
		}
		fmt.Fprintf(h, "%s %d\n", f.Name, len(data))
		h.Write(data)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}
