package servertest

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// EachPair runs f on each kind of database with two servers that share it.
func EachPair(t *testing.T, f func(t *testing.T, servers [2]*Server, database string)) {
	t.Helper()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		f(t, [2]*Server{New(t, database, nil), New(t, database, nil)}, database)
	})
}

// Each runs f on each kind of database with a server of its own.
func Each(t *testing.T, f func(t *testing.T, s *Server, database string)) {
	t.Helper()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		f(t, New(t, database, nil), database)
	})
}
