package server

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestKeyExpiry runs the hourly check for 60 days, with two servers. There's a
// notification 30 days, 7 days and one day before each key's expiry, as far as
// it lives that long, and again if the expiry changes.
func TestKeyExpiry(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		const day = 24 * time.Hour
		now := storetest.Start
		config := Config{
			Database: database, Secret: bytes.Repeat([]byte("s"), 32), Identity: Fixed(nil), LogKey: bytes.Repeat([]byte("k"), 32), Archive: t.TempDir(),
			Now: func() time.Time { return now },
		}
		var servers []*Server
		for range 2 {
			s, err := New(t.Context(), config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(s.Close)
			servers = append(servers, s)
		}
		keys := account.NewKeys(servers[0].store, config.Now)
		create := func(name string, life time.Duration) account.Key {
			k, _, err := keys.Create(t.Context(), audit.ByOperator(), account.KeySpec{Account: account.Default, Name: name, Scopes: []string{"keys:read"}, Life: life})
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		create("long", 40*day+time.Minute)
		create("short", 7*day+time.Minute)
		create("a day", day)
		create("ever", 0)
		revoked := create("revoked", 40*day)
		if err := keys.Revoke(t.Context(), audit.ByOperator(), account.Default, revoked.ID); err != nil {
			t.Fatal(err)
		}
		moved := create("moved", 8*day+time.Minute)
		_, err := redirect.NewKeys(servers[0].store, config.Now).Create(t.Context(), audit.ByOperator(), account.Default, redirect.Spec{
			Name: "portal", Life: 2*day + time.Minute, PEM: "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAQ8enBb+ZNG0DqTsEqXEUgxrbiPB14feWgHhRD5qU4zQ=\n-----END PUBLIC KEY-----\n",
		})
		if err != nil {
			t.Fatal(err)
		}
		for hour := range 60 * 24 {
			if hour == 3*24 { // for a lifetime of seven days it was sent after one
				if err := servers[0].store.ChangeKey(t.Context(), audit.ByOperator(), account.Default, moved.ID, func(k account.Key) (account.Key, audit.Action, error) {
					k.Expires = now.Add(10*day + time.Minute)
					return k, audit.Action{Account: account.Default, Name: audit.KeyUpdate, Outcome: audit.Done, Changes: []audit.Change{{Field: "expires_at"}}}, nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			for _, s := range servers {
				if err := s.recordExpiringKeys(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			now = now.Add(time.Hour)
		}
		all, err := servers[0].store.Actions(t.Context(), account.Default, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range all {
			if e, err := r.Read(); err == nil && e.Name == audit.KeyExpiring {
				got = append(got, e.Personal.TargetName+" "+e.Changes[1].New)
			}
		}
		slices.Sort(got)
		want := []string{"long 1", "long 30", "long 7", "moved 1", "moved 7", "moved 7", "portal 1", "short 1", "short 7"}
		if !slices.Equal(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}
