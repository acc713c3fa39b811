//go:build !race

package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// testOperations are the only writing operations that a test key may call, and
// whether they succeed on the table's objects, which aren't tests.
var testOperations = map[string]bool{
	"POST /domains/:id/check":      true,
	"POST /profiles":               true,
	"POST /setup-links":            true,
	"POST /setup-links/bulk":       true,
	"POST /revoke-setup-links":     true, // of the test links; there are none
	"POST /setup-links/:id/revoke": false,
	"POST /keys":                   true,
	"POST /keys/:id/revoke":        false,
}

// TestTestKeyChangesNothingLive sends every writing operation of the API with a
// test key that has all scopes. Only tests may change.
func TestTestKeyChangesNothingLive(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		w := &authorityWorld{database: database}
		w.open(t, 1)
		seeder := servertest.NewSeeder(t, database, w.clock.Now)
		rows := apiRows()
		var called []string
		for i, row := range rows {
			if row.note != "" {
				continue // another way to send an operation in the list
			}
			s := &stage{authorityRow: row, world: w, seeder: seeder, server: w.a, domain: fmt.Sprintf("row%d.example.com", i), ids: map[string]string{}}
			s.seed(t)
			s.makeKey(t, "Trial", "test", "yes")
			operation := strings.Replace(row.method+" "+row.path, "/api/v1", "", 1)
			called = append(called, operation)
			t.Run(s.name(), func(t *testing.T) { tryTestKey(t, s, operation) })
		}
		for operation := range testOperations {
			if !slices.Contains(called, operation) {
				t.Errorf("%s isn't a writing operation", operation)
			}
		}
	})
}

func tryTestKey(t *testing.T, s *stage, operation string) {
	database := s.world.database
	if strings.Contains(operation, "POST /keys") && s.body != "" {
		s.body = strings.Replace(s.body, "{", `{"test":true,`, 1)
	}
	before := storetest.Rows(t, database, bookkeeping...)
	s.hold(t, s.world.a)
	a := s.held.Release()
	gone, added := difference(before, storetest.Rows(t, database, bookkeeping...))
	may, open := testOperations[operation]
	if !may {
		if a.Status != http.StatusForbidden || len(gone)+len(added) > 0 {
			t.Errorf("%d %s, changed %v %v", a.Status, brief(a.Body), gone, added)
		}
		if s.held.Waited && !open {
			t.Error("the body was read first")
		}
		return
	}
	if !s.isDone(a) {
		t.Errorf("%d %s", a.Status, brief(a.Body))
	}
	for _, row := range append(gone, added...) {
		test := strings.Contains(row.Text, `test="1"`)
		log := slices.Contains([]string{"actions", "logs", "deliveries", "river_job", "river_notification"}, row.Table) // and who is notified
		if !log && !test {
			t.Errorf("the row of %s isn't a test: %s", row.Table, row.Text)
		}
	}
}
