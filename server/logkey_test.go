package server_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestLogKeyReplaced replaces the log's key under two servers, one of which gets it
// late. Both sign with the key of the moment and without a restart, or say that
// they can't; the API and exports show the chain; all owners get a mail, also those
// who want none.
func TestLogKeyReplaced(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		sink, e := notifytest.New(t, false), servertest.NewEndpoint(t, nil)
		files := [2]string{filepath.Join(t.TempDir(), "key"), filepath.Join(t.TempDir(), "key")}
		var clients [2]servertest.Client
		var first *servertest.Server
		key := servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})
		for i, file := range files {
			must(t, os.WriteFile(file, servertest.LogKey, 0o600))
			s := servertest.Notifying(t, database, e, func(c *server.Config) {
				servertest.Unhurried(c)
				c.LogKeys = func() ([][]byte, error) { return datadir.ReadLogKeys(file) }
				c.Mail = &notify.RelayConfig{Server: sink.Address, From: "setup@example.org", Roots: sink.Roots}
			})
			if clients[i] = servertest.NewClient(s, key); i == 0 {
				first = s
			}
		}
		first.Owner("olga@example.com")
		hook := servertest.NewHook(t, clients[0], e.URL, "log.key_replaced")
		storetest.Exec(t, database, `INSERT INTO subscriptions (account, recipient, topic, wanted) SELECT 'acc_default', id, 'log', 0 FROM members`)

		type point struct {
			Note   string
			KeyID  string `json:"key_id"`
			Public string `json:"public_key"`
			Keys   []struct {
				ID, Statement string
				Public        string `json:"public_key"`
				Since         int64
			}
		}
		sign := func(i int) (p point) {
			t.Helper()
			servertest.Decode(t, clients[i].Want(t, http.StatusOK, http.MethodGet, "/actions/checkpoint", ""), &p)
			return p
		}
		before := sign(0)
		if len(before.Keys) != 1 || before.Keys[0].ID != before.KeyID || before.Keys[0].Statement != "" {
			t.Errorf("before: %+v", before)
		}
		replaceLogKey(t, database, files[0])
		after := sign(0)
		a := clients[1].Want(t, http.StatusServiceUnavailable, http.MethodGet, "/actions/checkpoint", "")
		if servertest.CodeOf(t, a) != "log_key_unavailable" || a.Header.Get("Retry-After") == "" {
			t.Errorf("without the new key: %v %s", a.Header, a.Body)
		}
		seed, err := os.ReadFile(files[0])
		must(t, err)
		must(t, os.WriteFile(files[1]+".next", seed, 0o600))
		late := sign(1)
		if after.KeyID == before.KeyID || late.KeyID != after.KeyID || len(late.Keys) != 2 || late.Keys[1].Public != late.Public {
			t.Errorf("after: %+v, and %+v", after, late)
		}
		chain, err := audit.NewChain(before.Public, []byte(late.Keys[1].Statement))
		must(t, err)
		for _, p := range []point{before, after, late} {
			if got, err := chain.Open([]byte(p.Note)); err != nil || got.Key != p.KeyID {
				t.Errorf("%+v, %v", got, err)
			}
		}
		export := clients[1].Want(t, http.StatusOK, http.MethodGet, "/actions/export", "").Body
		if !bytes.HasPrefix(export, []byte(`{"key_change":"mobileconfig/`)) {
			t.Errorf("the export begins with %.80s", export)
		}

		if mails := servertest.MailsTo(t, database, sink, "olga@example.com", "Action log key replaced"); len(mails) != 2 || !strings.Contains(mails[0], after.KeyID) {
			t.Errorf("%d mails, want that of the account and that of the installation: %v", len(mails), mails)
		}
		if calls := storetest.Column(t, database, `SELECT state FROM deliveries WHERE type = 'log.key_replaced' AND webhook = '`+hook.ID+`'`); len(calls) != 1 || calls[0] != "sent" {
			t.Errorf("the webhook: %v", calls)
		}
	})
}

// replaceLogKey does what mobileconfig admin rotate-log-key does.
func replaceLogKey(t *testing.T, database, file string) {
	t.Helper()
	_, err := datadir.PrepareLogKey(file)
	must(t, err)
	seeds, err := datadir.ReadLogKeys(file)
	must(t, err)
	next, err := audit.NewLogKey(seeds[1])
	must(t, err)
	kept := storetest.Open(t, store.Config{Database: database, Signer: audit.NewKeyring(func() ([][]byte, error) { return seeds, nil })})
	_, err = kept.ReplaceKeys(t.Context(), audit.ByOperator(), next)
	must(t, err)
	must(t, datadir.PlaceLogKey(file))
}
