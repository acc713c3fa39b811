package log_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// moment returns a time in the filter's format, in UTC.
func (l *ledger) moment(after time.Duration) string {
	return l.since.Add(after).Format("2006-01-02T15:04:05")
}

// logQueries are filters and their results, by letter.
func (l *ledger) logQueries() []struct{ query, want string } {
	m, until := l.moment, "to="+l.moment(10*time.Minute-30*time.Second)
	berlin := l.since.Add(time.Hour).Format("2006-01-02T15:04") // an hour ahead of UTC
	return []struct{ query, want string }{
		{"", "hgfedcba"},
		{"from=" + m(3*time.Minute), "hgfedc"},
		{"from=" + m(3*time.Minute+time.Second), "hgfed"},
		{"to=" + m(3*time.Minute), "ba"},
		{"from=" + m(2*time.Minute) + "&to=" + m(4*time.Minute), "cb"},
		{"from=" + berlin + "&to=" + l.since.Add(time.Hour+4*time.Minute).Format("2006-01-02T15:04") + "&zone=Europe/Berlin", "cba"},
		{"from=" + l.since.Add(3*time.Minute).Format("2006-01-02+15:04"), "hgfedc"},
		{"from=" + url.QueryEscape(l.since.Add(3*time.Minute).In(time.FixedZone("", 3600)).Format(time.RFC3339)), "hgfedc"},
		{"from=" + l.since.AddDate(0, 0, 1).Format("2006-01-02") + "&to=" + l.since.AddDate(0, 0, 2).Format("2006-01-02"), ""},
		{"from=" + l.since.Format("2006-01-02") + "&" + until + "&kind=domain&target=" + domainID, "ha"},
		{"actor=" + mariaID, "a"}, {"actor=" + peterID, "h"}, {"actor=mem_cccccccccccccccc", ""},
		{"actor=kind:member", "ha"}, {"actor=kind:visitor", "ecb"}, {"actor=kind:key", "d"}, {"actor=kind:operator", "f"}, {"actor=kind:system", "g"},
		{"action=domain.update", "a"}, {"action=domain.", "ha"}, {"action=member.sign_in", "e"}, {"action=profile.", "b"}, {"action=webhook.", ""},
		{"outcome=refused", "e"}, {"outcome=done", "hgfdcba"},
		{"interface=page", "cb"}, {"interface=panel", "hea"}, {"interface=api", "d"}, {"interface=command_line", "f"},
		{"kind=domain", "ha"}, {"kind=ticket", "b"}, {"kind=identity", "g"}, {"kind=webhook", ""},
		{"target=" + domainID, "ha"}, {"target=" + linkID, "c"}, {"target=" + linkID + "&kind=domain", ""},
		{"mailbox=jane@example.com", "b"}, {"mailbox=+JANE@Example.COM+", "b"}, {"mailbox=nobody@example.com", ""},
		{"domain=example.com", "hba"}, {"domain=EXAMPLE.org", "c"}, {"domain=example.net", ""},
		{"network=192.0.2.7", "a"}, {"network=192.0.2.0/24", "hba"}, {"network=192.0.2.7/29", "a"}, {"network=::ffff:192.0.2.7", "a"},
		{"network=2001:db8::/48", "ec"}, {"network=2001:db8::/64", "c"}, {"network=203.0.113.0/24", ""},
		{"link=" + linkID, "cb"}, {"link=lnk_none", ""},
		{"profile=" + profileHash, "b"}, {"profile=" + strings.ToUpper(profileHash), "b"}, {"profile=" + strings.Repeat("0", 64), ""},
		{"text=imap.old", "a"}, {"text=IMAP.NEW.EXAMPLE", "a"}, {"text=ph%C3%96nes", "f"}, {"text=sign_in_refused", "e"}, {"text=maria@", "ea"},
		{"text=portal+%3Cb", "d"}, {"text=nowhere", ""}, {"text=%25", ""}, {"text=_", "e"},
		{"text=example.com&outcome=refused", "e"}, {"kind=domain&actor=" + peterID + "&network=192.0.2.0/24&domain=example.com&outcome=done&interface=panel", "h"},
		{"domain=example.com&interface=api", ""}, {"outcome=refused&kind=member&actor=kind:visitor&text=maria", "e"},
	}
}

// bounded limits a query without times to the known actions.
func (l *ledger) bounded(query string) string {
	if !strings.Contains(query, "from=") {
		query += "&from=" + l.moment(0)
	}
	if !strings.Contains(query, "to=") {
		query += "&to=" + l.since.Add(8*time.Minute+30*time.Second).Format(time.RFC3339)
	}
	return query
}

