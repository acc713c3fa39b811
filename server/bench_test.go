package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// BenchmarkDownload times a download with its action over HTTP, client
// included, on SQLite with full durability.
func BenchmarkDownload(b *testing.B) {
	database := storetest.SQLite(b)
	s := servertest.New(b, database, nil)
	ticket := s.Ticket(s.Link("jane@example.com"), "secure")
	storetest.Exec(b, database, `UPDATE tickets SET max_fetches = 1000000000`)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	for _, goroutines := range []int{1, 2} {
		b.Run(fmt.Sprintf("p256/goroutines=%d", goroutines), func(b *testing.B) {
			signingtest.Ratio(b, key, goroutines, func() error {
				if a := s.Get(ticket); a.Status != http.StatusOK {
					return fmt.Errorf("status %d", a.Status)
				}
				return nil
			})
		})
	}
}
