package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/store"
)

type logCommand struct {
	Export     logExportCommand     `cmd:"" help:"Export all actions as JSON, one per line. The export itself is recorded."`
	Checkpoint logCheckpointCommand `cmd:"" help:"Print a signed checkpoint of the log. Store it where no one who could change the log can change it."`
	List       logListCommand       `cmd:"" help:"List actions of a running service through its API, newest first."`
	PublicKey  logPublicKeyCommand  `cmd:"" help:"Print the public key for verifying checkpoints."`
	Verify     logVerifyCommand     `cmd:"" help:"Verify a log, or an export of it, against a checkpoint."`
}

// logFlags select the log for a command.
type logFlags struct {
	Account    string `placeholder:"ID" help:"Account (default: the only one)."`
	LogKeyFile string `placeholder:"FILE" help:"Key that signs checkpoints (default: in the data folder)."`
	storeFlags
}

// openLog opens the store and finds the account.
func (f *logFlags) openLog(ctx context.Context) (*store.Store, error) {
	if f.Account != "" {
		return f.openFor(ctx, f.Account)
	}
	kept, err := f.open(ctx)
	if err != nil {
		return nil, err
	}
	all, err := kept.Accounts(ctx)
	if err == nil && len(all) != 1 {
		err = usage(fmt.Errorf("there are %d accounts: choose one with --account; list them with: mobileconfig admin accounts", len(all)))
	}
	if err != nil {
		kept.Close()
		return nil, err
	}
	f.Account = all[0].ID
	return kept, nil
}

// key reads the key that signs checkpoints.
func (f *logFlags) key() (*audit.LogKey, error) {
	if f.LogKeyFile != "" {
		seed, err := datadir.ReadLogKey(f.LogKeyFile)
		if err != nil {
			return nil, flagError("--log-key-file", err)
		}
		return audit.NewLogKey(seed)
	}
	dir, err := datadir.Existing(f.Data)
	if err != nil {
		return nil, usage(fmt.Errorf("--data: %w; or give --log-key-file", err))
	}
	seed, err := dir.LogKey()
	if err != nil {
		return nil, err
	}
	return audit.NewLogKey(seed)
}

type logExportCommand struct {
	Output string `short:"o" placeholder:"FILE" help:"Where to write the export (default, and -: standard output)."`
	logFlags
}

// Run records the export and writes it, including its own record.
func (c *logExportCommand) Run(s streams) error {
	ctx := context.Background()
	kept, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	err = kept.Record(ctx, audit.ByOperator(), audit.Action{
		Account: c.Account,
		Name:    audit.LogExport,
		Outcome: audit.Done,
		Target:  audit.Target{Kind: audit.LogTarget, ID: c.Account},
	})
	if err != nil {
		return err
	}
	if toStdout(c.Output) {
		return exportLog(ctx, kept, c.Account, s.out)
	}
	err = datadir.WriteWhole(c.Output, func(w *os.File) error { return exportLog(ctx, kept, c.Account, w) })
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return flagError("--output", file)
	}
	return err
}

// exportLog writes the log up to its current end.
func exportLog(ctx context.Context, kept *store.Store, account string, w io.Writer) error {
	out := bufio.NewWriter(w)
	err := audit.Export(ctx, kept, account, func(records []audit.Record) error {
		for _, r := range records {
			line, err := r.Line()
			if err != nil {
				return err
			}
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, out.Flush())
}

type logCheckpointCommand struct {
	logFlags
}

// Run signs the current state of the log. The checkpoint is also stored with
// the log.
func (c *logCheckpointCommand) Run(s streams) error {
	ctx := context.Background()
	kept, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	key, err := c.key()
	if err != nil {
		return err
	}
	tree, err := kept.Checkpoint(ctx, c.Account)
	if err != nil {
		return err
	}
	note, err := key.Checkpoint(c.Account, tree)
	if err != nil {
		return err
	}
	if err := kept.KeepCheckpoint(ctx, c.Account, tree.Size, note); err != nil {
		return err
	}
	_, err = s.out.Write(note)
	return err
}

type logPublicKeyCommand struct {
	logFlags
}

// Run prints the public key, which isn't secret.
func (c *logPublicKeyCommand) Run(s streams) error {
	kept, err := c.openLog(context.Background())
	if err != nil {
		return err
	}
	defer kept.Close()
	public, err := c.public()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, public)
	return err
}

func (f *logFlags) public() (string, error) {
	key, err := f.key()
	if err != nil {
		return "", err
	}
	return key.Public(f.Account)
}