// testLogFilters uses every filter and checks the exact result.
func testLogFilters(l *ledger) {
	for _, q := range l.logQueries() {
		a := l.owner.Get(logPath + "?" + l.bounded(q.query))
		if got := letters(a.Body); a.Status != http.StatusOK || got != q.want {
			l.t.Errorf("%s: %d, found %q, want %q", q.query, a.Status, got, q.want)
		}
	}
	a := l.owner.Get(logPath + "?from=" + url.QueryEscape(l.since.Format("2006-01-02 15:04")) + "&zone=Asia/Tokyo&text=%3Cb%3E")
	for _, want := range []string{`name="from" value="` + l.since.Format("2006-01-02T15:04") + `"`, `name="zone" value="Asia/Tokyo"`, `name="text" value="&lt;b&gt;"`, "Times are in <bdi>Asia/Tokyo"} {
		if !strings.Contains(string(a.Body), want) {
			l.t.Errorf("the page does not say %s", want)
		}
	}
}

var option = regexp.MustCompile(`<option value="([^"]+)"`)

// testLogChoices tries every choice of the form.
func testLogChoices(l *ledger) {
	page := string(l.owner.Get(logPath).Body)
	tried := 0
	for _, name := range []string{"actor", "action", "outcome", "interface", "kind"} {
		_, rest, _ := strings.Cut(page, `<select class="input" id="`+name+`"`)
		options, _, _ := strings.Cut(rest, "</select>")
		for _, m := range option.FindAllStringSubmatch(options, -1) {
			tried++
			if a := l.look(l.owner, name, html.UnescapeString(m[1])); a.Status != http.StatusOK || !strings.Contains(string(a.Body), `<option value="`+m[1]+`" selected>`) {
				l.t.Errorf("%s %s: %d", name, m[1], a.Status)
			}
		}
	}
	if tried < 80 {
		l.t.Errorf("only %d choices were tried", tried)
	}
	_, zones, _ := strings.Cut(page, `<datalist id="zones">`)
	for _, m := range option.FindAllStringSubmatch(zones, -1) {
		if a := l.look(l.owner, "zone", m[1]); a.Status != http.StatusOK && strings.Contains(m[1], "/") {
			l.t.Errorf("zone %s: %d", m[1], a.Status)
		}
	}
}

// logBad are invalid values of fields.
var logBad = map[string][]string{
	"from": {"yesterday", "2026-13-01", "2026-02-30T10:00", "1", "10:00"}, "to": {"tomorrow", "2026-11-24T25:00"},
	"zone": {"Mars/Base", "Local", "../../etc/passwd", "europe berlin", "/etc/passwd"}, "actor": {"kind:robot", "kind:", "a b"},
	"action": {"domain", "domain.x", "x.", ".", "%", "domain'"}, "outcome": {"maybe", "DONE"}, "interface": {"robot", "'"}, "kind": {"thing", "domain,link"},
	"target": {"two words", strings.Repeat("x", 256)}, "link": {"a b"}, "profile": {"ab", strings.Repeat("g", 64), strings.Repeat("a", 65)},
	"mailbox": {"jane", "@example.com", "jane@", "a@b", strings.Repeat("x", 300) + "@example.com"}, "domain": {"example", "a..b", "-", "192.0.2.1"},
	"network": {"192.0.2", "192.0.2.0/33", "host.example.com", "::/129"}, "text": {strings.Repeat("ö", 256), "a\x00b", "a\nb"},
}

// testLogBadFilters checks that the form comes back with the problem beside
// the field.
func testLogBadFilters(l *ledger) {
	for name, values := range logBad {
		for _, value := range values {
			a := l.look(l.owner, name, value, "domain", or(name == "domain", value, "example.com"))
			body := string(a.Body)
			if a.Status != http.StatusUnprocessableEntity || !strings.Contains(body, `id="`+name+`-error"`) || strings.Contains(body, `<tr class="entry">`) ||
				strings.Contains(body, "log/export") {
				l.t.Errorf("%s=%.40q: %d, no problem beside the field", name, value, a.Status)
			}
			if kept := html.EscapeString(value); !strings.Contains(strings.ReplaceAll(body, "&#34;", `"`), `value="`+kept) && !strings.Contains(value, "\x00") {
				l.t.Errorf("%s=%.40q is not in the form", name, value)
			}
			if name != "domain" && !strings.Contains(body, `name="domain" value="example.com"`) {
				l.t.Errorf("%s=%.40q: the other field is lost", name, value)
			}
		}
	}
	all := l.look(l.owner, "from", "x", "network", "y", "profile", "z")
	if n := strings.Count(string(all.Body), `aria-invalid="true"`); n != 3 {
		l.t.Errorf("%d problems of 3 are shown", n)
	}
	if a := l.look(l.owner, "from", "2026-03-02", "to", "2026-03-01"); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), `id="to-error"`) {
		l.t.Errorf("an end before the beginning: %d", a.Status)
	}
	for query, want := range map[string]int{"before=x": 422, "before=-1": 422, "before=99999999999999999999": 422, "text=%ff": 400, "text=a&text=b": 400, "password=x": 422, "other=x": 200, "text=%zz": 400} {
		if a := l.owner.Get(logPath + "?" + query); a.Status != want {
			l.t.Errorf("%s: %d, want %d", query, a.Status, want)
		}
	}
}

