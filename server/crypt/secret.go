package crypt

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// IDSize is how many characters the id of a version has.
const IDSize = 4

// Size is the size in bytes of a version that NewVersion makes.
const Size = 32

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// A Version is one version of an installation's secret. New tokens and
// encrypted values are made under the current one and name it by its id.
type Version struct {
	ID     string
	Secret []byte
	// Ends is until when codes made under it are accepted. Zero: it is the
	// current one. What is encrypted under it can be decrypted for as long as
	// the version is there.
	Ends time.Time
}

// FirstVersion is what an installation begins with: its secret itself.
func FirstVersion(secret []byte) Version {
	sum := sha256.Sum256(append([]byte("mobileconfig version "), secret...))
	return Version{ID: encoding.EncodeToString(sum[:])[:IDSize], Secret: secret}
}

// NewVersion returns a random version.
func NewVersion() Version {
	secret := make([]byte, Size)
	rand.Read(secret) // never fails
	return FirstVersion(secret)
}

// A Secret is the secret of an installation in all its versions. It may be used
// by several goroutines.
type Secret struct {
	now  func() time.Time
	load func(context.Context) ([]Version, error)

	reading  sync.Mutex   // held while versions are read
	loads    atomic.Int64 // how often that was begun
	mu       sync.RWMutex
	versions []Version // the current one last
}

// Single is a secret with one version, for all time.
func Single(secret []byte) *Secret {
	return &Secret{now: time.Now, versions: []Version{FirstVersion(secret)}}
}

// Open returns the secret with the versions that load returns. They are read
// again by Reload, and as soon as something names a version that isn't known:
// another server may have begun it.
func Open(ctx context.Context, now func() time.Time, load func(context.Context) ([]Version, error)) (*Secret, error) {
	s := &Secret{now: now, load: load}
	return s, s.Reload(ctx)
}

// Reload reads the versions again.
func (s *Secret) Reload(ctx context.Context) error {
	if s.load == nil {
		return nil
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	return s.reload(ctx)
}

func (s *Secret) reload(ctx context.Context) error {
	s.loads.Add(1)
	versions, err := s.load(ctx)
	if err != nil {
		return fmt.Errorf("crypt: %w", err)
	}
	current := 0
	for _, v := range versions {
		if len(v.Secret) == 0 || len(v.ID) != IDSize {
			return errors.New("crypt: a version of the secret is empty")
		}
		if v.Ends.IsZero() {
			current++
		}
	}
	if current != 1 {
		return fmt.Errorf("crypt: the secret has %d current versions", current)
	}
	slices.SortStableFunc(versions, func(a, b Version) int {
		switch {
		case a.Ends.IsZero():
			return 1
		case b.Ends.IsZero():
			return -1
		}
		return a.Ends.Compare(b.Ends)
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.versions = versions
	return nil
}

// Versions returns the versions, the current one last.
func (s *Secret) Versions() []Version {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.versions)
}

// Current is the version under which new things are made.
func (s *Secret) Current() Version {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.versions[len(s.versions)-1]
}

// loadTimeout is how long versions may be read for one that isn't known.
const loadTimeout = 5 * time.Second

// version returns the version with the id.
func (s *Secret) version(id string) (Version, bool) {
	if v, ok := s.known(id); ok || s.load == nil || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		return v, ok
	}
	if !s.refresh() {
		return Version{}, false
	}
	return s.known(id)
}

// refresh reads the versions again where a context isn't at hand. If they can't
// be read, those that are known stay. Of those that come at once, as in a flood
// of invented tokens, one reads for all who came before it began.
func (s *Secret) refresh() bool {
	if s.load == nil {
		return true
	}
	begun := s.loads.Load()
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.loads.Load() > begun {
		return true
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
	defer cancel()
	return s.reload(ctx) == nil
}

func (s *Secret) known(id string) (Version, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, v := range s.versions {
		if v.ID == id {
			return v, true
		}
	}
	return Version{}, false
}

// accepts reports whether codes under the version are accepted.
func (s *Secret) accepts(v Version) bool { return v.Ends.IsZero() || s.now().Before(v.Ends) }
