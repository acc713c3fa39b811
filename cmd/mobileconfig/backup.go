package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/updatecase/mobileconfig/server/backup"
	"github.com/updatecase/mobileconfig/server/datadir"
)

type backupCommand struct {
	Output     string `short:"o" required:"" placeholder:"FILE" help:"The tar archive to write. It holds the installation's secret: keep it as safe as the data folder."`
	Data       string `default:"./data" placeholder:"DIR" help:"The data folder (default: ./data)."`
	SecretFile string `placeholder:"FILE" help:"The installation's secret, where it is not in the data folder."`
	LogKeyFile string `placeholder:"FILE" help:"The key of the action log, where it is not in the data folder."`
	Database   string `placeholder:"DB" help:"sqlite:PATH or postgres://… (default: SQLite in the data folder)."`
}

// Run writes the backup. What is restored from it is in the docs.
func (c *backupCommand) Run(s streams) error {
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
	if err := backup.Write(ctx, c.Output, backup.Source{Database: database, Dir: dir, Secret: c.SecretFile, LogKey: c.LogKeyFile}); err != nil {
		return err
	}
	info, err := os.Stat(c.Output)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.err, "mobileconfig: wrote %s (%d bytes). It holds secrets: keep it as safe as %s.\n", c.Output, info.Size(), c.Data)
	return nil
}
