package audit

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"
)

// A Keeper keeps logs. *store.Store is one.
type Keeper interface {
	// Rows returns at most limit rows of the account's log, those after the
	// sequence number, in the order of the log.
	Rows(ctx context.Context, account string, after int64, limit int) ([]Row, error)
	// Checkpoint returns the state of the log by its head.
	Checkpoint(ctx context.Context, account string) (Tree, error)
	// Checkpoints returns the notes kept beside the log, the shortest log's
	// first.
	Checkpoints(ctx context.Context, account string) ([]KeptCheckpoint, error)
	// Retained returns up to which action the content has been removed.
	Retained(ctx context.Context, account string) (int64, error)
}

// verifyBatch is how many rows Verify has in memory.
const verifyBatch = 1000

// Verify checks the account's log as it is kept: by its head, by all notes
// beside it that the public key signed, and by what else is known. It returns
// how many actions it has looked at. The error is a *Finding, or says why the
// log cannot be read. Others may write to the log meanwhile, and retention may
// remove content: what it has removed between two looks is no finding.
func Verify(ctx context.Context, from Keeper, account, public string, known ...Known) (size int64, err error) {
	for range verifyTries {
		before, err := from.Retained(ctx, account)
		if err != nil {
			return 0, err
		}
		if size, err = verify(ctx, from, account, public, known); !IsFinding(err) {
			return size, err
		}
		finding := err
		if after, err := from.Retained(ctx, account); err != nil || after == before {
			return size, finding
		}
	}
	return size, errMoving
}

// verifyTries is how often Verify looks again while retention goes on.
const verifyTries = 10

var errMoving = errors.New("old content is being removed from the log; try again when that has ended")

func verify(ctx context.Context, from Keeper, account, public string, known []Known) (int64, error) {
	head, err := from.Checkpoint(ctx, account)
	if err != nil {
		return 0, err
	}
	notes, err := from.Checkpoints(ctx, account)
	if err != nil {
		return 0, err
	}
	known = append(known[:len(known):len(known)], Known{head, "the log's own head"})
	for _, n := range notes {
		if !n.isOf(public) {
			continue
		}
		c, err := OpenCheckpoint(n.Note, public)
		if err != nil {
			return 0, &Finding{n.Size, n.Size, "the checkpoint kept there: " + err.Error()}
		}
		known = append(known, Known{c.Tree, "the checkpoint kept on " + n.Created.UTC().Format(time.DateOnly)})
	}
	check := NewCheck(account, known...)
	err = check.Run(func(after int64) ([]Row, error) { return from.Rows(ctx, account, after, verifyBatch) })
	if err != nil {
		return check.Size(), err
	}
	if head, err = from.Checkpoint(ctx, account); err == nil && head.Size < check.Size() {
		err = &Finding{head.Size + 1, check.Size(), "they stand behind the end of the log by its own head"}
	}
	return check.Size(), err
}

// isOf reports whether the note names the log of the public key. Notes under
// a key that was replaced do not.
func (k KeptCheckpoint) isOf(public string) bool {
	origin, _, _ := bytes.Cut(k.Note, []byte("\n"))
	name, _, _ := strings.Cut(public, "+")
	return string(origin) == name
}
