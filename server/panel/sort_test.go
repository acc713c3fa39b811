package panel_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

var (
	sortLink = regexp.MustCompile(`<th scope="col"[^>]*?( aria-sort="(\w+)")?><a class="sort" href="([^"]*)">`)
	leadCell = regexp.MustCompile(`<td class="lead-cell">(?:<label.*?</label> )?(?:<a href="[^"]*">)?<bdi>([^<]*)</bdi>`)
)

// leads returns the first cells of a page's rows, in order.
func leads(a servertest.Answer) string {
	var all []string
	for _, m := range leadCell.FindAllSubmatch(a.Body, -1) {
		all = append(all, string(m[1]))
	}
	return strings.Join(all, " ")
}

// TestSorting checks that lists have the order in their URL, in both
// directions, that the filter stays, and that unknown orders are ignored.
func TestSorting(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, servertest.Unhurried)
	m := s.Owner("olga@example.com")
	storetest.Exec(t, database, `UPDATE accounts SET trusted = 1`)
	for _, name := range []string{"cherry.example", "apple.example", "berry.example"} {
		if a := m.Post("/panel/domains/new", domainForm("name", name)...); a.Status >= 400 {
			t.Fatalf("%s: %d", name, a.Status)
		}
	}
	for _, list := range []struct {
		path string
		cols []string
	}{
		{"/panel/domains", []string{"name", "servers", "policy", "links", "downloads"}},
		{"/panel/members", []string{"name", "role", "seen"}},
		{"/panel/accounts", []string{"name", "state", "domains", "members", "created"}},
		{"/panel/policies", []string{"name", "domains"}},
		{"/panel/hosts", []string{"host", "since"}},
	} {
		var cols []string
		for _, found := range sortLink.FindAllSubmatch(m.Get(list.path).Body, -1) {
			to := strings.ReplaceAll(string(found[3]), "&amp;", "&")
			by := to[strings.Index(to, "sort=")+5:]
			cols = append(cols, by)
			up, down := m.Get(to), m.Get(list.path+"?sort=-"+by)
			for order, a := range map[string]servertest.Answer{"ascending": up, "descending": down} {
				if !strings.Contains(string(a.Body), `aria-sort="`+order+`"`) {
					t.Errorf("%s by %s: the page doesn't say that it is %s", list.path, by, order)
				}
			}
		}
		if !slices.Equal(cols, list.cols) {
			t.Errorf("%s: can be sorted by %q, want %q", list.path, cols, list.cols)
		}
	}
	for query, want := range map[string]string{
		"sort=name": "apple.example berry.example cherry.example", "sort=-name": "cherry.example berry.example apple.example",
		"sort=-name&q=rry": "cherry.example berry.example", "sort=password": leads(m.Get("/panel/domains")),
	} {
		a := m.Get("/panel/domains?" + query)
		got := strings.ReplaceAll(strings.ReplaceAll(leads(a), " example.com", ""), "example.com ", "")
		want := strings.ReplaceAll(strings.ReplaceAll(want, " example.com", ""), "example.com ", "")
		if got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
		if strings.Contains(query, "q=rry") && (!strings.Contains(string(a.Body), "?q=rry&amp;sort=links") || !strings.Contains(string(a.Body), `name="sort" value="-name"`)) {
			t.Error("a way to another order loses the filter, or the filter the order")
		}
	}
}

