package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/updatecase/mobileconfig/server/backup"
	"github.com/updatecase/mobileconfig/server/datadir"
)

type backupCommand struct {
	Write   backupWriteCommand   `cmd:"" default:"withargs" help:"Write a backup and verify it. This is what backup does without a further word."`
	Verify  backupVerifyCommand  `cmd:"" help:"Say whether a backup is what was written, and what it holds."`
	Restore backupRestoreCommand `cmd:"" help:"Verify a backup and write its files to an empty folder."`
}

type backupWriteCommand struct {
	Output     string `short:"o" required:"" placeholder:"FILE" help:"The tar archive to write. It holds the installation's secret: keep it as safe as the data folder."`
	Data       string `default:"./data" placeholder:"DIR" help:"The data folder (default: ./data)."`
	SecretFile string `placeholder:"FILE" help:"The installation's secret, where it is not in the data folder."`
	LogKeyFile string `placeholder:"FILE" help:"The key of the action log, where it is not in the data folder."`
	Database   string `placeholder:"DB" help:"sqlite:PATH or postgres://… (default: SQLite in the data folder)."`
}

// Run writes the backup.
func (c *backupWriteCommand) Run(s streams) error {
	dir, err := datadir.Existing(c.Data)
	if err != nil {
		return flagError("--data", err)
	}
	database := c.Database
	if database == "" {
		database = dir.Database()
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	source := backup.Source{Database: database, Dir: dir, Secret: c.SecretFile, LogKey: c.LogKeyFile, Program: version(), Now: time.Now}
	if err := backup.Write(ctx, c.Output, source); err != nil {
		return err
	}
	info, err := os.Stat(c.Output)
	if err != nil {
		return err
	}
	// The panel reminds of backups until there is one.
	if err := backup.Note(ctx, source); err != nil {
		fmt.Fprintf(s.err, "mobileconfig: the backup is good, but the control panel will not know about it: %v\n", err)
	}
	fmt.Fprintf(s.err, "mobileconfig: wrote and verified %s (%d bytes). It holds secrets: keep it as safe as %s.\n", c.Output, info.Size(), c.Data)
	return nil
}

type backupVerifyCommand struct {
	File string `arg:"" help:"The backup."`
}

// Run says what the backup holds; if it is damaged, the exit code is 1.
func (c *backupVerifyCommand) Run(s streams) error {
	contents, err := backup.Verify(c.File)
	if err != nil {
		return ofBackup(c.File, err)
	}
	fmt.Fprintf(s.out, "%s is good: written on %s by %s.\n", c.File, contents.Created.Format("2006-01-02 at 15:04 MST"), contents.Program)
	for _, f := range contents.Files {
		fmt.Fprintf(s.out, "%12d  %s\n", f.Size, f.Name)
	}
	return nil
}

type backupRestoreCommand struct {
	File string `arg:"" help:"The backup."`
	Data string `required:"" placeholder:"DIR" help:"The folder to write to: empty, or not there."`
}

// Run restores the backup, and says what is left to do.
func (c *backupRestoreCommand) Run(s streams) error {
	contents, err := backup.Restore(c.File, c.Data)
	if errors.Is(err, backup.ErrNotEmpty) {
		return flagError("--data", err)
	}
	if err != nil {
		return ofBackup(c.File, err)
	}
	fmt.Fprintf(s.out, "%s is good, and its %d files are in %s.\n", c.File, len(contents.Files), c.Data)
	for _, f := range contents.Files {
		if f.Name == backup.ScriptName {
			fmt.Fprintf(s.out, "Fill an empty PostgreSQL database with: psql -q -f %s DATABASE\n", filepath.Join(c.Data, f.Name))
		}
	}
	return nil
}

// ofBackup says which backup an error is about. A file that can't be read is
// the caller's mistake.
func ofBackup(file string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok && e.Path == file {
		return usage(err)
	}
	return fmt.Errorf("%s: %w", file, err)
}
