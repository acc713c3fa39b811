package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/audit"
)

type logVerifyCommand struct {
	File       string   `arg:"" optional:"" help:"Export, or - for standard input (default: the log in the database)."`
	Checkpoint string   `placeholder:"NOTE" help:"File with the checkpoint to verify against. Required for an export."`
	PublicKey  string   `placeholder:"K" help:"Public key of the log, as printed by log public-key. Required for an export."`
	Older      []string `sep:"none" placeholder:"NOTE" help:"File with an older checkpoint of the same log. Can be repeated."`
	logFlags
}

// Run verifies the log. If it was changed, the exit code is 1.
func (c *logVerifyCommand) Run(s streams) error {
	server.TuneMemory()
	if c.File == "" {
		return c.database(s)
	}
	if c.Checkpoint == "" || c.PublicKey == "" {
		return usage(errors.New("to verify an export, give --checkpoint and --public-key"))
	}
	chain, err := audit.NewChain(c.PublicKey)
	if err != nil {
		return flagError("--public-key", err)
	}
	file := os.Stdin
	if c.File != "-" {
		if file, err = os.Open(c.File); err != nil {
			return usage(err)
		}
		defer file.Close()
	}
	check := audit.NewCheck(chain.Account(), c.PublicKey)
	notes, err := c.checkExport(check, file)
	if err != nil {
		return err
	}
	return good(s, chain.Account(), check.Report(), notes)
}

// database verifies the log in the database.
func (c *logVerifyCommand) database(s streams) error {
	ctx := context.Background()
	kept, err := c.openLog(ctx)
	if err != nil {
		return err
	}
	defer kept.Close()
	if c.PublicKey == "" {
		if c.PublicKey, err = kept.PublicKey(ctx, c.Account); err != nil {
			return err
		}
	}
	statements, err := kept.KeyChanges(ctx, c.Account)
	if err != nil {
		return err
	}
	chain, err := audit.NewChain(c.PublicKey, statements...)
	if errors.Is(err, audit.ErrPublicKey) {
		return flagError("--public-key", err)
	}
	if err != nil {
		return err
	}
	if chain.Account() != c.Account {
		return usage(fmt.Errorf("--public-key: this is the key of %s, not of %s", chain.Account(), c.Account))
	}
	notes, err := c.notes(chain)
	if err != nil {
		return err
	}
	known := make([]audit.Known, len(notes))
	for i, n := range notes {
		known[i] = n.known()
	}
	report, err := audit.Verify(ctx, kept, c.Account, c.PublicKey, known...)
	if err != nil {
		return err
	}
	return good(s, c.Account, report, notes)
}

// An openedNote is a note that a flag names.
type openedNote struct {
	by string // such as "the checkpoint today.note"
	audit.Checkpoint
}

func (n openedNote) known() audit.Known { return audit.Known{Tree: n.Tree, By: n.by} }

// notes opens the notes by the keys of the log.
func (c *logVerifyCommand) notes(chain *audit.Chain) (all []openedNote, err error) {
	for i, name := range append([]string{c.Checkpoint}, c.Older...) {
		if name == "" {
			continue
		}
		flag, by := "--older", "the older checkpoint "+name
		if i == 0 {
			flag, by = "--checkpoint", "the checkpoint "+name
		}
		note, err := readNote(name)
		if err != nil {
			return nil, flagError(flag, err)
		}
		point, err := chain.Open(note)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", flag, name, err)
		}
		all = append(all, openedNote{by, point})
	}
	return all, nil
}

func readNote(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, audit.MaxCheckpoint+1))
}

// checkExport keeps only one line in memory. The keys of the log come before
// its first action; by those, the notes are opened.
func (c *logVerifyCommand) checkExport(check *audit.Check, r io.Reader) (notes []openedNote, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, audit.MaxLine)
	var statements [][]byte
	begun := false
	follow := func() error {
		err := check.Follow(statements...)
		statements = nil
		if err == nil && !begun {
			if notes, err = c.notes(check.Chain()); err == nil {
				begun = true
				for _, n := range notes {
					check.Know(n.known())
				}
			}
		}
		return err
	}
	for lines.Scan() {
		line, err := audit.ParseLine(lines.Bytes())
		if err != nil && check.Size() == 0 && !strings.HasPrefix(lines.Text(), "{") {
			return nil, usage(err)
		}
		if err != nil {
			return nil, unreadable(check, err)
		}
		if line.KeyChange != nil {
			statements = append(statements, line.KeyChange)
			continue
		}
		if err := follow(); err != nil {
			return nil, err
		}
		if err := check.Add(line.Record); err != nil {
			return nil, err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return nil, unreadable(check, lines.Err())
	}
	if lines.Err() != nil {
		return nil, usage(lines.Err())
	}
	if err := follow(); err != nil {
		return nil, err
	}
	return notes, check.End()
}

// unreadable is the finding for a line that isn't an action.
func unreadable(check *audit.Check, err error) error {
	next := check.Size() + 1
	return &audit.Finding{First: next, Last: next, Detail: err.Error()}
}

// good prints what was verified and what wasn't.
func good(s streams, account string, r audit.Report, notes []openedNote) error {
	var covered int64
	for _, n := range notes {
		covered = max(covered, n.Size)
	}
	text := fmt.Sprintf("The log of %s is good: %d actions, %d of them up to the checkpoint.\n", account, r.Size, covered)
	if len(notes) == 0 {
		text = fmt.Sprintf("The log of %s is good: %d actions match the hashes in the same database. "+
			"A checkpoint stored elsewhere proves more: --checkpoint NOTE.\n", account, r.Size)
	}
	_, err := io.WriteString(s.out, text+emptied(r)+signedBy(r, notes))
	return err
}

// emptied prints how many actions are empty, and why.
func emptied(r audit.Report) string {
	var b strings.Builder
	for _, why := range []struct {
		count        int64
		what, reason string
	}{
		{r.Emptied, "without content", fmt.Sprintf("older than the account's retention period (%d days)", r.Setting.Days)},
		{r.Erased[audit.ForMailbox], "without personal text", "erased for a mailbox"},
		{r.Erased[audit.ForEntry], "without personal text", "erased from a single action"},
	} {
		if why.count > 0 {
			fmt.Fprintf(&b, "%d %s: %s, confirmed by signed actions.\n", why.count, why.what, why.reason)
		}
	}
	return b.String()
}

// signedBy says which key signed what.
func signedBy(r audit.Report, notes []openedNote) string {
	var b strings.Builder
	for i, k := range r.Keys {
		if i+1 == len(r.Keys) {
			fmt.Fprintf(&b, "The key %s has signed since action %d.\n", k.ID, max(k.Since, 1))
			break
		}
		next := r.Keys[i+1]
		fmt.Fprintf(&b, "The key %s signed from action %d on. Action %d replaced it on %s; both keys signed the change.\n",
			k.ID, max(k.Since, 1), next.Since, next.At.Format("2006-01-02 15:04 MST"))
	}
	for _, n := range notes {
		fmt.Fprintf(&b, "%s, of %d actions, is signed by the key %s.\n", strings.ToUpper(n.by[:1])+n.by[1:], n.Size, n.Key)
	}
	return b.String()
}
