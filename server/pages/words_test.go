//go:build !race

package pages_test

import (
	"html"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

var (
	// aside is the folded-up part for the people who are asked for help.
	aside = regexp.MustCompile(`(?s)<details class="support".*?</details>|<head>.*?</head>|<code>.*?</code>|<bdi[^>]*>.*?</bdi>`)
	tags  = regexp.MustCompile(`(?s)<[^>]*>`)
	// notWords are program names: with an underscore, with dots and no space,
	// or with a capital inside, except names that people know.
	notWords = regexp.MustCompile(`\b\w+_\w+|\b[a-z]+\.[a-z]+_[a-z]+|\b[A-Z][a-z]+[A-Z]\w*`)
	known    = []string{"AirDrop", "CalDAV", "CardDAV", "DuckDuckGo", "YouTube"}
)

// said returns what a visitor reads on a page.
func said(body string) string {
	return html.UnescapeString(tags.ReplaceAllString(aside.ReplaceAllString(body, " "), " "))
}

// nameless finds text that isn't for people.
func nameless(text string) []string {
	return slices.DeleteFunc(notWords.FindAllString(text, -1), func(word string) bool { return slices.Contains(known, word) })
}

// TestNoNamesReachVisitors sends bad input to every public route. It checks
// that visitors read no code, field name or program name.
func TestNoNamesReachVisitors(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), servertest.Unhurried)
	link := s.Link("jane@example.com")
	spent := s.Ticket(link, "mail")
	for range 10 {
		s.Get(spent)
	}
	refused := map[string]servertest.Answer{
		"empty":            s.Post("/start", "address", "", "name", ""),
		"blank":            s.Post("/start", "address", "  ", "name", ""),
		"malformed":        s.Post("/start", "address", "jane", "name", ""),
		"foreign":          s.Post("/start", "address", "jane@elsewhere.org", "name", ""),
		"a name":           s.Post("/start", "address", "jane@example.com", "name", "http://evil.example 123456789"),
		"a password":       s.Post("/start", "address", "jane@example.com", "password", "x"),
		"an unknown field": s.Post("/start", "address", "jane@example.com", "is_admin", "x"),
		"no form":          s.Do(http.MethodPost, "/start", http.Header{"Content-Type": {"application/json"}}, "{}"),
		"a broken form":    s.Do(http.MethodPost, "/start", nil, "%zz"),
		"a large form":     s.Do(http.MethodPost, "/start", nil, "address="+strings.Repeat("x", 1<<20)),
		"a method":         s.Do(http.MethodDelete, "/start", nil, ""),
		"nowhere":          s.Get("/nowhere"),
		"a dead link":      s.Get("/s/AAAAAAAA"),
		"no agreement":     s.Post(link+"/profile", "variant", "secure", "platform", "iphone"),
		"a Mac's policy":   s.Post(link+"/profile", "variant", "secure", "platform", "mac", "agree", "yes"),
		"no platform":      s.Post(link+"/profile", "variant", "mail"),
		"no variant":       s.Post(link+"/profile", "variant", "x", "platform", "mac"),
		"no ticket":        s.Get("/d/AAAAAAAA/mail.mobileconfig"),
		"a spent ticket":   s.Get(spent),
		"signed":           s.Post("/start/signed", "token", "x"),
		"a query":          s.Get("/?password=x"),
	}
	for name, a := range refused {
		if a.Status < 400 || a.Status >= 500 {
			t.Errorf("%s: %d", name, a.Status)
		}
		text := said(string(a.Body))
		if bad := nameless(text); len(bad) > 0 || strings.Contains(text, "Code:") || strings.TrimSpace(text) == "" {
			t.Errorf("%s: a visitor reads %q: %s", name, bad, strings.Join(strings.Fields(text), " "))
		}
	}
	// The code is there for people who help.
	if body := string(refused["malformed"].Body); !strings.Contains(body, "Details for support") || !strings.Contains(body, "<bdi>"+string(fault.AddressMalformed)+"</bdi>") {
		t.Error("no code for support")
	}
	if empty, blank := said(string(refused["empty"].Body)), said(string(refused["blank"].Body)); !strings.Contains(empty, "Enter your email address.") || strings.Contains(empty, "full email address") || !strings.Contains(blank, "Enter your email address.") {
		t.Errorf("an empty field is %s", empty)
	}
	for _, name := range []string{"malformed", "a name"} {
		text := string(refused[name].Body)
		for _, sentence := range []string{"Enter a full email address", "Enter just your name"} {
			if strings.Count(text, sentence) > 1 {
				t.Errorf("%s is said more than once", sentence)
			}
		}
	}
}

// TestNoNamesInTexts checks every text that visitors can read, in all
// languages.
func TestNoNamesInTexts(t *testing.T) {
	files, err := os.ReadDir("../../templates/locales")
	if err != nil || len(files) < 12 {
		t.Fatalf("%d languages, %v", len(files), err)
	}
	line := regexp.MustCompile(`(?m)^"([^"]+)" = (.*)$`)
	value := regexp.MustCompile(`{{[^}]*}}|\\u[0-9a-f]{4}`)
	seen := 0
	for _, file := range files {
		text, err := os.ReadFile("../../templates/locales/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "panel.") || strings.HasPrefix(m[1], "mail.") || strings.HasPrefix(m[1], "api.") || strings.HasPrefix(m[1], "language.") {
				continue
			}
			seen++
			if bad := nameless(value.ReplaceAllString(m[2], " ")); len(bad) > 0 {
				t.Errorf("%s: %s has %q", file.Name(), m[1], bad)
			}
		}
	}
	if seen < 3000 {
		t.Errorf("only %d texts", seen)
	}
}

// TestDidYouMean checks that an existing domain is suggested, the name is
// kept, and nothing else is suggested.
func TestDidYouMean(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, func(c *server.Config) { servertest.Unhurried(c) })
		body := string(s.Post("/start", "address", "Jane@exampel.com", "name", "Jane Doe").Body)
		for _, want := range []string{"Did you mean", `name="address" value="Jane@example.com"`, `<input type="hidden" name="name" value="Jane Doe">`, `value="Jane@exampel.com"`} {
			if !strings.Contains(body, want) {
				t.Errorf("no %s in %s", want, body)
			}
		}
		for _, address := range []string{"jane@elsewhere.org", "jane@example.net", "jane", "jane@", "@example.co"} {
			if body := string(s.Post("/start", "address", address).Body); strings.Contains(body, "Did you mean") && address != "@example.co" {
				t.Errorf("%s: %s", address, body)
			}
		}
		storetest.Exec(t, database, `UPDATE accounts SET suspended = 1`)
		if body := string(s.Post("/start", "address", "jane@exampel.com").Body); strings.Contains(body, "Did you mean") {
			t.Error("the domain of a suspended account is proposed")
		}
	})
}
