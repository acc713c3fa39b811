package server_test

import (
	"slices"
	"sync/atomic"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
)

// A signer is an identity that the test can replace.
type signer struct {
	atomic.Pointer[signing.Identity]
}

func (s *signer) Current() signing.Signer { return s.Load() }

func (s *signer) Err() error { return nil }

// TestIdentityChange replaces the signing identity under two servers, which
// notice one after the other, and after a restart.
func TestIdentityChange(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		first, second, third := servertest.NewIdentity(t), servertest.NewIdentity(t), servertest.NewIdentity(t)
		sink := notifytest.New(t, true)
		begin := func(id *signing.Identity) (*servertest.Server, *signer) {
			var v signer
			v.Store(id)
			return servertest.Notifying(t, database, nil, func(c *server.Config) {
				c.Identity = &v
				c.Mail = &notify.RelayConfig{Server: sink.Address, From: "setup@example.org", Roots: sink.Roots}
			}), &v
		}
		var want []string
		look := func(servers ...*servertest.Server) {
			t.Helper()
			for _, s := range servers {
				if err := s.RunScheduled(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, e := range servertest.ReadLog(t, database, account.Installation, audit.IdentityChange) {
				got = append(got, e.Changes[0].Old+" "+e.Changes[0].New)
			}
			if !slices.Equal(got, want) {
				t.Errorf("changes %q, want %q", got, want)
			}
		}
		a, signsA := begin(first)
		a.Owner("olga@example.com")
		b, signsB := begin(first)
		look(a, b, a)
		signsA.Store(second)
		want = []string{first.Fingerprint() + " " + second.Fingerprint()}
		look(a, b, a, b)
		signsB.Store(second)
		look(a, b)
		c, _ := begin(third) // like after a restart
		want = append(want, second.Fingerprint()+" "+third.Fingerprint())
		look(c, a, b, c)
		if n := len(servertest.MailsTo(t, database, sink, "olga@example.com", "Signing certificate changed")); n != 2 {
			t.Errorf("%d mails, want 2", n)
		}
	})
}