func or(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// testLogEntries checks individual entries.
func testLogEntries(l *ledger) {
	for fields, want := range map[string][]string{
		"target=" + domainID + "&action=domain.update": {"<del><bdi>imap.old.example:993</bdi></del>", "<ins><bdi>imap.new.example:993</bdi></ins>", "<bdi>maria@example.com</bdi>", "192.0.2.7", mariaID, domainID},
		"outcome=refused&kind=member":                  {"badge-danger", "sign_in_refused", "2001:db8:0:1::1"},
		"profile=" + profileHash:                       {profileHash, "iPhone, Safari", "Jane@example.com", "link=" + linkID},
		"kind=key&text=portal":                         {"Portal &lt;b&gt;"},
	} {
		a := l.owner.Get(logPath + "?" + l.bounded(fields))
		for _, text := range want {
			if !strings.Contains(string(a.Body), text) {
				l.t.Errorf("%s: no %s", fields, text)
			}
		}
	}
	if a := l.look(l.auditor, "target", domainID); a.Status != http.StatusOK || letters(a.Body) != "ha" {
		l.t.Errorf("an auditor: %d, %q", a.Status, letters(a.Body))
	}
	if a := l.look(l.owner, "outcome", "refused", "text", "nowhere"); !strings.Contains(string(a.Body), "No entries match") {
		l.t.Error("nothing is found, and the page does not say so")
	}
}

var historyWay = regexp.MustCompile(`<a href="([^"]+)">History of <bdi>example\.com`)

// testLogHistory follows the link to the history of one object.
func testLogHistory(l *ledger) {
	a := l.look(l.owner, "action", "domain.update", "target", domainID, "zone", "Asia/Tokyo")
	way := historyWay.FindSubmatch(a.Body)
	if way == nil {
		l.t.Fatal("no way to the history")
	}
	history := l.owner.Get(html.UnescapeString(string(way[1])))
	if got := letters(history.Body); got != "ha" || !strings.Contains(string(history.Body), "Asia/Tokyo") {
		l.t.Errorf("the history is %q", got)
	}
	for _, m := range regexp.MustCompile(`href="(/panel/security/log\?[^"]+)"`).FindAllSubmatch(history.Body, -1) {
		if a := l.owner.Get(html.UnescapeString(string(m[1]))); a.Status != http.StatusOK {
			l.t.Errorf("%s: %d", m[1], a.Status)
		}
	}
}

// testLogOtherAccount makes every request as the owner of another account.
func testLogOtherAccount(l *ledger) {
	l.record("other", audit.Action{Account: account.Installation, Name: audit.MemberSignIn, Outcome: audit.Refused, Actor: audit.Actor{Kind: audit.Visitor, IP: "192.0.2.7"}})
	for _, q := range l.logQueries() {
		if a := l.customer.Get(logPath + "?" + q.query); a.Status != http.StatusOK || strings.Contains(string(a.Body), "req_test_") {
			l.t.Errorf("%s: %d, another account sees %q", q.query, a.Status, letters(a.Body))
		}
	}
	for _, m := range []*servertest.Member{l.customer, l.owner} {
		for _, format := range []string{"csv", "jsonl"} {
			a := m.Post(logPath+"/export", "format", format, "outcome", "refused", "network", "192.0.2.7")
			if a.Status != http.StatusOK || strings.Contains(string(a.Body), "req_test_") {
				l.t.Errorf("%s exports what is not theirs: %s", m.Email, a.Body)
			}
		}
	}
}

// testLogPaging pages to the end and back.
func testLogPaging(l *ledger) {
	for i := range 120 {
		l.record(fmt.Sprintf("p%03d_", i), audit.Action{Name: audit.WebhookTest, Actor: audit.Actor{Kind: audit.System}, Target: audit.Target{Kind: audit.WebhookTarget, ID: "whk_1"}})
	}
	var pages []string
	older := regexp.MustCompile(`rel="next" href="([^"]+)"`)
	newest := regexp.MustCompile(`<a href="([^"]+)">Back to newest`)
	next := logPath + "?kind=webhook&zone=Asia%2FTokyo"
	var last []byte
	for next != "" && len(pages) < 9 {
		last = l.owner.Get(next).Body
		pages = append(pages, letters(last))
		if (newest.Find(last) != nil) != (len(pages) > 1) {
			l.t.Errorf("page %d and its way back", len(pages))
		}
		next = ""
		if m := older.FindSubmatch(last); m != nil {
			next = html.UnescapeString(string(m[1]))
		}
	}
	var want strings.Builder
	for i := range 120 {
		fmt.Fprintf(&want, "p%03d_", 119-i)
	}
	if got := strings.Join(pages, ""); len(pages) != 3 || got != want.String() {
		l.t.Errorf("%d pages: %s", len(pages), got)
	}
	back := newest.FindSubmatch(last)
	if back == nil {
		l.t.Fatal("no way back")
	}
	if got := letters(l.owner.Get(html.UnescapeString(string(back[1]))).Body); got != pages[0] {
		l.t.Errorf("back at %q", got)
	}
	a := l.look(l.owner, "kind", "webhook", "before", "1")
	if a.Status != http.StatusOK || !strings.Contains(string(a.Body), "No older entries") {
		l.t.Errorf("past the end: %d", a.Status)
	}
}

// testLogUnreadable alters an entry in the database. The other entries must
// still be shown, on the page of sign-ins too, and the problem reported.
func testLogUnreadable(l *ledger) {
	storetest.Exec(l.t, l.database, `UPDATE actions SET leaf = $1 WHERE account = 'acc_default' AND target_id = $2 AND name = 'policy.update'`, []byte("{"), "pol_aaaaaaaaaaaaaaaa")
	a := l.owner.Get(logPath + "?" + l.bounded(""))
	if got := letters(a.Body); a.Status != http.StatusOK || got != "hgedcba" || !strings.Contains(string(a.Body), "Can’t be read") {
		l.t.Errorf("%d, %q", a.Status, got)
	}
	if got := l.exported(l.owner, "jsonl", l.bounded("")); got != "hg!edcba" {
		l.t.Errorf("exported: %q", got)
	}
	if got := l.exported(l.owner, "csv", l.bounded("")); got != "hg!edcba" {
		l.t.Errorf("exported as a table: %q", got)
	}
	storetest.Exec(l.t, l.database, `UPDATE actions SET leaf = $1 WHERE account = 'acc_default' AND name = 'member.sign_in'`, []byte("{"))
	if a := l.owner.Get("/panel/security/sign-in"); a.Status != http.StatusOK || !strings.Contains(string(a.Body), "Can’t be read") {
		l.t.Errorf("the page of sign-ins: %d\n%s", a.Status, a.Body)
	}
}

// old returns the content to remove: that of the time before l.since, and a
// time.
func (l *ledger) old(after time.Duration) audit.Retention {
	l.t.Helper()
	r := audit.Retention{Before: l.since.Add(after), Setting: audit.Setting{Days: audit.DefaultRetention}, Checked: 1000}
	records, err := l.store.Actions(l.t.Context(), account.Default, 0, 1000)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, rec := range records {
		if rec.At.Before(r.Before) {
			r.Through = rec.Seq
		}
	}
	return r
}

// testLogErased erases personal text and removes old content.
func testLogErased(l *ledger) {
	_, err := l.store.ErasePersonal(l.t.Context(), audit.ByProgram(), account.Default, audit.Erasure{Mailbox: "jane@example.com"}, audit.Action{Outcome: audit.Done})
	if err != nil {
		l.t.Fatal(err)
	}
	a := l.look(l.owner, "profile", profileHash)
	if letters(a.Body) != "b" || !strings.Contains(string(a.Body), "personal data erased") || strings.Contains(strings.ToLower(string(a.Body)), "jane@") {
		l.t.Errorf("erased: %q", letters(a.Body))
	}
	if a := l.look(l.owner, "mailbox", "jane@example.com", "action", "profile."); letters(a.Body) != "" {
		l.t.Errorf("found by erased text: %q", letters(a.Body))
	}
	if a := l.owner.Post(logPath+"/export", "format", "jsonl", "profile", profileHash); a.Status != http.StatusOK || strings.Contains(string(a.Body), "jane") || !strings.Contains(string(a.Body), profileHash) {
		l.t.Errorf("exported: %s", a.Body)
	}
	if _, err := l.store.Retain(l.t.Context(), audit.ByProgram(), account.Default, l.old(3*time.Minute), audit.Action{Outcome: audit.Done}); err != nil {
		l.t.Fatal(err)
	}
	for query, want := range map[string]string{"target=" + domainID: "h", "link=" + linkID: "c", "profile=" + profileHash: "", "action=log.retain": "?", "to=" + l.moment(4*time.Minute): "c"} {
		if a := l.owner.Get(logPath + "?" + query); a.Status != http.StatusOK || letters(a.Body) != want {
			l.t.Errorf("%s: %d %q, want %q", query, a.Status, letters(a.Body), want)
		}
	}
}
