package log_test

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/panel/log"
	"github.com/updatecase/mobileconfig/server/servertest"
)

// export requests a file with the query of a filter.
func (l *ledger) export(m *servertest.Member, format, query string) servertest.Answer {
	l.t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		l.t.Fatal(err)
	}
	values.Set("format", format)
	return m.Do(http.MethodPost, logPath+"/export", http.Header{"Sec-Fetch-Site": {"same-origin"}}, values.Encode())
}

// A line is an action in a file, with the texts of a table.
type line map[string]string

// lines parses a file of either format.
func (l *ledger) lines(format string, body []byte) []line {
	l.t.Helper()
	if format == "csv" {
		return l.tableLines(body)
	}
	var all []line
	for s := bufio.NewScanner(bytes.NewReader(body)); s.Scan(); {
		fields := map[string]any{}
		if err := json.Unmarshal(s.Bytes(), &fields); err != nil {
			l.t.Fatalf("%s: %v", s.Text(), err)
		}
		one := line{}
		for name, value := range fields {
			text, ok := value.(string)
			if !ok {
				raw, _ := json.Marshal(value)
				text = string(raw)
			}
			one[name] = text
		}
		all = append(all, one)
	}
	return all
}

func (l *ledger) tableLines(body []byte) []line {
	l.t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil {
		l.t.Fatal(err)
	}
	var all []line
	for _, row := range rows[1:] {
		one := line{}
		for i, name := range rows[0] {
			if row[i] != "" {
				one[name] = row[i]
			}
		}
		all = append(all, one)
	}
	return all
}

// exported returns the letters of the known actions in a file, "!" for
// unreadable ones, and "?" for others except the exports themselves.
func (l *ledger) exported(m *servertest.Member, format, query string) string {
	l.t.Helper()
	a := l.export(m, format, query)
	if a.Status != http.StatusOK {
		l.t.Fatalf("%s: %d %s", query, a.Status, a.Body)
	}
	var all strings.Builder
	for _, one := range l.lines(format, a.Body) {
		letter, known := strings.CutPrefix(one["request"], "req_test_")
		switch {
		case one["unreadable"] != "":
			letter = "!"
		case !known:
			letter = "?"
		}
		all.WriteString(letter)
	}
	return all.String()
}

// testLogExport checks that both files have the columns of the actions.
func testLogExport(l *ledger) {
	for format, kind := range map[string]string{"csv": "text/csv; charset=utf-8; header=present", "jsonl": "application/jsonl"} {
		a := l.export(l.auditor, format, "profile="+profileHash)
		if a.Status != http.StatusOK || a.Header.Get("Content-Type") != kind ||
			!regexp.MustCompile(`^attachment; filename="actions-\d{4}-\d\d-\d\d\.`+format+`"$`).MatchString(a.Header.Get("Content-Disposition")) {
			l.t.Errorf("%s: %d %v", format, a.Status, a.Header)
		}
		if policy := a.Header.Get("Content-Security-Policy"); policy == "" || a.Header.Get("Cache-Control") != "no-store" {
			l.t.Errorf("%s: %v", format, a.Header)
		}
		got := l.lines(format, a.Body)
		want := line{"time": l.since.Add(2 * time.Minute).Format(time.RFC3339Nano), "action": "profile.download", "outcome": "done", "actor_kind": "visitor",
			"target_kind": "ticket", "target_id": "tkt_aaaaaaaaaaaaaaaa", "target_name": "Jane@example.com", "interface": "page", "ip": "192.0.2.77",
			"client": "iPhone, Safari", "request": "req_test_b", "link": linkID, "profile": profileHash}
		if len(got) != 1 {
			l.t.Fatalf("%s has %d lines", format, len(got))
		}
		delete(got[0], "seq")
		for name := range want {
			if got[0][name] != want[name] {
				l.t.Errorf("%s: %s is %q, want %q", format, name, got[0][name], want[name])
			}
		}
		if len(got[0]) != len(want) {
			l.t.Errorf("%s: got %v", format, got[0])
		}
		changes := l.lines(format, l.export(l.auditor, format, "action=domain.update&target="+domainID).Body)
		if len(changes) != 1 || changes[0]["changes"] != `[{"field":"incoming","old":"imap.old.example:993","new":"imap.new.example:993"}]` && format == "csv" {
			l.t.Errorf("%s: changes %v", format, changes)
		}
	}
}

// testLogExportFilters compares files with the page.
func testLogExportFilters(l *ledger) {
	for _, q := range l.logQueries() {
		for _, format := range []string{"csv", "jsonl"} {
			if got := l.exported(l.owner, format, l.bounded(q.query)); got != q.want {
				l.t.Errorf("%s %s: exported %q, want %q", format, q.query, got, q.want)
			}
		}
	}
	for name, values := range logBad {
		a := l.export(l.owner, "csv", url.Values{name: values[:1]}.Encode())
		if a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), `id="`+name+`-error"`) {
			l.t.Errorf("%s=%s: %d", name, values[0], a.Status)
		}
	}
	if a := l.export(l.owner, "pdf", ""); a.Status != http.StatusUnprocessableEntity {
		l.t.Errorf("another format: %d", a.Status)
	}
}

