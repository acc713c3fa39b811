package servertest

import (
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// Lines returns the action log of the default account as the command line
// exports it. It reports an error if the log lacks a created webhook.
func Lines(t *testing.T, database string) string {
	t.Helper()
	var b strings.Builder
	for _, r := range records(t, storetest.Open(t, store.Config{Database: database}), account.Default) {
		line, err := r.Line()
		if err != nil {
			t.Fatal(err)
		}
		b.Write(line)
	}
	if !strings.Contains(b.String(), "webhook.create") {
		t.Error("the lines lack what was done")
	}
	return b.String()
}

// Quiet reports whether no delivery is waiting.
func Quiet(t testing.TB, database string) bool {
	t.Helper()
	return storetest.Column(t, database, `SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'waiting'`)[0] == "0"
}

// MailsTo waits until no delivery is waiting and returns the emails with the
// subject that were sent only to the address.
func MailsTo(t *testing.T, database string, sink *notifytest.Server, address, subject string) []string {
	t.Helper()
	Eventually(t, "the deliveries", func() bool { return Quiet(t, database) })
	var all []string
	for _, m := range sink.Mails() {
		text := strings.ReplaceAll(strings.ReplaceAll(m.Data, "=\r\n", ""), "=3D", "=")
		if strings.Contains(text, "Subject: "+subject+"\r\n") && slices.Equal(m.To, []string{"<" + address + ">"}) {
			all = append(all, text)
		}
	}
	return all
}

// ReadLog returns the actions in an account's log that have the name.
func ReadLog(t *testing.T, database, owner string, name audit.Name) []audit.Entry {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Database: database, CallTimeout: storetest.CallTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var all []audit.Entry
	for _, r := range records(t, s, owner) {
		e, err := r.Read()
		if err != nil && name != "" {
			t.Fatal(err)
		}
		if e.Name == name {
			all = append(all, e)
		}
	}
	return all
}

// records returns the whole log of an account.
func records(t *testing.T, s *store.Store, owner string) (all []audit.Record) {
	t.Helper()
	for after := int64(0); ; {
		some, err := s.Actions(t.Context(), owner, after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 {
			return all
		}
		all, after = append(all, some...), some[len(some)-1].Seq
	}
}
