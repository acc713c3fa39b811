//go:build !race

package db_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

func TestDamagedFileIsRefused(t *testing.T) {
	database := used(t)
	storetest.Exec(t, database, `VACUUM`) // a free page has no content
	whole, err := os.ReadFile(file(database))
	must(t, err)
	const page = 4096
	damages := map[string][]byte{
		"half":     whole[:len(whole)/2/page*page],
		"one page": whole[:page],
		"100":      whole[:100],
	}
	for n := range len(whole) / page {
		flipped := bytes.Clone(whole)
		for i := range 64 {
			flipped[n*page+i] ^= 0xff
		}
		damages[fmt.Sprintf("page %d flipped", n+1)] = flipped
	}
	for name, data := range damages {
		t.Run(name, func(t *testing.T) {
			must(t, os.WriteFile(file(database), data, 0o600))
			wantRefused(t, database, "restore a backup")
		})
	}
	must(t, os.WriteFile(file(database), whole, 0o600))
	storetest.Open(t, store.Config{Database: database})
}
