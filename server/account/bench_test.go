package account_test

import (
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account/accounttest"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// BenchmarkRefused compares the refused sign-in of a stranger with that of a
// member. A difference would tell attackers who is a member.
func BenchmarkRefused(b *testing.B) {
	accounttest.Costly(b)
	h := open(b, storetest.SQLite(b), storetest.NewClock())
	h.first()
	h.enroll(h.signIn(jane, ""))
	try := func(email string) time.Duration {
		h.clock.Move(2 * time.Minute) // or the rate limit would answer
		began := time.Now()
		_, err := h.sessions.SignIn(b.Context(), from, email, "wrong lampshade", "123456")
		h.want(err, fault.SignInRefused)
		return time.Since(began)
	}
	var member, stranger time.Duration
	for b.Loop() {
		member += try(jane)
		stranger += try("nobody@example.com")
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(stranger)/float64(member), "x-member")
}
