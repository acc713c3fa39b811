//go:build !race

package ledger_test

import (
	"math/rand/v2"
	"testing"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// tampering changes one row in the database.
var tampering = []struct{ what, statement string }{
	{"at", `UPDATE actions SET at = at + 1 WHERE seq = $1`},
	{"name", `UPDATE actions SET name = 'link.create' WHERE seq = $1`},
	{"outcome", `UPDATE actions SET outcome = 'refused' WHERE seq = $1`},
	{"actor_kind", `UPDATE actions SET actor_kind = 'key' WHERE seq = $1`},
	{"actor_id", `UPDATE actions SET actor_id = 'key_x' WHERE seq = $1`},
	{"interface", `UPDATE actions SET interface = '' WHERE seq = $1`},
	{"target_kind", `UPDATE actions SET target_kind = 'link' WHERE seq = $1`},
	{"target_id", `UPDATE actions SET target_id = '' WHERE seq = $1`},
	{"link", `UPDATE actions SET link = 'lnk_x' WHERE seq = $1`},
	{"profile", `UPDATE actions SET profile = '00' WHERE seq = $1`},
	{"domain", `UPDATE actions SET domain = 'example.org' WHERE seq = $1`},
	{"mailbox", `UPDATE actions SET mailbox = 'eve@example.com' WHERE seq = $1`},
	{"ip", `UPDATE actions SET ip = NULL WHERE seq = $1`},
	{"leaf", `UPDATE actions SET leaf = (SELECT o.leaf FROM actions o WHERE o.seq = 1) WHERE seq = $1`},
	{"no leaf", `UPDATE actions SET leaf = NULL WHERE seq = $1`},
	{"personal", `UPDATE actions SET personal = (SELECT o.personal FROM actions o WHERE o.seq = 1) WHERE seq = $1`},
	{"no personal", `UPDATE actions SET personal = NULL WHERE seq = $1`},
	{"salt", `UPDATE actions SET salt = (SELECT o.salt FROM actions o WHERE o.seq = 1) WHERE seq = $1`},
	{"no salt", `UPDATE actions SET salt = NULL WHERE seq = $1`},
	{"hash", `UPDATE actions SET hash = (SELECT o.hash FROM actions o WHERE o.seq = 1) WHERE seq = $1`},
	{"short hash", `UPDATE actions SET hash = salt WHERE seq = $1`},
	{"edited", `UPDATE actions SET leaf = NULL, personal = NULL, salt = NULL WHERE seq = $1`},
	{"removed", `DELETE FROM actions WHERE seq = $1`},
}

// TestTampering changes rows of a log of 1,000, one after the other towards its
// beginning, so that each time another row is the first wrong one.
func TestTampering(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		write(t, s, 1000)
		sign(t, s)
		must(t, verify(t, s))
		random := rand.New(rand.NewPCG(1, 2))
		seq := int64(1000)
		for _, tamper := range tampering {
			seq -= 1 + random.Int64N(40)
			storetest.Exec(t, database, tamper.statement, seq)
			wantFinding(t, tamper.what, verify(t, s), seq)
		}
	})
}

// aside is added to the numbers of rows that are moved away.
const aside = 100_000

// move adds to the numbers of the rows in a range.
func move(t *testing.T, database string, from, through, by int64) {
	t.Helper()
	storetest.Exec(t, database, `UPDATE actions SET seq = seq + $1 WHERE seq >= $2 AND seq <= $3`, by, from, through)
}

// copyRow copies a row to an unused number.
func copyRow(t *testing.T, database string, seq, to int64) {
	t.Helper()
	const columns = `account, at, name, outcome, actor_kind, actor_id, interface, target_kind, target_id, link, profile, domain, mailbox, ip, leaf, personal, salt, hash`
	storetest.Exec(t, database, `INSERT INTO actions (seq, `+columns+`) SELECT $1, `+columns+` FROM actions WHERE seq = $2`, to, seq)
}

// TestSwappedRows swaps two whole rows of a log of 1,000.
func TestSwappedRows(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		write(t, s, 1000)
		sign(t, s)
		swap := func(one, two int64) {
			t.Helper()
			move(t, database, one, one, aside)
			move(t, database, two, two, one-two)
			move(t, database, one+aside, one+aside, two-one-aside)
		}
		for _, pair := range [][2]int64{{999, 1000}, {500, 700}, {1, 1000}, {1, 2}} {
			swap(pair[0], pair[1])
			wantFinding(t, "swapped", verify(t, s), pair[0])
			swap(pair[0], pair[1])
			must(t, verify(t, s))
		}
	})
}

// TestInsertedRows inserts copies of rows between and after those of a log of
// 1,000, and shifts the others.
func TestInsertedRows(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		write(t, s, 1000)
		sign(t, s)
		for at, of := range map[int64]int64{1000: 1, 400: 399, 1: aside + 2} {
			move(t, database, at, 1000, aside)
			copyRow(t, database, of, at)
			move(t, database, at+aside, 1000+aside, 1-aside)
			wantFinding(t, "inserted", verify(t, s), at)
			storetest.Exec(t, database, `DELETE FROM actions WHERE seq = $1`, at)
			move(t, database, at+1, 1001, aside)
			move(t, database, at+1+aside, 1001+aside, -aside-1)
			must(t, verify(t, s))
		}
		copyRow(t, database, 1000, 1001)
		wantFinding(t, "one more", verify(t, s), 1001)
		storetest.Exec(t, database, `UPDATE logs SET size = 1001 WHERE account = 'acc_default'`)
		if err := verify(t, s); !audit.IsFinding(err) {
			t.Errorf("one more and the head moved on: %v", err)
		}
	})
}

// TestCutTail removes the end of the log and sets the head back, as well as
// someone with write access to the database can: only the signed checkpoint
// reveals it.
func TestCutTail(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := storetest.Open(t, store.Config{Database: database})
		write(t, s, 20)
		storetest.Exec(t, database, `CREATE TABLE kept AS SELECT size, edge FROM logs WHERE account = 'acc_default'`)
		write(t, s, 5)
		last := sign(t, s)
		storetest.Exec(t, database, `DELETE FROM actions WHERE seq > 20`)
		wantFinding(t, "the head is as it was", verify(t, s), 21)
		storetest.Exec(t, database, `UPDATE logs SET size = 20 WHERE account = 'acc_default'`)
		wantFinding(t, "half a head", verify(t, s), 21)
		if err := record(t.Context(), s, download(0)); !audit.IsFinding(err) {
			t.Errorf("the log went on from half a head: %v", err)
		}
		storetest.Exec(t, database, `UPDATE logs SET edge = (SELECT edge FROM kept) WHERE account = 'acc_default'`)
		wantFinding(t, "the note is there", verify(t, s), 21)
		storetest.Exec(t, database, `DELETE FROM checkpoints`)
		must(t, verify(t, s))
		wantFinding(t, "the note is elsewhere", verify(t, s, last), 21)
		write(t, s, 10) // other actions replace it
		wantFinding(t, "the log went on", verify(t, s, last), 1)
	})
}
