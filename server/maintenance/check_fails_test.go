//go:build !race

package maintenance_test

import (
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestCheckFails changes a log directly in the database, in several ways.
func TestCheckFails(t *testing.T) {
	const failed = "Action log check failed"
	for name, tt := range map[string]struct {
		statement string
		finding   string
		// head reports whether the head is so damaged that nothing can be
		// appended.
		head bool
	}{
		"edited": {`UPDATE actions SET leaf = personal WHERE account = 'acc_default' AND seq = 2`,
			"action 2: it was edited: its content doesn't match its hash", false},
		"removed":  {`DELETE FROM actions WHERE account = 'acc_default' AND seq = 3`, "action 3: it is missing; the next action is 4", false},
		"head":     {`UPDATE logs SET edge = salt FROM actions WHERE actions.account = logs.account AND seq = 1 AND logs.account = 'acc_default'`, "the head of the log was changed: it can't be read", true},
		"emptied":  {`UPDATE logs SET size = 0, edge = (SELECT edge FROM logs WHERE account = 'acc_installation') WHERE account = 'acc_default'`, "actions 1 to 9: they come after the end of the log according to its own head", true},
		"set back": {`UPDATE logs SET size = size - 2 WHERE account = 'acc_default'`, "the head of the log was set back from 9 actions to 7", true},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.EachDatabase(t, func(t *testing.T, database string) {
				t.Parallel() // most of the time is spent waiting for jobs
				w := watching(t, database)
				w.nextDay()
				w.called("log.checkpoint", 1)
				storetest.Exec(t, database, tt.statement)
				w.nextDay()
				if got := len(w.mails(failed)); got < 1 || got > 2 {
					t.Errorf("%d emails, want one, or one as owner and one as operator", got)
				}
				call := w.called("log.check_failed", 1)[0]
				owner := account.Default
				if tt.head {
					owner = account.Installation
				} else if w.log(owner, audit.LogCheckFailed)[0].Finding() != call.Data.Changes[0].New {
					t.Errorf("the call says %v", call.Data)
				}
				found := w.log(owner, audit.LogCheckFailed)
				if len(found) != 1 || !strings.HasSuffix(found[0].Finding(), tt.finding) || found[0].Target.ID != account.Default {
					t.Errorf("recorded: %+v, want %q", found, tt.finding)
				}
				if n := w.failedLogs(); n != 1 {
					t.Errorf("%d logs have failed, want 1", n)
				}
				if !strings.Contains(w.servers[0].Log.String(), tt.finding) {
					t.Error("the program's log does not say it")
				}
				for range 5 {
					w.nextDay()
				}
				w.called("log.check_failed", 1)
				w.nextDay()
				w.called("log.check_failed", 1)
				w.nextDay()
				w.called("log.check_failed", 2)
				w.called("log.checkpoint", 1) // none for a log that failed its check
			})
		})
	}
}
