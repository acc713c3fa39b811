package storetest

import (
	"errors"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/store"
)

// errCall is what a call fails with.
var errCall = errors.New("the call was made to fail")

// FailCalls makes those calls of the database in transactions of s fail whose
// number the function picks, counted from 1; a commit is a call too. It returns
// how many there were so far.
func FailCalls(s *store.Store, pick func(n int) bool) (calls func() int) {
	n := 0
	s.Database().Watch(func(c db.Call) error {
		if c.Reads {
			return nil
		}
		if n++; pick(n) {
			return errCall
		}
		return nil
	})
	return func() int { return n }
}
