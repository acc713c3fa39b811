package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReady wants a release to be refused for each thing that is missing.
func TestReady(t *testing.T) {
	b := build{root: t.TempDir(), out: t.TempDir(), version: "v1.2.3"}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-c", "user.name=Tests", "-c", "user.email=tests@example.com"}, args...)...)
		cmd.Dir = b.root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	changelog := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(b.root, "CHANGELOG.md"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	refused := func(want string) {
		t.Helper()
		if err := b.ready(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	git("init", "-q")
	changelog("# Changelog\n\n## Unreleased\n\n## 1.2.2 - 2026-01-01\n\n- Old.\n")
	refused("commit these first")
	git("add", ".")
	git("commit", "-q", "-m", "one")
	refused(`no section "## 1.2.3 - YYYY-MM-DD"`)
	for _, empty := range []string{"## 1.2.3 - 2026-02-01\n\n## 1.2.2 - 2026-01-01\n\n- Old.\n", "## 1.2.3\n\n- New.\n", "## 1.2.30 - 2026-02-01\n\n- New.\n"} {
		changelog(empty)
		git("commit", "-q", "-a", "-m", "two")
		refused("no section")
	}
	changelog("# Changelog\n\n## Unreleased\n\n## 1.2.3 - 2026-02-01\n\n- New.\n\n## 1.2.2 - 2026-01-01\n\n- Old.\n")
	git("commit", "-q", "-a", "-m", "three")
	if err := b.ready(); err != nil {
		t.Error(err)
	}
	if err := b.writeNotes(); err != nil {
		t.Error(err)
	}
	if notes := string(read(t, filepath.Join(b.out, "NOTES.md"))); notes != "- New.\n" {
		t.Errorf("notes %q", notes)
	}
	git("tag", "v1.2.3")
	if err := b.ready(); err != nil {
		t.Errorf("tagged: %v", err)
	}
	git("commit", "-q", "--allow-empty", "-m", "four")
	refused("on another commit")
	for _, version := range []string{"", "1.2.3", "v1.2", "v1.2.3 "} {
		b.version = version
		refused("no version of a release")
	}
}
