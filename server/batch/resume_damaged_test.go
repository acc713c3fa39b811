//go:build !race

package batch_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestResumeDamaged interrupts a batch anywhere, and then truncates, extends or
// damages its temporary files as a crash can: after the last complete chunk,
// or, as after a power loss, before it.
func TestResumeDamaged(t *testing.T) {
	resumeDamaged(t, 4)
}

func resumeDamaged(t *testing.T, times int) {
	r := newResumed(t, 3500, 2000)
	random := rand.New(rand.NewPCG(3, 4))
	for range times {
		name := output(t)
		r.interrupt(t, r.begin(t, name), 1+random.IntN(3400))
		files, err := filepath.Glob(name + ".unfinished/part-*")
		if err != nil || len(files) == 0 {
			t.Fatalf("%v, %v", files, err)
		}
		for range 2 {
			spoil(t, random, files[random.IntN(len(files))])
		}
		r.resume(t, name)
	}
}

// spoil damages a file of an unfinished part.
func spoil(t testing.TB, random *rand.Rand, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "done\n") { // complete, and on the disk
		return
	}
	if journal, err := os.ReadFile(strings.TrimSuffix(name, filepath.Ext(name)) + ".journal"); err == nil && strings.Contains(string(journal), "done\n") {
		return
	}
	switch how := random.IntN(4); {
	case len(data) == 0 || how == 0:
		data = append(data, make([]byte, random.IntN(5000))...)
	case how == 1:
		data = data[:random.IntN(len(data))]
	case how == 2:
		clear(data[random.IntN(len(data)):])
	default:
		data[random.IntN(len(data))] ^= 1
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
