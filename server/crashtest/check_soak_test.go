//go:build soak

package crashtest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/audit"
)

// A content is the content of a database.
type content struct {
	links       map[string]heldLink
	tickets     map[string]heldTicket
	domains     int
	invitations int
	hooks       int   // webhooks and keys
	size        int64 // of the log, according to its head
	actions     []heldAction
}

type heldLink struct{ tickets, downloads int }

type heldTicket struct {
	link    string
	fetches int
}

type heldAction struct {
	seq          int64
	name, target string
	leaf         []byte
}

func connect(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver, name := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path
	}
	db, err := sql.Open(driver, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// each calls f for every row of the query.
func each(t *testing.T, db *sql.DB, query string, f func(scan func(...any))) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		f(func(to ...any) {
			if err := rows.Scan(to...); err != nil {
				t.Fatal(err)
			}
		})
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, database string) content {
	t.Helper()
	db := connect(t, database)
	defer db.Close()
	c := content{links: map[string]heldLink{}, tickets: map[string]heldTicket{}}
	each(t, db, `SELECT id, tickets, downloads FROM links`, func(scan func(...any)) {
		var id string
		var l heldLink
		scan(&id, &l.tickets, &l.downloads)
		c.links[id] = l
	})
	each(t, db, `SELECT id, link, fetches FROM tickets`, func(scan func(...any)) {
		var id string
		var k heldTicket
		scan(&id, &k.link, &k.fetches)
		c.tickets[id] = k
	})
	each(t, db, `SELECT COUNT(*) FROM domains`, func(scan func(...any)) { scan(&c.domains) })
	each(t, db, `SELECT COUNT(*) FROM invitations`, func(scan func(...any)) { scan(&c.invitations) })
	each(t, db, `SELECT (SELECT COUNT(*) FROM webhooks) + (SELECT COUNT(*) FROM keys) + (SELECT COUNT(*) FROM approved_hosts)`, func(scan func(...any)) { scan(&c.hooks) })
	each(t, db, `SELECT size FROM logs WHERE account = 'acc_default'`, func(scan func(...any)) { scan(&c.size) })
	each(t, db, `SELECT seq, name, target_id, leaf FROM actions ORDER BY seq`, func(scan func(...any)) {
		var a heldAction
		scan(&a.seq, &a.name, &a.target, &a.leaf)
		c.actions = append(c.actions, a)
	})
	if strings.HasPrefix(database, "sqlite:") {
		each(t, db, `PRAGMA integrity_check`, func(scan func(...any)) {
			var found string
			if scan(&found); found != "ok" {
				t.Errorf("integrity: %s", found)
			}
		})
	}
	return c
}

// A verdict collects the problems.
type verdict []string

func (v *verdict) want(ok bool, format string, args ...any) {
	if !ok {
		*v = append(*v, fmt.Sprintf(format, args...))
	}
}

// judge checks that a database is consistent and agrees with the journal.
func judge(c content, j *journal) (v verdict) {
	v.judgeActions(c)
	v.judgeCounters(c)
	j.mu.Lock()
	defer j.mu.Unlock()
	v.judgePromises(c, j)
	return v
}

// judgeActions expects one action for each change, one change for each action,
// and the sequence numbers 1, 2, 3 ….
func (v *verdict) judgeActions(c content) {
	count := map[string]int{}
	for i, a := range c.actions {
		v.want(a.seq == int64(i+1), "action %d has the sequence number %d", i+1, a.seq)
		var leaf audit.Leaf
		err := json.Unmarshal(a.leaf, &leaf)
		v.want(err == nil && leaf.Seq == a.seq, "the leaf of action %d is that of %d, %v", a.seq, leaf.Seq, err)
		count[a.name+" "+a.target]++
	}
	v.want(c.size == int64(len(c.actions)), "the head of the log says %d actions, there are %d", c.size, len(c.actions))
	changes := c.domains + c.invitations + c.hooks // each start invites the first owner
	for id, l := range c.links {
		v.want(count["link.create "+id] == 1, "%s was made in %d actions", id, count["link.create "+id])
		v.want(count["link.open "+id] == l.tickets, "%s has %d tickets, opened in %d actions", id, l.tickets, count["link.open "+id])
		expired := count["link.expire "+id] // in a run of hours
		v.want(expired <= 1, "%s expired in %d actions", id, expired)
		changes += 1 + l.tickets + expired
	}
	for id, k := range c.tickets {
		v.want(count["profile.download "+id] == k.fetches, "%s has %d fetches in %d actions", id, k.fetches, count["profile.download "+id])
		changes += k.fetches
	}
	v.want(changes == len(c.actions), "%d changes have %d actions", changes, len(c.actions))
}