// testLogExportRefused requests an export without a fresh factor, and then
// with one.
func testLogExportRefused(l *ledger) {
	stale := *l.auditor
	l.clock.Move(11 * time.Minute)
	a := l.export(&stale, "csv", "mailbox=jane@example.com&profile="+profileHash)
	if a.Status != http.StatusForbidden || strings.Contains(string(a.Body), "req_test_") ||
		!strings.Contains(string(a.Body), `name="mailbox" value="jane@example.com"`) || !strings.Contains(string(a.Body), `name="format" value="csv"`) {
		l.t.Errorf("without a factor: %d %s", a.Status, a.Body)
	}
	a = stale.Post(logPath+"/export", "format", "csv", "profile", profileHash, "confirm_code", stale.Code())
	if a.Status != http.StatusOK || !strings.Contains(string(a.Body), "req_test_b") {
		l.t.Errorf("with a factor: %d %s", a.Status, a.Body)
	}
	l.auditor.Cookie = stale.Cookie
	l.clock.Move(time.Minute)
	if a := l.owner.SignIn(); a.Status != http.StatusSeeOther {
		l.t.Fatal(a.Status)
	}
	if a := l.customer.SignIn(); a.Status != http.StatusSeeOther {
		l.t.Fatal(a.Status)
	}
}

// testLogExportLogged checks that the log contains each export with its
// filter, but nothing that may identify a person.
func testLogExportLogged(l *ledger) {
	for query, want := range map[string][]audit.Change{
		"":                           {{Field: "format", New: "jsonl"}},
		"action=domain.&zone=UTC":    {{Field: "format", New: "jsonl"}, {Field: "zone", New: "UTC"}, {Field: "action", New: "domain."}},
		"from=2026-03-01&before=3":   {{Field: "format", New: "jsonl"}, {Field: "from", New: "2026-03-01T00:00"}},
		"actor=" + mariaID:           {{Field: "format", New: "jsonl"}, {Field: "actor", New: mariaID}},
		"actor=kind:member":          {{Field: "format", New: "jsonl"}, {Field: "actor", New: "kind:member"}},
		"target=" + domainID:         {{Field: "format", New: "jsonl"}, {Field: "target", New: domainID}},
		"domain=example.com":         {{Field: "format", New: "jsonl"}, {Field: "domain", New: "example.com"}},
		"mailbox=secret@example.com": {{Field: "format", New: "jsonl"}, {Field: "mailbox", New: "***"}},
		"text=secret&target=secret@example.com&network=10.9.8.7&actor=secret&link=secret": {{Field: "format", New: "jsonl"},
			{Field: "actor", New: "***"}, {Field: "target", New: "***"}, {Field: "network", New: "***"}, {Field: "link", New: "***"}, {Field: "text", New: "***"}},
	} {
		if a := l.export(l.auditor, "jsonl", query); a.Status != http.StatusOK {
			l.t.Errorf("%s: %d", query, a.Status)
		}
		found, err := l.store.Search(l.t.Context(), audit.Filter{Account: account.Default, Names: []audit.Name{audit.LogExport}, Limit: 1})
		if err != nil || len(found.Records) != 1 {
			l.t.Fatalf("%s: %v, %v", query, found, err)
		}
		e, err := found.Records[0].Read()
		if err != nil || !slices.Equal(e.Changes, want) || e.Personal.ActorName != l.auditor.Email || e.Outcome != audit.Done || e.Target.Kind != audit.LogTarget {
			l.t.Errorf("%s: logged %+v, %v", query, e, err)
		}
		r := found.Records[0]
		if text := string(r.Leaf) + string(r.Personal); strings.Contains(text, "secret") || strings.Contains(text, "10.9.8.7") {
			l.t.Errorf("%s: logged %s", query, text)
		}
	}
}

// formula matches what a program could execute in a cell, or in a part of it
// with another separator. It doesn't depend on how the panel defuses formulas.
var formula = regexp.MustCompile(`(^|[,;|\t\r\n])[\s"\x00\p{Z}\x{feff}]*[=+\-@＝＋－＠]|^[\t\r\n\x00]`)

// TestDefused checks that no cell is a formula, and that other texts don't
// change.
func TestDefused(t *testing.T) {
	var tried int
	for _, begin := range []string{"", " ", "   ", "\"", "'", "\"\"", "\u00a0", "\ufeff", "\u200b", "\t", "\r", "\n", "\x00", " \t\"", "x;", "x,", "x; ", "x\t", "x|", "x\n", "x\r\n", `x";"`, "x; \"'"} {
		for _, sign := range []string{"=", "+", "-", "@", "＝", "＋", "－", "＠"} {
			tried++
			cell := begin + sign + `cmd|' /C calc'!A0`
			if got := log.Defused(cell); formula.MatchString(got) || strings.Trim(strings.ReplaceAll(got, "'", ""), "") != strings.ReplaceAll(cell, "'", "") {
				t.Errorf("%q is written %q", cell, got)
			}
		}
	}
	for _, cell := range []string{"\tx", "\rx", "\nx", "\x00x"} {
		if got := log.Defused(cell); got != "'"+cell {
			t.Errorf("%q is written %q", cell, got)
		}
	}
	for _, cell := range []string{"", "jane@example.com", "2026-03-01T12:00:00Z", "a=b", "x - y", "::1", `[{"field":"a","old":"-5","new":"+1"}]`, "iPhone, Safari", "a\r\nb", "'", "1"} {
		if got := log.Defused(cell); got != cell {
			t.Errorf("%q is written %q", cell, got)
		}
	}
	if tried < 150 {
		t.Errorf("only %d were tried", tried)
	}
}
