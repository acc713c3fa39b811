//go:build !race

package pages_test

import (
	"bytes"
	"html"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/groob/plist"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/templates"
)

// accountsIn returns the accounts in a signed profile. For each of them the
// device asks for one password.
func accountsIn(t *testing.T, s *servertest.Server, signed []byte) (parts []string, consent map[string]string) {
	t.Helper()
	var p struct {
		ConsentText    map[string]string
		PayloadContent []struct {
			PayloadType                            string
			OutgoingPasswordSameAsIncomingPassword bool
		}
	}
	if err := plist.NewXMLDecoder(bytes.NewReader(s.Content(signed))).Decode(&p); err != nil {
		t.Fatal(err)
	}
	names := map[string]string{"com.apple.mail.managed": "password", "com.apple.caldav.account": "calendars", "com.apple.carddav.account": "contacts"}
	for _, payload := range p.PayloadContent {
		if name := names[payload.PayloadType]; name != "" {
			parts = append(parts, name)
		}
		if payload.PayloadType == "com.apple.mail.managed" && !payload.OutgoingPasswordSameAsIncomingPassword {
			t.Error("the device asks twice for mail")
		}
	}
	return parts, p.ConsentText
}

// askedRow is a row of what the device asks for, and how often.
var askedRow = regexp.MustCompile(`<li><span>([^<]*)</span><span class="times">([^<]*)</span></li>`)

// TestPagesTellEachPrompt compares what the pages announce in every language
// with the profile: each account once, and nothing else.
func TestPagesTellEachPrompt(t *testing.T) {
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.Admin(t, s, database)
		texts, err := templates.New()
		if err != nil {
			t.Fatal(err)
		}
		for fields, want := range map[string][]string{
			`"policy":"offered"`:                                                              {"password"},
			`"policy":"offered","caldav":"cal.example.com"`:                                   {"password", "calendars"},
			`"policy":"offered","carddav":"card.example.com:8443"`:                            {"password", "contacts"},
			`"policy":"offered","caldav":"cal.example.com","carddav":"card.example.com:8443"`: {"password", "calendars", "contacts"},
		} {
			c.SetDomain(t, fields)
			link := s.Link("jane@example.com")
			for _, variant := range []string{"mail", "secure"} {
				parts, consent := accountsIn(t, s, s.Get(s.Ticket(link, variant)).Body)
				if !slices.Equal(parts, want) {
					t.Errorf("%s: the file has %q, want %q", variant, parts, want)
				}
				if variant == "secure" {
					consentTells(t, texts, consent, want)
				}
			}
			mac := s.Post(link+"/profile", "variant", "mail", "platform", "mac")
			if parts, _ := accountsIn(t, s, s.Get(mac.Location()).Body); !slices.Equal(parts, want) {
				t.Errorf("on a Mac the file has %q, want %q", parts, want)
			}
			for _, lang := range texts.Languages() {
				computer := string(s.Do(http.MethodGet, link+"?lang="+lang.Tag, http.Header{"User-Agent": {"curl/8"}}, "").Body)
				partsShown(t, texts, lang, computer, want, "step.password.", "settings.")
				// Where the profile is downloaded for another device, a phone
				// or a Mac.
				again := texts.Text(lang, "step.password."+want[len(want)-1], nil)
				if got := strings.Count(computer, again); len(want) > 1 && got != 2 {
					t.Errorf("%s: %q is %d times on the page of a computer, want 2", lang.Tag, again, got)
				}
				for _, agent := range []string{servertest.IPhone, servertest.Mac} {
					page := string(s.Do(http.MethodGet, link+"?lang="+lang.Tag, http.Header{"User-Agent": {agent}}, "").Body)
					pageTells(t, texts, lang, page, want)
				}
			}
		}
	})
}

// askedOnce is the text for one time: languages without a singular have "other".
var askedOnce = regexp.MustCompile(`(?m)^"asked\.times" = \{(?:.*\bone| other) = "([^"]*)"`)

// onceIn returns how a language says that a device asks one time.
func onceIn(t *testing.T, lang templates.Language) string {
	t.Helper()
	locale, err := os.ReadFile("../../templates/locales/" + lang.Tag + ".toml")
	if err != nil {
		t.Fatal(err)
	}
	text := askedOnce.FindSubmatch(locale)
	if text == nil {
		t.Fatalf("%s: no text for one time", lang.Tag)
	}
	return strings.ReplaceAll(string(text[1]), "{{.Count}}", "1")
}

// pageTells checks that a page announces each password prompt of these parts
// once, and shows no other part.
func pageTells(t *testing.T, texts *templates.Set, lang templates.Language, page string, want []string) {
	t.Helper()
	label := map[string]string{}
	for _, part := range []string{"password", "calendars", "contacts"} {
		label[html.EscapeString(texts.Text(lang, "asked."+part, nil))] = part
	}
	var told, once []string
	for _, row := range askedRow.FindAllStringSubmatch(page, -1) {
		if part := label[row[1]]; part != "" {
			told, once = append(told, part), append(once, row[2])
		}
	}
	more := func(times string) bool { return times != onceIn(t, lang) }
	if len(label) != 3 || !slices.Equal(told, want) || slices.ContainsFunc(once, more) {
		t.Errorf("%s: the page announces %q, %q times, want %q once each", lang.Tag, told, once, want)
	}
	partsShown(t, texts, lang, page, want, "asked.", "changes.", "step.password.", "settings.")
}

// partsShown checks for texts and a copy button of each part on the page, and
// none of others.
func partsShown(t *testing.T, texts *templates.Set, lang templates.Language, page string, want []string, ids ...string) {
	t.Helper()
	for _, part := range []string{"calendars", "contacts"} {
		has := slices.Contains(want, part)
		marks := []string{`data-copy="` + part + `"`}
		for _, id := range ids {
			marks = append(marks, html.EscapeString(texts.Text(lang, id+part, nil)))
		}
		for _, mark := range marks {
			if strings.Contains(page, mark) != has {
				t.Errorf("%s: %q on the page: %t, want %t", lang.Tag, mark, !has, has)
			}
		}
	}
}

// consentTells checks that the consent in each language lists the additional
// passwords that the device asks for, and no others.
func consentTells(t *testing.T, texts *templates.Set, consent map[string]string, parts []string) {
	t.Helper()
	if len(consent) != len(texts.Languages())+1 {
		t.Errorf("the consent has %d texts", len(consent))
	}
	for lang, text := range consent {
		// One line is about the passcode, each of the others about a password.
		if got := strings.Count(text, "\n• "); got != 1+len(parts) {
			t.Errorf("%s: the consent has %d points, want %d:\n%s", lang, got, 1+len(parts), text)
		}
	}
}
