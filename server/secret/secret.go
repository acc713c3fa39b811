// Package secret manages the versions of an installation's secret: it creates
// new versions, re-encrypts values that were encrypted under old ones, and
// deletes old versions.
//
// The database holds the versions, encrypted with the secret that the servers
// are started with. So all servers learn of a new version by themselves, in
// the transaction that creates it, and a backup contains the versions.
package secret

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
)

const (
	// DefaultOverlap is how long links, invitations and tickets from before a
	// rotation are accepted. It's the longest lifetime of a link.
	DefaultOverlap = 30 * 24 * time.Hour
	// MaxOverlap is the longest overlap.
	MaxOverlap = 366 * 24 * time.Hour
	// keepAfter is the shortest time for which an old version is kept after it
	// ended and after its successor began: by then each server has learned of
	// both.
	keepAfter = time.Hour
	// batch is how many values are re-encrypted at a time.
	batch = 200
)

// A Row is a stored version.
type Row struct {
	ID      string
	Value   []byte // encrypted with the secret that servers are started with
	Created time.Time
	Ends    time.Time // zero: it's the current one
}

// A Value is a stored encrypted value.
type Value struct {
	Context string // the context that it was encrypted for
	Within  []byte // distinguishes values with the same context
	Data    []byte
}

// version returns the ID of the version under which the value is encrypted.
func (v Value) version() string { return string(v.Data[:min(len(v.Data), crypt.IDSize)]) }

// A Place is where encrypted values are stored.
type Place struct {
	Name    string // table and column
	Purpose crypt.Purpose
	// Found means that values are looked up by their encrypted form.
	Found bool
}

// A Store stores versions and encrypted values. *store.Store is one.
type Store interface {
	// SecretVersions returns the versions. There are none before the first
	// rotation.
	SecretVersions(ctx context.Context) ([]Row, error)
	// RotateSecret ends the version old and stores the next one. If old is no
	// longer the current version, it returns a Conflict fault.
	RotateSecret(ctx context.Context, by audit.Grant, old, next Row, a audit.Action) error
	// DeleteSecret deletes a version that has ended.
	DeleteSecret(ctx context.Context, id string) error
	// EncryptedPlaces lists where encrypted values are stored.
	EncryptedPlaces() []Place
	// Encrypted returns up to n values of the place that follow a given one,
	// ordered by context.
	Encrypted(ctx context.Context, p Place, after Value, most int) ([]Value, error)
	// Reencrypt replaces a value, unless it was changed meanwhile.
	Reencrypt(ctx context.Context, p Place, old Value, data []byte) error
}

// A Keeper manages the versions of the secret.
type Keeper struct {
	// Secret is the secret with its versions.
	*crypt.Secret
	store Store
	first crypt.Version
	root  *crypt.Cipher
	now   func() time.Time
}

// Open returns the Keeper of an installation whose servers are started with
// the secret root.
func Open(ctx context.Context, store Store, root []byte, now func() time.Time) (*Keeper, error) {
	k := &Keeper{store: store, first: crypt.FirstVersion(root), root: crypt.Single(root).Cipher(crypt.Versions), now: now}
	var err error
	if k.Secret, err = crypt.Open(ctx, now, k.load); err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	return k, nil
}

// load reads the versions.
func (k *Keeper) load(ctx context.Context) ([]crypt.Version, error) {
	rows, err := k.store.SecretVersions(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return []crypt.Version{k.first}, nil
	}
	versions := make([]crypt.Version, len(rows))
	for i, r := range rows {
		secret, err := k.root.Decrypt(r.Value, r.ID)
		if err != nil {
			return nil, fmt.Errorf("the secret doesn't belong to this database: it can't decrypt version %s", r.ID)
		}
		versions[i] = crypt.Version{ID: r.ID, Secret: secret, Ends: r.Ends}
	}
	return versions, nil
}

func (k *Keeper) row(v crypt.Version, created time.Time) Row {
	return Row{ID: v.ID, Value: k.root.Encrypt(v.Secret, v.ID), Created: created}
}

// Rotate creates a new version. Links, invitations and tickets from before are
// accepted during the overlap.
func (k *Keeper) Rotate(ctx context.Context, by audit.Grant, overlap time.Duration) (Status, error) {
	if err := k.Reload(ctx); err != nil {
		return Status{}, err
	}
	now, old, next := k.now(), k.Current(), crypt.NewVersion()
	for _, v := range k.Versions() {
		if v.ID == next.ID { // a collision, once in a million
			next = crypt.NewVersion()
		}
	}
	ended := k.row(old, time.Time{})
	ended.Ends = now.Add(overlap)
	if err := k.store.RotateSecret(ctx, by, ended, k.row(next, now), rotated(old.ID, next.ID, ended.Ends)); err != nil {
		return Status{}, err
	}
	if err := k.Reload(ctx); err != nil {
		return Status{}, err
	}
	return k.Status(ctx)
}

// Under is the number of values encrypted under an old version.
type Under struct {
	ID     string
	Ends   time.Time // of links, invitations and tickets
	Values int
}

