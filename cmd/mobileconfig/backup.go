package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/updatecase/mobileconfig/server/backup"
	"github.com/updatecase/mobileconfig/server/datadir"
)

type backupCommand struct {
	Write   backupWriteCommand   `cmd:"" default:"withargs" help:"Write a backup and verify it. This is the default."`
	Verify  backupVerifyCommand  `cmd:"" help:"Verify a backup and list its contents."`
	Restore backupRestoreCommand `cmd:"" help:"Verify a backup and restore its files to an empty folder."`
}

// keyFlags decrypt an encrypted backup.
type keyFlags struct {
	IdentityFile   string `placeholder:"FILE" help:"File with the private keys (AGE-SECRET-KEY-1…) of an encrypted backup."`
	PassphraseFile string `placeholder:"FILE" help:"File with the passphrase of an encrypted backup in its first line."`
}

func (f *keyFlags) keys() (backup.Keys, error) {
	switch {
	case f.IdentityFile != "" && f.PassphraseFile != "":
		return backup.Keys{}, usage(errors.New("give --identity-file or --passphrase-file, not both"))
	case f.IdentityFile != "":
		text, err := os.ReadFile(f.IdentityFile)
		if err != nil {
			return backup.Keys{}, flagError("--identity-file", err)
		}
		keys, err := backup.PrivateKeys(text)
		return keys, flagError("--identity-file", err)
	}
	return passphrase(f.PassphraseFile)
}

// passphrase reads the first line of the file, if one is given.
func passphrase(file string) (backup.Keys, error) {
	if file == "" {
		return backup.Keys{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return backup.Keys{}, flagError("--passphrase-file", err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	keys, err := backup.Passphrase(strings.TrimSuffix(line, "\r"))
	return keys, flagError("--passphrase-file", err)
}

type backupWriteCommand struct {
	Output         string   `short:"o" required:"" placeholder:"FILE" help:"File to write: a tar archive, encrypted with --recipient or --passphrase-file. It contains the installation's secret. Without encryption, keep it as safe as the data folder."`
	Recipient      []string `placeholder:"KEY" help:"Encrypt to this public key (age1…). The private key isn't needed on this machine. Can be repeated."`
	PassphraseFile string   `placeholder:"FILE" help:"Encrypt with the passphrase in the first line of this file."`
	Data           string   `default:"./data" placeholder:"DIR" help:"Data folder (default: ./data)."`
	SecretFile     string   `placeholder:"FILE" help:"The installation's secret, if it isn't in the data folder."`
	LogKeyFile     string   `placeholder:"FILE" help:"Key of the action log, if it isn't in the data folder."`
	Database       string   `placeholder:"DB" help:"sqlite:PATH or postgres://… (default: SQLite in the data folder)."`
}

// Run writes the backup.
func (c *backupWriteCommand) Run(s streams) error {
	if err := asOwner(c.Data); err != nil {
		return err
	}
	dir, err := datadir.Existing(c.Data)
	if err != nil {
		return flagError("--data", err)
	}
	database := c.Database
	if database == "" {
		database = dir.Database()
	}
	keys, err := c.keys()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	source := backup.Source{Database: database, Dir: dir, Secret: c.SecretFile, LogKey: c.LogKeyFile, Program: version(), Now: time.Now, Keys: keys}
	if err := backup.Write(ctx, c.Output, source); err != nil {
		return err
	}
	info, err := os.Stat(c.Output)
	if err != nil {
		return err
	}
	what := fmt.Sprintf("It contains secrets: keep it as safe as %s.", c.Data)
	if len(keys.Recipients) > 0 {
		what = "It's encrypted."
	}
	fmt.Fprintf(s.err, "mobileconfig: wrote and verified %s (%d bytes). %s\n", c.Output, info.Size(), what)
	if err := backup.Note(ctx, source); err != nil {
		fmt.Fprintf(s.err, "mobileconfig: note: the backup is good, but the control panel won't show it: %v\n", err)
	}
	return nil
}

func (c *backupWriteCommand) keys() (backup.Keys, error) {
	if len(c.Recipient) == 0 {
		return passphrase(c.PassphraseFile)
	}
	if c.PassphraseFile != "" {
		return backup.Keys{}, usage(errors.New("give --recipient or --passphrase-file, not both"))
	}
	keys, err := backup.PublicKeys(strings.Join(c.Recipient, "\n"))
	return keys, flagError("--recipient", err)
}

type backupVerifyCommand struct {
	File string `arg:"" help:"Backup file."`
	keyFlags
}

// Run verifies the backup and lists its contents. If it's damaged, the exit
// code is 1.
func (c *backupVerifyCommand) Run(s streams) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	contents, err := backup.Verify(c.File, keys)
	if err != nil {
		return backupError(c.File, err)
	}
	fmt.Fprintf(s.out, "%s is good: written on %s by %s.\n", c.File, contents.Created.Format("2006-01-02 at 15:04 MST"), contents.Program)
	for _, f := range contents.Files {
		fmt.Fprintf(s.out, "%12d  %s\n", f.Size, f.Name)
	}
	return nil
}

type backupRestoreCommand struct {
	File string `arg:"" help:"Backup file."`
	Data string `required:"" placeholder:"DIR" help:"Folder to write to: empty or new."`
	keyFlags
}

// Run restores the backup and prints the remaining steps.
func (c *backupRestoreCommand) Run(s streams) error {
	keys, err := c.keys()
	if err != nil {
		return err
	}
	contents, err := backup.Restore(c.File, c.Data, keys)
	if errors.Is(err, backup.ErrNotEmpty) {
		return flagError("--data", err)
	}
	if err != nil {
		return backupError(c.File, err)
	}
	fmt.Fprintf(s.out, "%s is good. Its %d files are in %s.\n", c.File, len(contents.Files), c.Data)
	fmt.Fprintln(s.out, "When the service starts, existing links, tickets and sessions end, because the backup doesn't know what was revoked later. Create new links and sign in again.")
	if isScript(contents) {
		fmt.Fprintf(s.out, "Fill an empty PostgreSQL database with: psql -q -f %s DATABASE\n", filepath.Join(c.Data, backup.ScriptName))
	}
	return nil
}

func isScript(contents backup.Contents) bool {
	return slices.ContainsFunc(contents.Files, func(f backup.File) bool { return f.Name == backup.ScriptName })
}

// backupError adds the backup's name to an error. An unreadable file or a wrong
// key is a usage error.
func backupError(file string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok && e.Path == file {
		return usage(err)
	}
	if errors.Is(err, backup.ErrEncrypted) || errors.Is(err, backup.ErrNotEncrypted) || errors.Is(err, backup.ErrWrongKey) {
		return usage(fmt.Errorf("%s: %w", file, err))
	}
	return fmt.Errorf("%s: %w", file, err)
}
