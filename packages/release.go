package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ready checks what a release needs: a version, its section in the changelog with
// a date, nothing that isn't committed, and no tag of the name on another commit.
func (b *build) ready() error {
	if !regexp.MustCompile(`^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$`).MatchString(b.version) {
		return fmt.Errorf("%q is no version of a release: write v1.2.3", b.version)
	}
	changed, err := b.output(nil, "git", "status", "--porcelain")
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		return fmt.Errorf("commit these first:\n%s", changed)
	}
	tagged, err := b.output(nil, "git", "tag", "--list", b.version, "--no-contains", "HEAD")
	if err != nil {
		return err
	}
	if len(tagged) > 0 {
		return fmt.Errorf("the tag %s is on another commit: choose the next version", b.version)
	}
	notes, err := b.notes()
	if err != nil {
		return err
	}
	if notes == nil {
		return fmt.Errorf("CHANGELOG.md has no section %q with text", "## "+strings.TrimPrefix(b.version, "v")+" - YYYY-MM-DD")
	}
	return nil
}

// notes is the section of the changelog for the version, without its heading. It is
// nil if there is none.
func (b *build) notes() ([]byte, error) {
	changelog, err := os.ReadFile(filepath.Join(b.root, "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	heading := regexp.MustCompile(`(?m)^## ` + regexp.QuoteMeta(strings.TrimPrefix(b.version, "v")) + ` - \d{4}-\d{2}-\d{2}\n`)
	at := heading.FindIndex(changelog)
	if at == nil {
		return nil, nil
	}
	text, _, _ := bytes.Cut(changelog[at[1]:], []byte("\n## "))
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return nil, nil
	}
	return append(text, '\n'), nil
}

// writeNotes writes the release's notes beside the packages, if it has some.
func (b *build) writeNotes() error {
	notes, err := b.notes()
	if err != nil || notes == nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.out, "NOTES.md"), notes, 0o644)
}
