package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

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
	if c.File == "" {
		return c.database(s)
	}
	if c.Checkpoint == "" || c.PublicKey == "" {
		return usage(errors.New("to verify an export, give --checkpoint and --public-key"))
	}
	known, account, err := c.known()
	if err != nil {
		return err
	}
	file := os.Stdin
	if c.File != "-" {
		if file, err = os.Open(c.File); err != nil {
			return usage(err)
		}
		defer file.Close()
	}
	check := audit.NewCheck(account, c.PublicKey, known...)
	if err := checkExport(check, file); err != nil {
		return err
	}
	return good(s, account, check.Report(), known)
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
		if c.PublicKey, err = c.public(); err != nil {
			return err
		}
	}
	known, account, err := c.known()
	if err != nil {
		return err
	}
	if account != "" && account != c.Account {
		return usage(fmt.Errorf("--public-key: this is the key of %s, not of %s", account, c.Account))
	}
	report, err := audit.Verify(ctx, kept, c.Account, c.PublicKey, known...)
	if err != nil {
		return err
	}
	return good(s, c.Account, report, known)
}

// known opens the checkpoints and returns their account.
func (c *logVerifyCommand) known() (known []audit.Known, account string, err error) {
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
			return nil, "", flagError(flag, err)
		}
		point, err := audit.OpenCheckpoint(note, c.PublicKey)
		if errors.Is(err, audit.ErrPublicKey) {
			return nil, "", flagError("--public-key", err)
		}
		if err != nil {
			return nil, "", fmt.Errorf("%s %s: %w", flag, name, err)
		}
		known, account = append(known, audit.Known{Tree: point.Tree, By: by}), point.Account()
	}
	return known, account, nil
}

func readNote(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, audit.MaxCheckpoint+1))
}

// checkExport keeps only one line in memory.
func checkExport(check *audit.Check, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, audit.MaxLine)
	for lines.Scan() {
		record, err := audit.ParseLine(lines.Bytes())
		if err != nil && check.Size() == 0 && !strings.HasPrefix(lines.Text(), "{") {
			return usage(err)
		}
		if err != nil {
			return unreadable(check, err)
		}
		if err := check.Add(record); err != nil {
			return err
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return unreadable(check, lines.Err())
	}
	if lines.Err() != nil {
		return usage(lines.Err())
	}
	return check.End()
}

// unreadable is the finding for a line that isn't an action.
func unreadable(check *audit.Check, err error) error {
	next := check.Size() + 1
	return &audit.Finding{First: next, Last: next, Detail: err.Error()}
}

// good prints what was verified and what wasn't.
func good(s streams, account string, r audit.Report, known []audit.Known) error {
	var covered int64
	for _, k := range known {
		covered = max(covered, k.Size)
	}
	text := fmt.Sprintf("The log of %s is good: %d actions, %d of them up to the checkpoint.\n", account, r.Size, covered)
	if len(known) == 0 {
		text = fmt.Sprintf("The log of %s is good: %d actions match the hashes in the same database. "+
			"A checkpoint stored elsewhere proves more: --checkpoint NOTE.\n", account, r.Size)
	}
	_, err := io.WriteString(s.out, text+emptied(r))
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
