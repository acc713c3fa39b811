// Package storetest gives tests a new store or database, once on SQLite and
// once on PostgreSQL.
//
// TEST_POSTGRES is the URL of a PostgreSQL server whose user may create
// databases. Each test binary leaves a database named mobileconfig_template_…
// there, so use a server only for tests; several binaries can share it.
// Without TEST_POSTGRES, each test binary starts its own server from the
// installed programs at its first use and stops it at its end. If PostgreSQL
// isn't installed, the subtest is skipped, or fails if MOBILECONFIG_TEST_ALL
// is 1.
package storetest

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
)

// Each runs f with a new store, in the subtests "sqlite" and "postgres". It
// closes the store.
func Each(t *testing.T, f func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachWith(t, store.Config{}, f)
}

// EachWith is Each with settings. It sets cfg.Database.
func EachWith(t *testing.T, cfg store.Config, f func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachDatabase(t, func(t *testing.T, database string) {
		cfg := cfg
		cfg.Database = database
		f(t, Open(t, cfg))
	})
}

// EachDatabase runs f with the store.Config.Database of a new database whose
// schema is up to date, in the subtests "sqlite" and "postgres". Any number of
// stores can be opened on it. The race detector sees the same accesses on
// both, so with it there is only "sqlite".
func EachDatabase(t *testing.T, f func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	if !racing {
		t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
	}
}

// LogKey is the seed of the key that signs for stores without another Signer.
var LogKey = bytes.Repeat([]byte("k"), audit.LogKeySize)

// CallTimeout is the maximum time of a call to the database in tests: none fails
// because the machine is slow.
const CallTimeout = 5 * time.Minute

// Open opens a store and closes it when the test ends. If it has no Signer, it
// gets the key of LogKey; without a CallTimeout, that above.
func Open(t testing.TB, cfg store.Config) *store.Store {
	t.Helper()
	if cfg.Signer == nil {
		key, err := audit.NewLogKey(LogKey)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Signer = key
	}
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = CallTimeout
	}
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// An opener is a test that uses a database.
type opener struct {
	t        testing.TB
	database string
}

// shared are the open stores of Shared.
var shared = struct {
	sync.Mutex
	open map[opener]*store.Store
}{open: map[opener]*store.Store{}}

// Shared returns a store that is open until the test ends. A test's calls for the
// same database return the same one, because opening costs more than most calls.
func Shared(t testing.TB, database string) *store.Store {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	u := opener{t, database}
	if s := shared.open[u]; s != nil {
		return s
	}
	s := Open(t, store.Config{Database: database})
	shared.open[u] = s
	t.Cleanup(func() {
		shared.Lock()
		defer shared.Unlock()
		delete(shared.open, u)
	})
	return s
}

// A Clock stands still until it is moved. It is safe for concurrent use.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock returns a clock that starts at the same time in every run, on a
// whole millisecond in UTC.
func NewClock() *Clock {
	return &Clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Move moves the clock by d, which may be negative, and returns its new time.
func (c *Clock) Move(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	return c.at
}
