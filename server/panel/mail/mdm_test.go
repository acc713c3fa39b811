package mail_test

import (
	"archive/zip"
	"bytes"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestMDMPage opens the page of every device management service. It checks
// that the page shows what is known, marks what doesn't come from the vendor,
// and links to the files.
func TestMDMPage(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, nil)
		m := s.Owner("olga@example.com")
		before := storetest.Fingerprint(t, database)
		for _, v := range mdm.Vendors() {
			query := "?vendor=" + v.Name + "&domain=example.com&policy=own"
			if !v.Fills() {
				page := html.UnescapeString(string(m.Get("/panel/mdm" + query).Body))
				if !strings.Contains(page, `id="address"`) || strings.Contains(page, "files.zip") {
					t.Errorf("%s has files for nobody", v.Name)
				}
				query += "&address=jane@example.com"
			}
			page := html.UnescapeString(string(m.Get("/panel/mdm" + query).Body))
			parts := append(v.Notes(true), v.Steps[0], v.Sources[0], "Last checked "+v.Checked)
			for _, f := range append([]mdm.Fact{v.Signed, v.Needs, v.Values, v.Declarations}, v.Limits...) {
				parts = append(parts, f.Text+shown(f.Sure))
			}
			for _, one := range v.Variables() {
				parts = append(parts, one.Text+"</code>"+shown(one.Sure))
			}
			parts = append(parts, `<h2 id="five">Five steps</h2>`+strings.TrimSpace(shown(v.StepsSure))+"</div>")
			for _, part := range parts {
				if !strings.Contains(page, part) {
					t.Errorf("%s: the page lacks %q", v.Name, part)
				}
			}
			if v.Fills() != strings.Contains(page, `<code class="var" dir="ltr">`+v.Address.Text+"</code>") {
				t.Errorf("%s: the variable is not where it belongs", v.Name)
			}
			if marked := strings.Contains(page, "Some of this is second-hand"); marked != v.SecondHand() {
				t.Errorf("%s: the page says that parts are second-hand: %v", v.Name, marked)
			}
			if declared := v.Declarations.Text != ""; declared != strings.Contains(page, "<dt>Policy as declarations</dt>") || !strings.Contains(page, v.Declarations.Text) {
				t.Errorf("%s: the page mentions declarations: %v", v.Name, !declared)
			}
			wantDownloads(t, m, v, page)
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("looking at the pages changed something")
		}
	})
}

// shown is the mark of what doesn't come from the vendor on the page.
func shown(s mdm.Sure) string {
	if s.Mark() == "" {
		return ""
	}
	return ` <span class="tag tag-warn">` + s.Mark() + "</span>"
}

var download = regexp.MustCompile(`href="(/panel/domains/example\.com/mdm/[^"]+)"`)

// wantDownloads follows the links of the page.
func wantDownloads(t *testing.T, m *servertest.Member, v *mdm.Vendor, page string) {
	t.Helper()
	links := download.FindAllStringSubmatch(page, -1)
	if len(links) != 3 {
		t.Fatalf("%s: %d downloads", v.Name, len(links))
	}
	for i, link := range links {
		a := m.Get(link[1])
		if a.Status != 200 || !strings.HasPrefix(a.Header.Get("Content-Disposition"), `attachment; filename="`+v.Name+"-example.com") {
			t.Fatalf("%s: %s: %d %v", v.Name, link[1], a.Status, a.Header)
		}
		if i > 0 {
			if who := v.Address.Text; !bytes.Contains(a.Body, []byte(who)) || !bytes.HasPrefix(a.Body, []byte("<?xml")) {
				t.Errorf("%s: %s", v.Name, a.Body)
			}
			continue
		}
		if z, err := zip.NewReader(bytes.NewReader(a.Body), int64(len(a.Body))); err != nil || len(z.File) < 4 {
			t.Errorf("%s: the archive: %v", v.Name, err)
		}
	}
}

// TestMDMPageRefuses checks that mistakes are reported beside their fields,
// that a login without a variable causes a warning, and that nothing is shown
// for what doesn't exist.
func TestMDMPageRefuses(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, nil)
		m := s.Owner("olga@example.com")
		for query, want := range map[string]struct {
			status int
			text   string
		}{
			"":                                 {200, "Choose one"},
			"?vendor=none":                     {200, "Choose one"},
			"?vendor=jamf-pro":                 {200, "$EMAIL"},
			"?vendor=fleet&domain=example.net": {404, ""},
			"?vendor=nanomdm&domain=example.com&address=jane":                                                 {422, `aria-invalid="true"`},
			"?vendor=nanomdm&domain=example.com&address=jane@example.net":                                     {422, `aria-invalid="true"`},
			"?vendor=nanomdm&domain=example.com&address=jane@example.com&name=" + url.QueryEscape("evil.com"): {422, "without web addresses"},
		} {
			a := m.Get("/panel/mdm" + query)
			if a.Status != want.status || !bytes.Contains(a.Body, []byte(want.text)) {
				t.Errorf("%q: %d, want %d with %q:\n%s", query, a.Status, want.status, want.text, a.Body)
			}
		}
		for _, path := range []string{"/files.zip", "/files.zip?vendor=none", "/template?vendor=fleet", "/template?vendor=fleet&platform=tv"} {
			if a := m.Get("/panel/domains/example.com/mdm" + path); a.Status != 404 {
				t.Errorf("%s: %d", path, a.Status)
			}
		}
		if a := m.Post("/panel/domains/example.com", "imap", "imap.example.com", "smtp", "smtp.example.com", "login", "local_part", "iphone", "yes", "mac", "yes", "policy", "off", "policy_id", "standard"); a.Status != 303 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if a := m.Post("/panel/policies/new", "name", "Tablets", "min_length", "9", "auto_lock", "5", "wipe", "yes", "max_failed_attempts", "8", "reset_after", "20"); a.Status != 303 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		policy := regexp.MustCompile(`/panel/policies/(pol_[a-z2-7]+)`).FindStringSubmatch(string(m.Get("/panel/policies").Body))[1]
		if page := string(m.Get("/panel/mdm?vendor=mosyle&domain=example.com&policy=" + policy).Body); !strings.Contains(page, `<option value="`+policy+`" selected>Tablets</option>`) {
			t.Error("the policy can't be chosen")
		}
		for choice, want := range map[string]bool{policy: true, "own": false} {
			a := m.Get("/panel/domains/example.com/mdm/template?vendor=mosyle&platform=iphone&policy=" + choice)
			if a.Status != 200 || regexp.MustCompile(`<key>minLength</key>\s*<integer>9</integer>`).Match(a.Body) != want {
				t.Errorf("policy %s: %d, nine characters: want %t\n%s", choice, a.Status, want, a.Body)
			}
		}
		if a := m.Get("/panel/mdm?vendor=mosyle&domain=example.com&policy=pol_gone"); a.Status != 404 {
			t.Errorf("a policy that isn't there: %d", a.Status)
		}
		if page := string(m.Get("/panel/mdm?vendor=mosyle&domain=example.com").Body); !strings.Contains(page, "Mosyle has no variable for the part before the @.") {
			t.Errorf("no warning:\n%s", page)
		}
	})
}