// TestSortingBatches checks that the list of batches is sorted by name and
// time, and keeps order and filter on all its pages.
func TestSortingBatches(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, servertest.Unhurried)
	m := s.Owner("olga@example.com")
	const made = `INSERT INTO batches (id, account, name, state, choice, maker_kind, maker_id, maker_name, maker_right, maker_need,
			maker_domains, maker_expires, size, digest, plan, domains, settings, erases, about, archives, parts, round, made, reason, detail, checksums,
			created, started, ended, expires, expired)
		SELECT 'bat_' || i, 'acc_default', %s, 'failed', '{}', '', '', '', '', '', '', 0, 0, '', '{}', '', '', 0, '{}', '[]', 1, 1, 0, '', '', '', i, 0, 1, 0, 0 FROM n`
	count := fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, panel.PageSize+1)
	storetest.Exec(t, database, count+fmt.Sprintf(made, `CASE i WHEN 1 THEN 'zebra' WHEN 2 THEN 'apple' ELSE 'n' || (100 - i) END`))

	for query, want := range map[string]struct{ first, last, order string }{
		"":                             {"n79", "apple", ""},
		"?sort=created_at":             {"zebra", "n80", "ascending"},
		"?sort=name":                   {"apple", "n97", "ascending"},
		"?sort=-name":                  {"zebra", "n79", "descending"},
		"?sort=-name&state=failed":     {"zebra", "n79", "descending"},
		"?sort=state":                  {"n79", "apple", ""},
		"?sort=name&state=canceled":    {"", "", ""},
		"?sort=created_at&state=wrong": {"zebra", "n80", "ascending"},
	} {
		a := m.Get("/panel/batches" + query)
		rows := strings.Fields(leads(a))
		if want.first == "" {
			if len(rows) > 0 {
				t.Errorf("%s: got %q", query, rows)
			}
			continue
		}
		if len(rows) != panel.PageSize || rows[0] != want.first || rows[panel.PageSize-1] != want.last || want.order != "" && !strings.Contains(string(a.Body), `aria-sort="`+want.order+`"`) {
			t.Errorf("%s: got %q, want %+v", query, rows, want)
		}
	}

	page := string(m.Get("/panel/batches?sort=-name&state=failed").Body)
	for _, way := range []string{`?sort=name&amp;state=failed`, `?sort=created_at&amp;state=failed`, `?after=bat_21&amp;sort=-name&amp;state=failed`, `name="sort" value="-name"`} {
		if !strings.Contains(page, way) {
			t.Errorf("the page has no %s", way)
		}
	}
	if next := leads(m.Get("/panel/batches?after=bat_21&sort=-name&state=failed")); next != "apple" {
		t.Errorf("the last page has %q, want apple", next)
	}
}

// TestSortingWebhooks checks that webhooks are sorted by server and status, and
// that the emails below keep that order.
func TestSortingWebhooks(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, servertest.Unhurried)
	m := s.Owner("olga@example.com")
	for _, host := range []string{"cherry.example", "apple.example", "berry.example"} {
		m.Make("/panel/security/notifications/webhooks/new", "url", "https://"+host+"/hook", "key.created", "yes")
	}
	storetest.Exec(t, database, `UPDATE webhooks SET disabled = 1, reason = 'owner' WHERE url LIKE '%berry%'`)
	const at = "/panel/security/notifications"
	for query, want := range map[string]string{
		"": "cherry apple berry", "?webhooks=host": "apple berry cherry", "?webhooks=-host": "cherry berry apple",
		"?webhooks=state": "berry cherry apple", "?webhooks=-state": "cherry apple berry", "?webhooks=url": "cherry apple berry",
	} {
		a := m.Get(at + query)
		if got := regexp.MustCompile(`<td class="lead-cell"><bdi>(\w+)\.example</bdi></td>`).FindAllSubmatch(a.Body, -1); spaced(got) != want {
			t.Errorf("%s: got %q, want %q", query, spaced(got), want)
		}
	}
	if page := string(m.Get(at + "?webhooks=host").Body); !strings.Contains(page, `aria-sort="ascending"`) || !strings.Contains(page, at+"?webhooks=-host#webhooks") {
		t.Error("the page doesn't say that it is sorted, or has no way to the reverse")
	}
}

// spaced joins the first groups of all matches.
func spaced(matches [][][]byte) string {
	var all []string
	for _, m := range matches {
		all = append(all, string(m[1]))
	}
	return strings.Join(all, " ")
}
