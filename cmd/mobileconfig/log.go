package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"text/tabwriter"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/store"
)

type logCommand struct {
	Export     logExportCommand     `cmd:"" help:"Export all actions as JSON, one per line. The export itself is recorded."`
	Checkpoint logCheckpointCommand `cmd:"" help:"Print a signed checkpoint of the log. Store it where no one who could change the log can change it."`
	Keys       logKeysCommand       `cmd:"" help:"List the public keys that a log has had, the oldest first."`
	List       logListCommand       `cmd:"" help:"List actions of a running service through its API, newest first."`
	PublicKey  logPublicKeyCommand  `cmd:"" help:"Print the public key for verifying checkpoints."`
	Verify     logVerifyCommand     `cmd:"" help:"Verify a log, or an export of it, against a checkpoint."`
}

// logFlags select the log for a command.
type logFlags struct {
	Account string `placeholder:"ID" help:"Account (default: the only one)."`
	logKeyFlags
}

// logKeyFlags say where the key of the logs is.
type logKeyFlags struct {
	LogKeyFile string `placeholder:"FILE" help:"Key that signs checkpoints (default: in the data folder)."`
	storeFlags
}

// openLog opens the store and finds the account.
func (f *logFlags) openLog(ctx context.Context) (*store.Store, error) {
	kept, err := f.openSigning(ctx, audit.NewKeyring(f.seeds))
	if err != nil {
		return nil, err
	}
	if err := f.findAccount(ctx, kept); err != nil {
		kept.Close()
		return nil, err
	}
	return kept, nil
}

func (f *logFlags) findAccount(ctx context.Context, kept *store.Store) error {
	if f.Account != "" {
		return hasAccount(ctx, kept, f.Account)
	}
	all, err := kept.Accounts(ctx)
	if err != nil {
		return err
	}
	if len(all) != 1 {
		return usage(fmt.Errorf("there are %d accounts: choose one with --account; list them with: mobileconfig admin accounts", len(all)))
	}
	f.Account = all[0].ID
	return nil
}

// file is where the key is.
func (f *logKeyFlags) file() (string, error) {
	if f.LogKeyFile != "" {
		return f.LogKeyFile, nil
	}
	dir, err := datadir.Existing(f.Data)
	if err != nil {
		return "", usage(fmt.Errorf("--data: %w; or give --log-key-file", err))
	}
	_, err = dir.LogKey()
	return dir.File(datadir.LogKeyName), err
}

// seeds reads the key, and the one that is to replace it.
func (f *logKeyFlags) seeds() ([][]byte, error) {
	file, err := f.file()
	if err != nil {
		return nil, err
	}
	seeds, err := datadir.ReadLogKeys(file)
	if err != nil && f.LogKeyFile != "" {
		err = flagError("--log-key-file", err)
	}
	return seeds, err
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
	err := audit.Export(ctx, kept, account, func(p audit.Part) error {
		lines, err := p.Lines()
		if err == nil {
			_, err = out.Write(lines)
		}
		return err
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
	tree, note, err := kept.SignCheckpoint(ctx, c.Account)
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
	ctx := context.Background()
	kept, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	public, err := kept.PublicKey(ctx, c.Account)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, public)
	return err
}

type logKeysCommand struct {
	JSON bool `name:"json" help:"Print JSON, with the statement by which each key replaced the one before it."`
	logFlags
}

// listedKey is a key of a log as it is printed.
type listedKey struct {
	ID         string     `json:"id"`
	PublicKey  string     `json:"public_key"`
	Since      int64      `json:"since"`
	ReplacedAt *time.Time `json:"replaced_at,omitempty"`
	Statement  string     `json:"statement,omitempty"`
}

// Run lists the keys that the log has had.
func (c *logKeysCommand) Run(s streams) error {
	ctx := context.Background()
	kept, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	chain, err := kept.Chain(ctx, c.Account)
	if err != nil {
		return err
	}
	var listed []listedKey
	for _, k := range chain.Keys() {
		listed = append(listed, listedKey{k.ID, k.Public, k.Since, timeOrNone(k.At), string(k.Statement)})
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(listed)
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSINCE ACTION\tTIME\tPUBLIC KEY")
	for _, k := range listed {
		at := "-"
		if k.ReplacedAt != nil {
			at = k.ReplacedAt.Format("2006-01-02 15:04 MST")
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", k.ID, max(k.Since, 1), at, k.PublicKey)
	}
	return w.Flush()
}
