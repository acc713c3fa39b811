//go:build soak

package db_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// sector is what a disk writes as a whole, or not at all.
const sector = 512

// A recording is what a database wrote while links were promised: what was on
// disk at each promise is known, and any part of what came after it may have
// been lost.
type recording struct {
	before, after []byte // the file, and its state after the log was moved into it
	log           []byte
	promised      []int // the length of the log at promise i
}

func promisedID(i int) string { return fmt.Sprintf("lnk_p%d", i) }

// recordPromises creates links, one after another.
func recordPromises(t *testing.T, promises int) recording {
	t.Helper()
	database := used(t)
	path := file(database)
	read := func(path string) []byte {
		t.Helper()
		data, err := os.ReadFile(path)
		must(t, err)
		return data
	}
	s := storetest.Open(t, store.Config{Database: database})
	r := recording{before: read(path)}
	for i := range promises {
		l := newLink(promisedID(i + 1))
		must(t, s.CreateLink(t.Context(), storetest.By, l, nil, storetest.Action("link.create", l.ID)))
		r.promised = append(r.promised, len(read(path+"-wal")))
	}
	r.log = read(path + "-wal")
	if string(read(path)) != string(r.before) {
		t.Fatal("the log was moved into the database while it was recorded")
	}
	s.Close() // moves it
	r.after = read(path)
	return r
}

// lost returns the data when a power loss kept only some sectors. The others
// are as in old, which is shorter or equally long.
func lost(random *rand.Rand, data, old []byte) []byte {
	kept := append([]byte(nil), data...)
	share := random.Float64()
	for at := 0; at < len(data); at += sector {
		end := min(at+sector, len(data))
		if random.Float64() < share {
			clear(kept[at:end])
			if at < len(old) {
				copy(kept[at:end], old[at:])
			}
		}
	}
	return kept
}

// TestSoakPowerLoss cuts the power at random moments: in the middle of a
// commit, or while the log is moved into the database. The next start has to
// find a complete database with every promised link.
func TestSoakPowerLoss(t *testing.T) {
	const promises = 60
	r := recordPromises(t, promises)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	states := soak.Count(60, 2000)
	for state := range states {
		known := random.IntN(promises + 1)
		main, log := r.before, r.log
		if state%3 == 0 { // the log was moved, and is all there
			known = promises
			main = lost(random, r.after, r.before)
			if random.IntN(2) == 0 {
				main = main[:max(len(r.before), random.IntN(len(main)+1)/sector*sector)]
			}
		} else {
			durable := 0
			if known > 0 {
				durable = r.promised[known-1]
			}
			end := durable + random.IntN(len(r.log)-durable+1)
			log = append(append([]byte(nil), r.log[:durable]...), lost(random, r.log[durable:end], nil)...)
		}
		if err := wantPromised(t, main, log, known); err != nil {
			t.Fatalf("state %d with %d promises: %v", state, known, err)
		}
	}
	t.Logf("%d states", states)
}

// wantPromised starts on the files and looks up the first links.
func wantPromised(t *testing.T, main, log []byte, links int) error {
	t.Helper()
	folder, err := os.MkdirTemp(t.TempDir(), "state")
	must(t, err)
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "x.db")
	for end, data := range map[string][]byte{"": main, "-wal": log, ".state": []byte("in use\n")} {
		must(t, os.WriteFile(path+end, data, 0o600))
	}
	s, err := store.Open(t.Context(), store.Config{Database: "sqlite:" + path})
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range links {
		if _, err := s.Link(t.Context(), promisedID(i+1)); err != nil {
			return fmt.Errorf("link %d: %w", i, err)
		}
	}
	return storetest.Verify(t, s)
}