// judgeCounters expects the counters of the links to agree with the tickets.
func (v *verdict) judgeCounters(c content) {
	sum := map[string]heldLink{}
	for _, k := range c.tickets {
		l := sum[k.link]
		l.tickets++
		if k.fetches > 0 {
			l.downloads++
		}
		sum[k.link] = l
	}
	for id, l := range c.links {
		v.want(sum[id] == l, "%s counts %+v, its tickets %+v", id, l, sum[id])
	}
}

// judgePromises expects everything that was promised, and nothing that wasn't
// at least requested.
func (v *verdict) judgePromises(c content, j *journal) {
	for id, l := range j.links {
		held, ok := c.links[id]
		v.want(ok, "lost: %s", id)
		v.want(!ok || l.tickets <= held.tickets && held.tickets <= l.tickets+l.maybe,
			"%s has %d tickets, promised %d, unclear %d", id, held.tickets, l.tickets, l.maybe)
	}
	for id, k := range j.tickets {
		held, ok := c.tickets[id]
		v.want(ok && held.link == k.link, "lost: %s", id)
		v.want(!ok || k.fetches <= held.fetches && held.fetches <= k.fetches+k.maybe,
			"%s has %d fetches, promised %d, unclear %d", id, held.fetches, k.fetches, k.maybe)
	}
	extra := len(c.links) - len(j.links)
	v.want(extra <= j.maybeLinks, "%d links more than promised, and %d unclear", extra, j.maybeLinks)
	v.want(len(j.strange) == 0, "%d strange answers, such as %q", len(j.strange), strings.Join(j.strange[:min(3, len(j.strange))], "; "))
}

// wantKept reports the problems of a database.
func wantKept(t *testing.T, database string, j *journal) {
	t.Helper()
	v := judge(read(t, database), j)
	for _, wrong := range v[:min(10, len(v))] {
		t.Error(wrong)
	}
	if len(v) > 10 {
		t.Errorf("and %d more", len(v)-10)
	}
}

// wantCaught is the control: it damages copies of a good database, each in one
// way, and expects each way to be found.
func wantCaught(t *testing.T, data string, j *journal) {
	t.Helper()
	for name, statement := range map[string]string{
		"the last action removed": `DELETE FROM actions WHERE seq = (SELECT MAX(seq) FROM actions)`,
		"an action removed":       `DELETE FROM actions WHERE seq = (SELECT MAX(seq) / 2 FROM actions)`,
		"an action without change": `INSERT INTO actions (account, seq, at, name, outcome, actor_kind, actor_id, interface, target_kind, target_id,
				link, profile, domain, mailbox, ip, leaf, personal, salt, hash)
			SELECT account, seq + 1, at, name, outcome, actor_kind, actor_id, interface, target_kind, target_id,
				link, profile, domain, mailbox, ip, leaf, personal, salt, hash
			FROM actions WHERE account = 'acc_default' ORDER BY seq DESC LIMIT 1;
			UPDATE logs SET size = size + 1 WHERE account = 'acc_default'`,
		"a change without action":   `UPDATE tickets SET fetches = fetches + 1 WHERE id = (SELECT MIN(id) FROM tickets WHERE fetches > 0)`,
		"a link lost":               `DELETE FROM links WHERE id = (SELECT MIN(id) FROM links); DELETE FROM tickets WHERE link NOT IN (SELECT id FROM links)`,
		"the latest changes undone": `DELETE FROM tickets WHERE rowid = (SELECT MAX(rowid) FROM tickets)`,
		"the head behind":           `UPDATE logs SET size = size - 1 WHERE account = 'acc_default'`,
	} {
		database := copied(t, data)
		if _, err := connect(t, database).Exec(statement); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if v := judge(read(t, database), j); len(v) == 0 {
			t.Errorf("%s: not found", name)
		}
	}
}
