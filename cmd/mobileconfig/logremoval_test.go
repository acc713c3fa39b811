package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// removedLog is a data folder whose log lost the content of five old actions,
// the personal text of two actions about a mailbox, and that of one single
// action.
func removedLog(t *testing.T) (data, database string) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	data = filepath.Join(t.TempDir(), "data")
	dir, err := datadir.Open(data)
	check(err)
	seed, err := dir.LogKey()
	check(err)
	key, err := audit.NewLogKey(seed)
	check(err)
	clock := storetest.NewClock()
	s, err := store.Open(t.Context(), store.Config{Database: dir.Database(), Now: clock.Now, Signer: key})
	check(err)
	defer s.Close()
	by := audit.ByProgram()
	for i := range 10 {
		if i == 5 {
			clock.Move(410 * 24 * time.Hour)
		}
		check(s.Record(t.Context(), by, audit.Action{
			Account: account.Default, Name: audit.LinkOpen, Outcome: audit.Done,
			Target: audit.Target{Kind: audit.LinkTarget, ID: fmt.Sprintf("lnk_%d", i)}, Mailbox: fmt.Sprintf("p%d@example.com", i%4),
		}))
	}
	public, err := key.Public(account.Default)
	check(err)
	report, err := audit.Verify(t.Context(), s, account.Default, public)
	check(err)
	due, _ := report.Retention(clock.Now())
	_, err = s.Retain(t.Context(), by, account.Default, due, audit.Action{Outcome: audit.Done})
	check(err)
	for _, which := range []audit.Erasure{{Mailbox: "p1@example.com"}, {Seq: 7}} {
		_, err = s.ErasePersonal(t.Context(), by, account.Default, which, audit.Action{Outcome: audit.Done})
		check(err)
	}
	return data, dir.Database()
}

// TestLogVerifyRemovals checks that emptied entries are counted by reason and
// that unexplained ones are refused, both in the database and offline.
func TestLogVerifyRemovals(t *testing.T) {
	data, database := removedLog(t)
	note, export := filepath.Join(t.TempDir(), "note"), filepath.Join(t.TempDir(), "log.jsonl")
	command := func(args ...string) (code int, said string) {
		var out, problems bytes.Buffer
		code = run(append([]string{"log"}, args...), streams{&out, &problems})
		return code, out.String() + problems.String()
	}
	here := []string{"--data", data, "--account", account.Default}
	_, public := command(append([]string{"public-key"}, here...)...)
	_, signed := command(append([]string{"checkpoint"}, here...)...)
	if err := os.WriteFile(note, []byte(signed), 0o600); err != nil {
		t.Fatal(err)
	}
	offline := []string{"verify", export, "--checkpoint", note, "--public-key", strings.TrimSpace(public)}
	online := append([]string{"verify", "--checkpoint", note}, here...)
	both := func(want int, texts ...string) {
		t.Helper()
		if code, said := command(append([]string{"export", "-o", export}, here...)...); code != exitGood {
			t.Fatalf("export: exit %d, %s", code, said)
		}
		for _, args := range [][]string{online, offline} {
			code, said := command(args...)
			for _, text := range texts {
				if code != want || !strings.Contains(said, text) {
					t.Errorf("%s: exit %d, want %d and %q\n%s", strings.Join(args, " "), code, want, text, said)
				}
			}
		}
	}
	both(exitGood, "is good",
		"5 without content: older than the account's retention period (400 days), confirmed by signed actions.",
		"2 without personal text: erased for a mailbox, confirmed by signed actions.",
		"1 without personal text: erased from a single action, confirmed by signed actions.")
	storetest.Exec(t, database, `UPDATE actions SET personal = NULL, salt = NULL, mailbox = '', ip = NULL WHERE account = 'acc_default' AND seq = 8`)
	both(exitRefused, "action 8: its personal text was erased without a signed action that says so")
}