// A Status describes the versions and the remaining work.
type Status struct {
	Current string
	Created time.Time // zero: it began with the installation
	Old     []Under
}

// Status returns the versions and how many values are encrypted under old
// ones.
func (k *Keeper) Status(ctx context.Context) (Status, error) {
	rows, err := k.store.SecretVersions(ctx)
	if err != nil {
		return Status{}, err
	}
	s := Status{Current: k.first.ID}
	left, err := k.left(ctx, rows)
	if err != nil {
		return Status{}, err
	}
	for _, r := range rows {
		if r.Ends.IsZero() {
			s.Current, s.Created = r.ID, r.Created
			continue
		}
		s.Old = append(s.Old, Under{r.ID, r.Ends, left[r.ID]})
	}
	slices.SortFunc(s.Old, func(a, b Under) int { return a.Ends.Compare(b.Ends) })
	return s, nil
}

// left counts the values under versions that have ended.
func (k *Keeper) left(ctx context.Context, rows []Row) (map[string]int, error) {
	left := map[string]int{}
	if len(rows) < 2 {
		return left, nil
	}
	for _, p := range k.store.EncryptedPlaces() {
		err := k.each(ctx, p, func(v Value) error {
			left[v.version()]++
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return left, nil
}

// each calls f for each value of a place.
func (k *Keeper) each(ctx context.Context, p Place, f func(Value) error) error {
	for after := (Value{}); ; {
		values, err := k.store.Encrypted(ctx, p, after, batch)
		if err != nil || len(values) == 0 {
			return err
		}
		for _, v := range values {
			if err := f(v); err != nil {
				return err
			}
		}
		after = values[len(values)-1]
	}
}

// Pending reports whether there are old versions.
func (k *Keeper) Pending() bool { return len(k.Versions()) > 1 }

// Rewrite re-encrypts values under the current version, and deletes versions
// that have ended and that nothing uses. It can be interrupted at any time and
// run again.
func (k *Keeper) Rewrite(ctx context.Context, log *slog.Logger) error {
	if err := k.Reload(ctx); err != nil {
		return err
	}
	if !k.Pending() {
		return nil
	}
	var written, unreadable int
	for _, p := range k.store.EncryptedPlaces() {
		n, bad, err := k.rewrite(ctx, p)
		if err != nil {
			return fmt.Errorf("secret: %s: %w", p.Name, err)
		}
		written, unreadable = written+n, unreadable+bad
	}
	if written > 0 || unreadable > 0 {
		log.Info("values are encrypted under the current version of the secret", "version", k.Current().ID, "values", written, "unreadable", unreadable)
	}
	return k.clean(ctx, log)
}

// rewrite processes one place.
func (k *Keeper) rewrite(ctx context.Context, p Place) (written, unreadable int, err error) {
	cipher := k.Cipher(p.Purpose)
	err = k.each(ctx, p, func(v Value) error {
		if v.version() == k.Current().ID {
			return nil
		}
		text, err := cipher.Decrypt(v.Data, v.Context)
		if err != nil {
			unreadable++ // it couldn't be decrypted before either: nothing is lost
			return nil
		}
		encrypt := cipher.Encrypt
		if p.Found {
			encrypt = cipher.EncryptName
		}
		written++
		return k.store.Reencrypt(ctx, p, v, encrypt(text, v.Context))
	})
	return written, unreadable, err
}

// clean deletes versions that nothing needs any more.
func (k *Keeper) clean(ctx context.Context, log *slog.Logger) error {
	rows, err := k.store.SecretVersions(ctx)
	if err != nil {
		return err
	}
	left, err := k.left(ctx, rows)
	if err != nil {
		return err
	}
	var latest time.Time
	for _, r := range rows {
		if r.Created.After(latest) {
			latest = r.Created
		}
	}
	sure := k.now().Add(-keepAfter)
	for _, r := range rows {
		if r.Ends.IsZero() || r.Ends.After(sure) || latest.After(sure) || left[r.ID] > 0 {
			continue
		}
		if err := k.store.DeleteSecret(ctx, r.ID); err != nil {
			return err
		}
		log.Info("an old version of the secret was deleted", "version", r.ID)
	}
	return k.Reload(ctx)
}

// rotated returns the action of a rotation.
func rotated(old, next string, ends time.Time) audit.Action {
	return audit.Action{
		Account: account.Installation,
		Name:    audit.SecretRotate,
		Outcome: audit.Done,
		Target:  audit.Target{Kind: audit.InstallationTarget, ID: "1", Name: "secret"},
		Changes: []audit.Change{
			{Field: "version", Old: old, New: next},
			{Field: "ends", New: ends.UTC().Format(time.RFC3339)},
		},
	}
}

// Job re-encrypts what is encrypted under old versions.
type Job struct {
	// Round identifies the jobs of one rotation. One begins each hour.
	Round string `json:"round"`
}

// Kind is the job's name in the queue.
func (Job) Kind() string { return "secret.rewrite" }
