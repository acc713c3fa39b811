package mail_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestMetadata shows metadata on the pages of a domain and a link, changes it,
// and finds both by an exact value.
func TestMetadata(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		owner := s.Owner("olga@example.com")
		owner.Post("/panel/links/new", "address", "jane@example.com", "expires", "24", "downloads", "5")
		owner.Post("/panel/links/new", "address", "joe@example.com", "expires", "24", "downloads", "5")
		link := "/panel/links/" + storetest.Column(t, database, `SELECT id FROM links WHERE address = 'jane@example.com'`)[0]
		for _, path := range []string{"/panel/domains/example.com", link} {
			const text = " plan : gold: 24 carat \r\n\r\nünï: x\r\ncustomer:4711"
			if a := owner.Post(path+"/metadata", "metadata", text); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), "plan : gold: 24 carat") || !strings.Contains(string(a.Body), `href="#metadata"`) {
				t.Errorf("%s: an invalid name: %d %s", path, a.Status, a.Body)
			}
			if a := owner.Post(path+"/metadata", "metadata", strings.ReplaceAll(text, "ünï", "note")); a.Location() != path+"?done=metadata.saved" {
				t.Fatalf("%s: %d %s", path, a.Status, a.Body)
			}
			page := strings.ReplaceAll(string(owner.Get(path).Body), "<wbr>", "")
			for _, want := range []string{"<dt><bdi>plan</bdi></dt><dd><bdi>gold: 24 carat</bdi></dd>", "customer: 4711\nnote: x\nplan: gold: 24 carat\n</textarea>"} {
				if !strings.Contains(page, want) {
					t.Errorf("%s lacks %q: %s", path, want, page)
				}
			}
			list, _, _ := strings.Cut(strings.TrimPrefix(path, "/panel"), "s/")
			for filter, found := range map[string]bool{"customer:4711": true, "plan:gold: 24 carat": true, "customer:471": false, "customer:47111": false, "Customer:4711": false, "plan:4711": false} {
				a := owner.Get("/panel" + list + "s?metadata=" + url.QueryEscape(filter))
				if a.Status != http.StatusOK || strings.Contains(string(a.Body), `href="`+path+`"`) != found {
					t.Errorf("%s by %s: %d, found %t\n%s", path, filter, a.Status, !found, a.Body)
				}
			}
			for _, filter := range []string{"customer", ":", "customer:", "a b:c"} {
				if a := owner.Get("/panel" + list + "s?metadata=" + url.QueryEscape(filter)); a.Status != http.StatusUnprocessableEntity || !strings.Contains(string(a.Body), `href="#metadata"`) {
					t.Errorf("%s by %q: %d", path, filter, a.Status)
				}
			}
		}
		list := string(owner.Get("/panel/links?metadata=customer:4711").Body)
		if strings.Contains(list, "joe@example.com") {
			t.Error("a link without metadata is found")
		}
		if !strings.Contains(list, `class="sort" href="/panel/links?metadata=customer%3A4711&amp;sort=`) {
			t.Error("the list in another order loses the filter")
		}
		for name, want := range map[audit.Name]int{audit.DomainUpdate: 1, audit.LinkUpdate: 1} {
			if got := servertest.ReadLog(t, database, account.Default, name); len(got) != want {
				t.Errorf("%s is in the log %d times", name, len(got))
			}
		}
		owner.Post(link + "/revoke")
		if a := owner.Post(link+"/metadata", "metadata", "a: b"); a.Status != http.StatusConflict {
			t.Errorf("a revoked link: %d", a.Status)
		}
	})
}

// TestMetadataLimits checks that the largest metadata is accepted, and nothing
// larger.
func TestMetadataLimits(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	owner := s.Owner("olga@example.com")
	lines := func(n, size int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%040d: %s\n", i, strings.Repeat("ж", size/2))
		}
		return b.String()
	}
	for _, tt := range []struct {
		text   string
		status int
	}{
		{lines(20, 500), 303}, {lines(21, 500), 422}, {lines(1, 502), 422}, {"a", 422}, {"a: 1\na: 2", 422}, {"password: x", 422}, {"a: b\u202ec", 422}, {"", 303},
	} {
		if a := owner.Post("/panel/domains/example.com/metadata", "metadata", tt.text); a.Status != tt.status {
			t.Errorf("%.60q: %d, want %d: %s", tt.text, a.Status, tt.status, a.Body)
		}
	}
}
