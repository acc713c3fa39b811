package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/ordered"
)

// A Keeper stores logs. *store.Store is one.
type Keeper interface {
	// EachRow calls found with at most limit rows of the account's log, those
	// after the sequence number, in the order of the log. A row is only valid
	// during the call, and must not be changed.
	EachRow(ctx context.Context, account string, after int64, limit int, found func(*Row) error) error
	// Checkpoint returns the state of the log according to its head.
	Checkpoint(ctx context.Context, account string) (Tree, error)
	// Checkpoints returns the notes stored beside the log, the shortest log's
	// first.
	Checkpoints(ctx context.Context, account string) ([]KeptCheckpoint, error)
	// KeyChanges returns the statements that the key of the log was replaced, the
	// oldest first.
	KeyChanges(ctx context.Context, account string) ([][]byte, error)
	// SigningKey returns which key signs the log by its head.
	SigningKey(ctx context.Context, account string) (KeyName, error)
	// Retained returns up to which action the content has been removed.
	Retained(ctx context.Context, account string) (int64, error)
	// Retention returns after how many days the content is to be removed; 0:
	// never.
	Retention(ctx context.Context, account string) (int, error)
}

// Verify reads the log in batches: each core checks one while it reads it, and
// some wait for earlier ones.
const (
	verifyBatch   = 1000 // rows
	verifyReaders = 6    // batches that are read at once, each on its own connection
)

// Verify checks the account's log as it is kept: by its head, by all notes
// beside it that its keys signed, and by the states that are known. The public key
// may be any that the log has had: the others follow from it. The error is a
// *Finding, or says why the log can't be read. Others may write to the log
// meanwhile, retention may remove content, and the setting may change: that is
// no finding.
func Verify(ctx context.Context, from Keeper, account, public string, known ...Known) (Report, error) {
	for range verifyTries {
		before, err := keepingOf(ctx, from, account)
		if err != nil {
			return Report{}, err
		}
		report, err := verify(ctx, from, account, public, known)
		if err == nil {
			err = before.compare(report)
		}
		if !IsFinding(err) {
			return report, err
		}
		finding := err
		if after, err := keepingOf(ctx, from, account); err != nil || after == before {
			return Report{}, finding
		}
	}
	return Report{}, errMoving
}

// verifyTries is how often Verify retries while retention is running.
const verifyTries = 10

var errMoving = errors.New("old content is being removed from the log; try again when that has ended")

// A keeping is what is stored beside a log about its retention and its key.
type keeping struct {
	retained int64
	days     int
	key      KeyName
}

func keepingOf(ctx context.Context, from Keeper, account string) (k keeping, err error) {
	if k.retained, err = from.Retained(ctx, account); err != nil {
		return k, err
	}
	if k.days, err = from.Retention(ctx, account); err != nil {
		return k, err
	}
	k.key, err = from.SigningKey(ctx, account)
	return k, err
}

// compare returns a *Finding if what is stored beside the log contradicts the
// log.
func (k keeping) compare(r Report) error {
	switch {
	case k.days != r.Setting.Days:
		at := max(r.Setting.Seq, 1)
		return &Finding{at, at, fmt.Sprintf("the retention was changed to %d days without an action that says so: the log says %d days", k.days, r.Setting.Days)}
	case k.retained != r.Emptied:
		return &Finding{1, max(k.retained, r.Emptied, 1), fmt.Sprintf("the head of the log was changed: it says that %d actions have no content, but %d have none", k.retained, r.Emptied)}
	}
	return k.compareKeys(r)
}

// compareKeys returns a *Finding if the head of the log names another key than the
// chain ends with.
func (k keeping) compareKeys(r Report) error {
	if len(r.Keys) == 0 || len(r.Keys) == 1 && k.key == (KeyName{}) {
		return nil
	}
	last := r.Keys[len(r.Keys)-1]
	if k.key.ID != last.ID || path.Base(path.Dir(last.verifier.Name())) != k.key.Installation {
		return &Finding{max(last.Since, 1), max(r.Size, 1), fmt.Sprintf("by the head of the log the key %q of %q signs it, and no chain of keys leads there: it ends with %s of %s",
			k.key.ID, k.key.Installation, last.ID, path.Dir(last.verifier.Name()))}
	}
	return nil
}

func verify(ctx context.Context, from Keeper, account, public string, known []Known) (Report, error) {
	head, err := from.Checkpoint(ctx, account)
	if err != nil {
		return Report{}, err
	}
	notes, err := from.Checkpoints(ctx, account)
	if err != nil {
		return Report{}, err
	}
	statements, err := from.KeyChanges(ctx, account)
	if err != nil {
		return Report{}, err
	}
	check := NewCheck(account, public, append(known[:len(known):len(known)], Known{head, "the log's own head"})...)
	if err := check.Follow(statements...); err != nil {
		return Report{}, err
	}
	if err := check.knowAll(notes, public); err != nil {
		return Report{}, err
	}
	if err := check.runAhead(ctx, from, head.Size); err != nil {
		return Report{}, err
	}
	err = check.Run(func(after int64, found func(*Row) error) error {
		return from.EachRow(ctx, account, after, verifyBatch, found)
	})
	if err != nil {
		return Report{}, err
	}
	if head, err = from.Checkpoint(ctx, account); err == nil && head.Size < check.Size() {
		err = &Finding{head.Size + 1, check.Size(), "they come after the end of the log according to its own head"}
	}
	return check.Report(), err
}

// knowAll takes in the notes that are kept beside the log.
func (c *Check) knowAll(notes []KeptCheckpoint, public string) error {
	for _, n := range notes {
		if !n.isOf(public) {
			continue
		}
		if c.chain == nil {
			return &Finding{n.Size, n.Size, "the checkpoint kept there: " + ErrPublicKey.Error()}
		}
		point, err := c.chain.Open(n.Note)
		if err != nil {
			return &Finding{n.Size, n.Size, "the checkpoint kept there: " + err.Error()}
		}
		c.Know(Known{point.Tree, "the checkpoint kept on " + n.Created.UTC().Format(time.DateOnly)})
	}
	return nil
}

// runAhead checks the actions up to size. All cores examine what an action
// shows by itself.
func (c *Check) runAhead(ctx context.Context, from Keeper, size int64) error {
	batches := func(yield func(int64, error) bool) {
		for after := int64(0); after < size && yield(after, nil); after += verifyBatch {
		}
	}
	reading := make(chan struct{}, verifyReaders)
	read := func(ctx context.Context, after int64) ([]look, error) {
		reading <- struct{}{}
		defer func() { <-reading }()
		looks := make([]look, 0, verifyBatch)
		var e Entry
		err := from.EachRow(ctx, c.log, after, verifyBatch, func(r *Row) error {
			looks = append(looks, lookAtRow(c.log, r, &e))
			return nil
		})
		return looks, err
	}
	return ordered.Do(ctx, batches, read, func(looks []look) error {
		for _, l := range looks {
			if err := c.take(l); err != nil {
				return err
			}
		}
		return nil
	})
}

// isOf reports whether the note names the log of the public key. Notes from
// before somebody put another key in the place of the first one do not.
func (k KeptCheckpoint) isOf(public string) bool {
	origin, _, _ := bytes.Cut(k.Note, []byte("\n"))
	name, _, _ := strings.Cut(public, "+")
	return string(origin) == name
}
