//go:build !race

package log_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/panel/log"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// hugeLog is the number of actions in the log of these tests: far more bytes
// than fit into the buffers between a server and its client.
const hugeLog = 20_000

// TestLongExport exports a large log to clients that read normally, slowly, or
// stop reading.
func TestLongExport(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		l := newLedger(t, database)
		grow(t, database)
		for _, test := range []struct {
			name string
			run  func(l *ledger)
		}{
			{"constant memory", testExportMemory},
			{"longer than a request", testExportLasts},
			{"slow client", testExportSlowClient},
			{"client that vanishes", testExportVanishes},
			{"database that fails", testExportFails}, // the last
		} {
			t.Run(test.name, func(t *testing.T) {
				own := *l
				own.t = t
				test.run(&own)
			})
		}
	})
}

// grow repeats an action of about a thousand bytes until the log is huge.
func grow(t *testing.T, database string) {
	t.Helper()
	const columns = `at, name, outcome, actor_kind, actor_id, interface, target_kind, target_id, link, profile, domain, mailbox, ip, personal, salt, hash`
	storetest.Exec(t, database, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT (SELECT size + 1 FROM logs WHERE account = 'acc_default') UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO actions (account, seq, leaf, %[2]s) SELECT 'acc_default', n.i, $1, %[2]s
		FROM n, actions a WHERE a.account = 'acc_default' AND a.seq = (SELECT size FROM logs WHERE account = 'acc_default')`, hugeLog, columns),
		fmt.Appendf(nil, `{"v":1,"log":"acc_default","action":"identity.change","outcome":"done","actor":{"kind":"system"},"target":{"kind":"identity"},"changes":[{"field":"x","new":%q}]}`, strings.Repeat("long ", 200)))
	var edge audit.Edge
	for range hugeLog {
		edge.Append(audit.Hash{})
	}
	storetest.Exec(t, database, `UPDATE logs SET size = $1, edge = $2 WHERE account = 'acc_default'`, hugeLog, edge.Bytes())
}

// open requests the whole log and returns the response before its body is
// read.
func (l *ledger) open(base string) *http.Response {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, base+logPath+"/export", strings.NewReader("format=jsonl"))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header = http.Header{"Cookie": {l.owner.Cookie}, "Content-Type": {"application/x-www-form-urlencoded"}, "Sec-Fetch-Site": {"same-origin"}}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		l.t.Fatalf("status %d", res.StatusCode)
	}
	return res
}

// testExportMemory reads everything and watches the memory meanwhile.
func testExportMemory(l *ledger) {
	var m runtime.MemStats
	inUse := func() uint64 {
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	const limit = 8 << 20
	before, lines, size := inUse(), 0, 0
	s := bufio.NewScanner(l.open(l.URL).Body)
	for s.Scan() {
		if size += len(s.Bytes()); lines%2000 == 0 {
			// Stop reading first: otherwise what is allocated during a GC
			// counts as in use.
			l.until(fmt.Sprintf("at most %d MiB more in use after %d lines", limit>>20, lines), func() bool { return inUse() <= before+limit })
		}
		lines++
	}
	if err := s.Err(); err != nil || lines < hugeLog {
		l.t.Errorf("%d lines, %v", lines, err)
	}
	if size < 20<<20 {
		l.t.Errorf("%d KiB were exported", size>>10)
	}
}

// testExportLasts exports from a server with short time limits for requests,
// and pauses for longer than these.
func testExportLasts(l *ledger) {
	const short = time.Second
	s := httptest.NewUnstartedServer(l.Handler())
	s.Config.ReadTimeout, s.Config.WriteTimeout = short, short
	s.Start()
	defer s.Close()
	lines := 0
	scan := bufio.NewScanner(l.open(s.URL).Body)
	for scan.Scan() {
		if lines++; lines == hugeLog/20 {
			time.Sleep(short + short/2)
		}
	}
	if err := scan.Err(); err != nil || lines < hugeLog {
		l.t.Errorf("%d lines: %v", lines, err)
	}
}

// testExportSlowClient doesn't read, and must be cut off.
func testExportSlowClient(l *ledger) {
	defer log.SetExportPause(300 * time.Millisecond)()
	done := l.exports()
	res := l.open(l.URL)
	l.wait(done + 1)
	if n, err := io.Copy(io.Discard, res.Body); err == nil {
		l.t.Errorf("%d bytes look like the whole", n)
	}
	l.wantNoTransaction()
}

// testExportVanishes closes the connection in the middle.
func testExportVanishes(l *ledger) {
	done := l.exports()
	conn, err := net.Dial("tcp", strings.TrimPrefix(l.URL, "http://"))
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close()
	const body = "format=csv"
	fmt.Fprintf(conn, "POST %s/export HTTP/1.1\r\nHost: x\r\nCookie: %s\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		logPath, l.owner.Cookie, len(body), body)
	part := make([]byte, 100_000)
	if _, err := io.ReadFull(conn, part); err != nil || !bytes.HasPrefix(part, []byte("HTTP/1.1 200")) {
		l.t.Fatalf("%v %.200s", err, part)
	}
	conn.Close()
	l.wait(done + 1)
	l.wantNoTransaction()
	if strings.Contains(l.Log.String(), `"level":"ERROR"`) {
		l.t.Error("a client that disconnected is logged as an error")
	}
}

// testExportFails removes the database in the middle: the file must not look
// complete.
func testExportFails(l *ledger) {
	res := l.open(l.URL)
	storetest.Exec(l.t, l.database, `ALTER TABLE actions RENAME TO gone`)
	n, err := io.Copy(io.Discard, res.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		l.t.Errorf("%d bytes ended with %v", n, err)
	}
	if log := l.Log.String(); !strings.Contains(log, "request failed") {
		l.t.Error("it is not logged")
	}
	storetest.Exec(l.t, l.database, `ALTER TABLE gone RENAME TO actions`)
}

// exports counts exports that have ended.
func (l *ledger) exports() int { return strings.Count(l.Log.String(), logPath+"/export") }

// wait waits until n exports have ended.
func (l *ledger) wait(n int) {
	l.t.Helper()
	l.until("the end of an export", func() bool { return l.exports() >= n })
}

// until waits until ok.
func (l *ledger) until(what string, ok func() bool) {
	l.t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			l.t.Fatalf("waited for %s", what)
		}
	}
}

// wantNoTransaction checks that no transaction is open, and a change can be
// made.
func (l *ledger) wantNoTransaction() {
	l.t.Helper()
	if strings.HasPrefix(l.database, "postgres") {
		open := storetest.Column(l.t, l.database, `SELECT CAST(COUNT(*) AS TEXT) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`)
		if open[0] != "0" {
			l.t.Errorf("%s transactions are open", open[0])
		}
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	a := ledgerActions["d"]
	a.Account, a.Outcome = account.Default, audit.Done
	if err := l.store.Record(ctx, audit.Grant{Kind: audit.ProgramGrant, Actor: a.Actor}, a); err != nil {
		l.t.Error(err)
	}
}
