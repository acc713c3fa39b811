// Package secret keeps the versions of an installation's secret: it begins new
// ones, encrypts again what was encrypted under old ones, and deletes those.
//
// The secret that the servers are started with encrypts the versions, which are
// in the database: so all servers on it learn of a new one by themselves, in the
// transaction that begins it, and a backup has them.
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
	// DefaultOverlap is for how long links, invitations and tickets from before
	// a rotation are accepted. It's as long as a link can last.
	DefaultOverlap = 30 * 24 * time.Hour
	// MaxOverlap is the longest.
	MaxOverlap = 366 * 24 * time.Hour
	// keepAfter is for how long an old version is kept at least, from its end
	// and from its successor on: each server has learned of both by then.
	keepAfter = time.Hour
	// batch is how many values are encrypted again at a time.
	batch = 200
)

// A Row is a version as it is kept.
type Row struct {
	ID      string
	Value   []byte // encrypted with the secret that servers are started with
	Created time.Time
	Ends    time.Time // zero: it is the current one
}

// A Value is something encrypted that is kept somewhere.
type Value struct {
	Context string // that it was encrypted for
	Within  []byte // tells values for the same context apart
	Data    []byte
}

// version is the id of the version that it was encrypted under.
func (v Value) version() string { return string(v.Data[:min(len(v.Data), crypt.IDSize)]) }

// A Place is where encrypted values are kept.
type Place struct {
	Name    string // table and column
	Purpose crypt.Purpose
	// Found says that a value is found by what is encrypted.
	Found bool
}

// A Store keeps versions and encrypted values. *store.Store is one.
type Store interface {
	// SecretVersions returns the versions. There are none before the first
	// rotation.
	SecretVersions(ctx context.Context) ([]Row, error)
	// RotateSecret ends the version old and keeps the next one. If old isn't the
	// current one any more, the fault is Conflict.
	RotateSecret(ctx context.Context, by audit.Grant, old, next Row, a audit.Action) error
	// DeleteSecret deletes a version that has ended.
	DeleteSecret(ctx context.Context, id string) error
	// EncryptedPlaces lists where values are kept.
	EncryptedPlaces() []Place
	// Encrypted returns at most so many values of the place, those after one,
	// in the order of what they are for.
	Encrypted(ctx context.Context, p Place, after Value, most int) ([]Value, error)
	// Reencrypt replaces a value, unless it was changed meanwhile.
	Reencrypt(ctx context.Context, p Place, old Value, data []byte) error
}

// A Keeper keeps the versions of the secret.
type Keeper struct {
	// Secret is the secret with its versions.
	*crypt.Secret
	store Store
	first crypt.Version
	root  *crypt.Cipher
	now   func() time.Time
}

// Open returns the Keeper of an installation whose servers are started with the
// root.
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
			return nil, fmt.Errorf("the secret isn't that of this database: version %s can't be decrypted with it", r.ID)
		}
		versions[i] = crypt.Version{ID: r.ID, Secret: secret, Ends: r.Ends}
	}
	return versions, nil
}

func (k *Keeper) row(v crypt.Version, created time.Time) Row {
	return Row{ID: v.ID, Value: k.root.Encrypt(v.Secret, v.ID), Created: created}
}

// Rotate begins a new version. What was handed out before is accepted for the
// overlap.
func (k *Keeper) Rotate(ctx context.Context, by audit.Grant, overlap time.Duration) (Status, error) {
	if err := k.Reload(ctx); err != nil {
		return Status{}, err
	}
	now, old, next := k.now(), k.Current(), crypt.NewVersion()
	for _, v := range k.Versions() {
		if v.ID == next.ID { // once in a million
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

// Under says how many values are encrypted under an old version.
type Under struct {
	ID     string
	Ends   time.Time // of what was handed out
	Values int
}

// A Status says how things stand.
type Status struct {
	Current string
	Created time.Time // zero: with the installation
	Old     []Under
}

// Status says which versions there are and how much is encrypted under old
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

// Rewrite encrypts under the current version what was encrypted under others,
// and deletes versions that have ended and under which nothing is left. It can
// be broken off at any time and done again.
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

// rewrite does one place.
func (k *Keeper) rewrite(ctx context.Context, p Place) (written, unreadable int, err error) {
	cipher := k.Cipher(p.Purpose)
	err = k.each(ctx, p, func(v Value) error {
		if v.version() == k.Current().ID {
			return nil
		}
		text, err := cipher.Decrypt(v.Data, v.Context)
		if err != nil {
			unreadable++ // it was before: there is nothing to lose
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

// rotated is the action of a rotation.
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

// Job encrypts again what is encrypted under old versions.
type Job struct {
	// Round keeps apart the jobs of one rotation: one begins each hour.
	Round string `json:"round"`
}

// Kind names the job in the queue.
func (Job) Kind() string { return "secret.rewrite" }
