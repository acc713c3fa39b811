package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/updatecase/mobileconfig/server/backup/backuptest"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestBackupCommands writes, verifies and restores an encrypted backup with the
// commands from the docs.
func TestBackupCommands(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	data, file, restored := filepath.Join(folder, "data"), filepath.Join(folder, "today.age"), filepath.Join(folder, "restored")
	dir, err := datadir.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Secret(); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.LogKey(); err != nil {
		t.Fatal(err)
	}
	kept, err := store.Open(t.Context(), store.Config{Database: dir.Database()})
	if err != nil {
		t.Fatal(err)
	}
	kept.Close()
	phrase := signingtest.WriteFile(t, "passphrase", []byte("four words or more\nand a second line\n"))
	wrong := signingtest.WriteFile(t, "wrong", []byte("five words\n"))
	if _, err := shown(t, exitGood, "backup", "-o", file, "--passphrase-file", phrase, "--data", data); !strings.Contains(err, "It's encrypted.") {
		t.Errorf("backup says %s", err)
	}
	shown(t, exitGood, "backup", "verify", file, "--passphrase-file", phrase)
	shown(t, exitUsage, "backup", "verify", file)
	shown(t, exitUsage, "backup", "verify", file, "--passphrase-file", wrong)
	shown(t, exitUsage, "backup", "restore", file, "--passphrase-file", wrong, "--data", restored)
	shown(t, exitUsage, "backup", "-o", file, "--passphrase-file", phrase, "--recipient", "age1x", "--data", data)
	shown(t, exitUsage, "backup", "-o", file, "--recipient", "age1x", "--data", data)
	if _, err := os.Stat(restored); err == nil {
		t.Error("a restore with a wrong passphrase created the folder")
	}
	if out, _ := shown(t, exitGood, "backup", "restore", file, "--passphrase-file", phrase, "--data", restored); !strings.Contains(out, "existing links, tickets and sessions end") {
		t.Errorf("restore says %s", out)
	}
	again, err := store.Open(t.Context(), store.Config{Database: dir.Database()})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if at, err := again.LastBackup(t.Context()); err != nil || at.IsZero() {
		t.Errorf("the last backup was at %v, %v", at, err)
	}
}
