//go:build !race

package notify_test

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestPostfixBranded sends an email of an account with a brand through a real
// Postfix. The logo must be a part that the HTML refers to, and no line may be
// too long.
func TestPostfixBranded(t *testing.T) {
	t.Parallel()
	p := notifytest.NewPostfix(t)
	logo, err := os.ReadFile("../branding/logo/testdata/mark.svg")
	if err != nil {
		t.Fatal(err)
	}
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		name, _, _ := strings.Cut(database, ":")
		s := mailing(t, database, p, notifytest.Good, false)
		owner := s.Owner("olga-branded-" + name + "@example.com")
		owner.Post("/panel/branding", "name", "Bäckerei Müller", "color", "#0b6b62", "help_url", "https://example.com/help", "imprint_url", "", "privacy_url", "")
		owner.Upload("/panel/branding/logo", "file", "logo.svg", string(logo))
		invited := "new-branded-" + name + "@example.com"
		owner.Post("/panel/members/invite", "email", invited, "role", "admin")
		var got []*mail.Message
		servertest.Eventually(t, "the invitation", func() bool {
			got = p.Mails(t, invited)
			return len(got) > 0
		})
		wantBranded(t, got[0])
	})
}

func wantBranded(t *testing.T, m *mail.Message) {
	t.Helper()
	from, err := new(mail.AddressParser).Parse(m.Header.Get("From"))
	if err != nil || from.Name != "Bäckerei Müller" || from.Address != "setup@example.org" {
		t.Errorf("it is from %v, %v", from, err)
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range bytes.Split(body, []byte("\n")) {
		if len(bytes.TrimRight(line, "\r")) > 78 || slices.ContainsFunc(line, func(b byte) bool { return b >= 0x80 }) {
			t.Errorf("the line %q", line)
		}
	}
	if len(body) > 40<<10 {
		t.Errorf("%d bytes", len(body))
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/related" {
		t.Fatalf("%v, the type is %q", err, kind)
	}
	r := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	first, err := r.NextRawPart()
	if err != nil {
		t.Fatal(err)
	}
	parts := partsOf(t, &mail.Message{Header: mail.Header(first.Header), Body: first})
	if html := parts["text/html"]; !strings.Contains(html, `src="cid:logo"`) || !strings.Contains(html, "Bäckerei Müller") || !strings.Contains(html, "background-color: "+branding.Color{R: 0x0b, G: 0x6b, B: 0x62}.Mail().String()) {
		t.Errorf("the page is %s", html)
	}
	if text := parts["text/plain"]; !strings.Contains(text, "Bäckerei Müller") || !strings.Contains(text, "Help: https://example.com/help") || strings.Contains(text, "cid:") {
		t.Errorf("the text is %s", text)
	}
	second, err := r.NextRawPart()
	if err != nil {
		t.Fatal(err)
	}
	if id, kind := second.Header.Get("Content-Id"), second.Header.Get("Content-Type"); id != "<logo>" || !strings.HasPrefix(kind, "image/png") || !strings.HasPrefix(second.Header.Get("Content-Disposition"), "inline") {
		t.Errorf("the logo has %v", second.Header)
	}
	if _, err := png.Decode(base64.NewDecoder(base64.StdEncoding, second)); err != nil {
		t.Error(err)
	}
	if _, err := r.NextRawPart(); err != io.EOF {
		t.Errorf("more parts: %v", err)
	}
}
