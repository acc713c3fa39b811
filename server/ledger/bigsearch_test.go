package ledger_test

import (
	"database/sql"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// BenchmarkSearch measures searches of five million actions on SQLite, each
// from several places. It runs if MOBILECONFIG_BIG names the database file,
// which is created if it doesn't exist: that needs 8 GB and some minutes.
func BenchmarkSearch(b *testing.B) {
	path := os.Getenv("MOBILECONFIG_BIG")
	if path == "" {
		b.Skip("MOBILECONFIG_BIG names no file")
	}
	database := "sqlite:" + path
	if _, err := os.Stat(path); err != nil {
		storetest.Open(b, store.Config{Database: database}).Close()
		fillLog(b, database, bigSize)
		storetest.Exec(b, database, `UPDATE logs SET edge = $1 WHERE account = 'acc_default'`, someEdge(bigSize))
	}
	s := storetest.Open(b, store.Config{Database: database})
	for _, name := range slices.Sorted(maps.Keys(hardFilters)) {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) { benchmarkSearch(b, s, hardFilters[name]) })
	}
}

// bigSize is how many actions BenchmarkSearch searches.
const bigSize = 5_000_000

func benchmarkSearch(b *testing.B, s *store.Store, f audit.Filter) {
	f.Account = account.Default
	var took []time.Duration
	for i := 0; b.Loop() || i%5 != 0; i++ {
		f := f
		if f.Before == 0 {
			f.Before = []int64{0, bigSize * 9 / 10, bigSize / 2, bigSize / 10, 30_000}[i%5]
		}
		began := time.Now()
		if _, err := s.Search(b.Context(), f); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	median, most := took[len(took)/2], took[len(took)-1]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median.Seconds()*1000, "median-ms")
	b.ReportMetric(most.Seconds()*1000, "max-ms")
	b.ReportMetric(100, "goal-ms") // of the median
}

// someEdge returns the edge of a log of n actions.
func someEdge(n int) []byte {
	var e audit.Edge
	for range n {
		e.Append(audit.Hash{})
	}
	return e.Bytes()
}

// bigStart is when the log of fillLog begins. It has an action a second.
var bigStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// fillLog writes n actions: downloads of visitors, and one in a hundred by
// members. SQLite generates them, because the store would take hours.
func fillLog(t testing.TB, database string, n int) {
	t.Helper()
	db, err := sql.Open("sqlite", strings.TrimPrefix(database, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.QueryContext(t.Context(), `SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'actions' AND sql <> ''`)
	if err != nil {
		t.Fatal(err)
	}
	indexes := map[string]string{}
	for rows.Next() {
		var name, made string
		if err := rows.Scan(&name, &made); err != nil {
			t.Fatal(err)
		}
		indexes[name] = made
	}
	exec(`PRAGMA synchronous = OFF`)
	for name := range indexes {
		exec(`DROP INDEX ` + name)
	}
	exec(bigLog, n, bigStart.UnixMilli())
	exec(`UPDATE logs SET size = $1, latest = $2 WHERE account = 'acc_default'`, n, bigStart.UnixMilli()+int64(n)*1000)
	for _, made := range indexes {
		exec(made)
	}
}

const bigLog = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
INSERT INTO actions (account, seq, at, name, outcome, actor_kind, actor_id, interface, target_kind, target_id, link, profile,
	domain, mailbox, ip, leaf, personal, salt, hash)
SELECT 'acc_default', i, $2 + i * 1000,
	CASE WHEN i % 100 = 0 THEN CASE WHEN i % 1000 = 0 THEN 'policy.update' ELSE 'member.sign_in' END
		WHEN i % 3 = 0 THEN 'link.open' ELSE 'profile.download' END,
	CASE WHEN i % 1700 = 0 THEN 'refused' ELSE 'done' END,
	CASE WHEN i % 100 = 0 THEN 'member' ELSE 'visitor' END,
	CASE WHEN i % 100 = 0 THEN 'mem_' || (i / 100 % 9) ELSE '' END,
	CASE WHEN i % 100 = 0 THEN 'panel' ELSE 'page' END,
	CASE WHEN i % 1000 = 0 THEN 'policy' WHEN i % 100 = 0 THEN 'member' WHEN i % 3 = 0 THEN 'link' ELSE 'ticket' END,
	CASE WHEN i % 1000 = 0 THEN 'pol_' || (i / 1000 % 3) WHEN i % 100 = 0 THEN 'mem_' || (i / 100 % 9) ELSE 'tkt_' || i END,
	CASE WHEN i % 100 = 0 THEN '' ELSE 'lnk_' || (i / 2) END,
	CASE WHEN i % 100 = 0 OR i % 3 = 0 THEN '' ELSE printf('%064x', i * 7919 % $1) END,
	CASE WHEN i % 1000 = 0 THEN '' ELSE 'example.com' END,
	CASE WHEN i % 100 = 0 THEN '' ELSE 'p' || (i * 7919 % 500000) || '@example.com' END,
	unhex('00000000000000000000ffffc6' || printf('%06x', i * 7919 % 16000000)),
	CAST('{"v":1,"log":"acc_default","seq":' || i || ',"time":' || ($2 + i * 1000) || ',"action":"profile.download","outcome":"done",' ||
		'"actor":{"kind":"visitor","interface":"page","request":"req_5olzxl2rrrtnypz2"},"target":{"kind":"ticket","id":"tkt_' || i || '"},' ||
		'"changes":[{"field":"variant","new":"mail"},{"field":"platform","new":"iphone"}],"link":"lnk_' || (i / 2) || '",' ||
		'"profile":"' || printf('%064x', i) || '","identity":"' || printf('%064x', 7) || '","domain":"example.com",' ||
		'"personal":"F8iOscdCMuoddzMjBohkQ17cfyLnS8PZUDtrwXN/Hbc="}' AS BLOB),
	CAST('{"target_name":"P' || (i * 7919 % 500000) || '@example.com","ip":"198.51.100.7","client":"iPhone, Safari","mailbox":"p' ||
		(i * 7919 % 500000) || '@example.com"}' AS BLOB),
	randomblob(16), randomblob(32) FROM n`
