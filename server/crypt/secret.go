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

// IDSize is the length of a version's ID.
const IDSize = 4

// Size is the size in bytes of a version from NewVersion.
const Size = 32

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// A Version is one version of an installation's secret. New tokens and
// encrypted values are created under the current one and name it by its ID.
type Version struct {
	ID     string
	Secret []byte
	// Ends is until when codes under it are accepted. Zero: it is the current
	// one. What is encrypted under it can be decrypted as long as the version
	// exists.
	Ends time.Time
}

// FirstVersion is the first version of an installation: its secret itself.
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

// A Secret is the secret of an installation in all its versions. It is safe for
// concurrent use.
type Secret struct {
	now  func() time.Time
	load func(context.Context) ([]Version, error)

	reading  sync.Mutex   // held while versions are loaded
	loads    atomic.Int64 // how many loads have begun
	mu       sync.RWMutex
	versions []Version // the current one last
}

// Single returns a secret with one version, which never ends.
func Single(secret []byte) *Secret {
	return &Secret{now: time.Now, versions: []Version{FirstVersion(secret)}}
}

// Open returns the secret with the versions that load returns. They are loaded
// again by Reload, and when a token or value names an unknown version: another
// server may have created it.
func Open(ctx context.Context, now func() time.Time, load func(context.Context) ([]Version, error)) (*Secret, error) {
	s := &Secret{now: now, load: load}
	return s, s.Reload(ctx)
}

// Reload loads the versions again.
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

// Current returns the version for new values.
func (s *Secret) Current() Version {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.versions[len(s.versions)-1]
}

// loadTimeout is the timeout for loading versions because of an unknown one.
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

// refresh loads the versions again where no context is available. If that
// fails, the known ones stay. Of concurrent callers, for example in a flood of
// invented tokens, one loads for all that came before it began.
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
