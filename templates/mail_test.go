package templates

import (
	"strings"
	"testing"
	"time"
)

// mailEvents are the event types that package notify sends by mail.
func mailEvents() []string {
	var all []string
	for _, kind := range quoted("../server/notify/notify.go", `(?m)^\t\w+ +Type = "([a-z_.]+)"`) {
		if !strings.HasPrefix(kind, "link.") && kind != "certificate.renewed" { // only webhooks get these
			all = append(all, kind)
		}
	}
	return all
}

func TestMail(t *testing.T) {
	set, err := New()
	if err != nil {
		t.Fatal(err)
	}
	const hostile = "Eve\r\nBcc: all@example.com\u2028\u202e<script>*x*{{.}}"
	for _, kind := range mailEvents() {
		m, err := set.Mail(Language{Tag: "en"}, Notice{
			Event: kind, Count: 37, When: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Who: hostile, What: hostile,
			From: "192.0.2.7", Client: "Safari", Number: 41, Link: "https://setup.example.com/panel/invitation/x",
		})
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		for part, want := range map[string][]string{
			m.Text: {m.Subject, "2026-03-01 12:00:00 UTC", "192.0.2.7", "Safari", "41", "<script>"},
			m.HTML: {m.Subject, "2026-03-01 12:00:00 UTC", "192.0.2.7", "&lt;script&gt;"},
		} {
			for _, s := range want {
				if !strings.Contains(part, s) {
					t.Errorf("%s: no %q in\n%s", kind, s, part)
				}
			}
			for _, s := range []string{"\nBcc:", "\u2028", "\u202e", "<no value>"} {
				if strings.Contains(part, s) {
					t.Errorf("%s: %q in\n%s", kind, s, part)
				}
			}
		}
		if strings.Contains(m.HTML, "<script>") || strings.ContainsAny(m.Subject, "\r\n") {
			t.Errorf("%s: %s", kind, m.HTML)
		}
	}
	if _, err := set.Mail(Language{Tag: "en"}, Notice{Event: "no such"}); err == nil {
		t.Error("an event without words")
	}
}

// TestLinkMail checks that values chosen by people are limited to one line, in
// both parts.
func TestLinkMail(t *testing.T) {
	set, err := New()
	if err != nil {
		t.Fatal(err)
	}
	const hostile = "Eve\r\nBcc: all@example.com\u202e<script>*x*{{.}}"
	for _, lang := range set.Languages() {
		m, err := set.LinkMail(lang, LinkMail{
			Service: hostile, Address: "maria@example.com", URL: "https://setup.example.com/s/x", Expires: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		})
		if err != nil {
			t.Fatalf("%s: %v", lang.Tag, err)
		}
		for part, want := range map[string][]string{
			m.Text: {m.Subject, "Eve  Bcc: all@example.com <script>*x*{{.}}", "\nhttps://setup.example.com/s/x\n", "2026-03-01 12:00 UTC"},
			m.HTML: {m.Subject, "&lt;script&gt;", `<a href="https://setup.example.com/s/x" style=`, "2026-03-01 12:00 UTC"},
		} {
			for _, s := range want {
				if !strings.Contains(part, s) {
					t.Errorf("%s: no %q in\n%s", lang.Tag, s, part)
				}
			}
		}
		if !strings.Contains(m.Subject, "maria@example.com") {
			t.Errorf("%s: the subject is %q", lang.Tag, m.Subject)
		}
	}
}
