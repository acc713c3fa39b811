package panel_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

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
