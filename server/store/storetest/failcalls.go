package storetest

import (
	"errors"

	"github.com/updatecase/mobileconfig/server/db"
	"github.com/updatecase/mobileconfig/server/store"
)

// errCall is the error of a failed call.
var errCall = errors.New("the call was made to fail")

// FailCalls makes database calls in transactions of s fail. The function picks
// them by number, counted from 1; a commit is a call too. It returns the
// number of calls so far.
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
