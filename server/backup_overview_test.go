package server_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/backup"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestBackupOnOverview tells operators about a missing or old backup, and no
// one else.
func TestBackupOnOverview(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		clock := storetest.NewClock()
		s := servertest.New(t, database, func(c *server.Config) { c.Now = clock.Now })
		operator := s.Owner("olga@example.com")
		customer := operator.Customer("Other Ltd", "otto@example.com")
		says := func(want string) {
			t.Helper()
			a := operator.Get("/panel")
			if a.Status != 200 {
				t.Fatalf("the overview: %d %s", a.Status, a.Location())
			}
			page := a.Body
			for _, text := range []string{"no backup yet", "days old"} {
				if bytes.Contains(page, []byte(text)) != (text == want) {
					t.Errorf("%q is on the page: %v, want only %q", text, text != want, want)
				}
			}
		}
		says("no backup yet")
		if err := backup.Note(t.Context(), backup.Source{Database: database, Now: clock.Now}); err != nil {
			t.Fatal(err)
		}
		says("")
		clock.Move(5 * 24 * time.Hour)
		operator.SignIn()
		says("days old")
		customer.SignIn()
		if page := customer.Get("/panel").Body; bytes.Contains(page, []byte("days old")) {
			t.Error("a customer is told about the backup")
		}
	})
}
