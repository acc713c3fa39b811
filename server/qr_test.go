//go:build !race

package server_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/server/web/qrtest"
)

// longHost is as long as a host name can be, and has non-ASCII letters.
var longHost = strings.Repeat("xn--bcher-kva.", 17) + "example.example"

// wantScan checks that a camera reads the text from a file, on light and on
// dark.
func wantScan(t *testing.T, a servertest.Answer, text string) {
	t.Helper()
	var got []string
	switch kind := a.Header.Get("Content-Type"); {
	case a.Status != http.StatusOK:
		t.Errorf("%d %s", a.Status, a.Body)
	case kind == web.SVGType:
		got = append(got, qrtest.ReadSVG(t, a.Body, "white"), qrtest.ReadSVG(t, a.Body, "black"))
	case kind == web.PNGType:
		got = append(got, qrtest.ReadPNG(t, a.Body))
	default:
		t.Errorf("a drawing of type %q", kind)
	}
	for _, got := range got {
		if got != text {
			t.Errorf("a camera reads %q, want %q", got, text)
		}
	}
}

var inlineSVG = regexp.MustCompile(`<svg class="qr-code" [^>]*>.*?</svg>`)

// wantScanIn checks that a camera reads the text from the code in a page.
func wantScanIn(t *testing.T, page servertest.Answer, text string) {
	t.Helper()
	drawing := inlineSVG.Find(page.Body)
	if drawing == nil {
		t.Fatalf("%d no code in %s", page.Status, page.Body)
	}
	file := strings.Replace(string(drawing), "<svg ", `<svg xmlns="http://www.w3.org/2000/svg" `, 1)
	for _, background := range []string{"white", "black"} {
		if got := qrtest.ReadSVG(t, []byte(file), background); got != text {
			t.Errorf("a camera reads %q, want %q", got, text)
		}
	}
}

// TestScanLink scans a link's URL wherever it's drawn.
func TestScanLink(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"https://a.example", "https://" + longHost + ":65535"} {
		storetest.EachDatabase(t, func(t *testing.T, database string) {
			s := servertest.New(t, database, func(c *server.Config) { c.BaseURL = base })
			c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
			a := c.Want(t, 201, "POST", "/setup-links", `{"address":"`+strings.Repeat("j", 64)+`@example.com"}`)
			l := servertest.LinkIn(t, a)
			public := strings.TrimPrefix(l.URL, base)
			for _, file := range []string{"/qr.svg", "/qr.png"} {
				wantScan(t, s.Get(public+file), l.URL)
				wantScan(t, c.Want(t, 200, "GET", "/setup-links/"+l.ID+file, ""), l.URL)
			}
			page := s.Owner("olga@example.com").Get("/panel/links/" + l.ID)
			wantScanIn(t, page, l.URL)
			for _, file := range []string{"/qr.svg", "/qr.png"} {
				if !strings.Contains(string(page.Body), `href="`+public+file+`" download`) {
					t.Errorf("the panel doesn't link to %s", file)
				}
			}
		})
	}
}

// TestScanThunderbird scans the code for Thunderbird, for the longest address
// and for a non-ASCII domain.
func TestScanThunderbird(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
		long := strings.Repeat(strings.Repeat("a", 62)+".", 3) + "a"
		for _, tt := range []struct{ domain, local, name string }{
			{"xn--bcher-kva.example", "jane", "Jörg Müller, Łukasz, 山田太郎"},
			{long, strings.Repeat("j", 254-len(long)-1), strings.Repeat("山", 200)},
		} {
			c.Want(t, 201, "POST", "/domains", `{"name":"`+tt.domain+`","imap":"imap.example.com","smtp":"smtp.example.com:587/starttls"}`)
			address := tt.local + "@" + tt.domain
			l := servertest.LinkIn(t, c.Want(t, 201, "POST", "/setup-links", fmt.Sprintf(`{"address":"%s","name":"%s"}`, address, tt.name)))
			text := fmt.Sprintf(`[1,[1,1],[0,"imap.example.com",993,3,1,"%[1]s"],[[[0,"smtp.example.com",587,2,1,"%[1]s"],["%[1]s","%[2]s"]]]]`, address, tt.name)
			wantScan(t, s.Get(l.Path()+"/thunderbird.svg"), text)
		}
	})
}

var secretShown = regexp.MustCompile(`>((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})<`)

// TestScanTOTP scans the secret of an authenticator app that the page shows as
// text.
func TestScanTOTP(t *testing.T) {
	t.Parallel()
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		s := servertest.New(t, database, func(c *server.Config) { c.BaseURL = "https://" + longHost })
		email := strings.Repeat("o", 64) + "@" + strings.Repeat("bcher.", 30) + "example"
		owner := s.Owner("olga@example.com")
		storetest.Exec(t, database, `UPDATE members SET email = '`+email+`'`)
		page := owner.Get("/panel/security/sign-in/totp")
		shown := secretShown.FindSubmatch(page.Body)
		if shown == nil {
			t.Fatalf("%d no secret in %s", page.Status, page.Body)
		}
		seed := strings.ReplaceAll(html.UnescapeString(string(shown[1])), " ", "")
		want := "otpauth://totp/" + url.PathEscape(longHost) + ":" + email + "?" + url.Values{"issuer": {longHost}, "secret": {seed}}.Encode()
		wantScanIn(t, page, want)
	})
}
