package server_test

import (
	"fmt"
	"html"
	"image"
	"image/png"
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

// longHost is as long as the name of a host can be, and has letters beyond
// ASCII.
var longHost = strings.Repeat("xn--bcher-kva.", 17) + "example.example"

// wantScan wants a camera to read the text from a file, on light and on dark.
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

// wantScanIn wants a camera to read the text from the code in a page.
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

// TestScanLink has a camera read the address of a link wherever it is drawn.
func TestScanLink(t *testing.T) {
	for _, base := range []string{"https://a.example", "https://" + longHost + ":65535"} {
		storetest.EachDatabase(t, func(t *testing.T, database string) {
			s := servertest.New(t, database, func(c *server.Config) { c.BaseURL = base })
			c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
			a := c.want(t, 201, "POST", "/setup-links", `{"address":"`+strings.Repeat("j", 64)+`@example.com"}`)
			l := linkIn(t, a)
			public := strings.TrimPrefix(l.URL, base)
			for _, file := range []string{"/qr.svg", "/qr.png"} {
				wantScan(t, s.Get(public+file), l.URL)
				wantScan(t, c.want(t, 200, "GET", "/setup-links/"+l.ID+file, ""), l.URL)
			}
			page := s.Owner("olga@example.com").Get("/panel/links/" + l.ID)
			wantScanIn(t, page, l.URL)
			for _, file := range []string{"/qr.svg", "/qr.png"} {
				if !strings.Contains(string(page.Body), `href="`+public+file+`" download`) {
					t.Errorf("the panel does not lead to %s", file)
				}
			}
		})
	}
}

// TestQRPicture wants a PNG with a white border of four modules, and 8 dots a
// module.
func TestQRPicture(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	link := s.Link("jane@example.com")
	drawing, err := web.NewQR("http://setup.example.com" + link)
	if err != nil {
		t.Fatal(err)
	}
	a := s.Get(link + "/qr.png")
	picture, err := png.Decode(strings.NewReader(string(a.Body)))
	if err != nil {
		t.Fatal(err)
	}
	side := 8 * drawing.Size
	if got := picture.Bounds(); got != image.Rect(0, 0, side, side) || len(a.Body) > 4<<10 {
		t.Errorf("%v in %d bytes, want %d dots a side", got, len(a.Body), side)
	}
	dark := image.Rectangle{}
	for y := range side {
		for x := range side {
			if r, _, _, _ := picture.At(x, y).RGBA(); r == 0 {
				dark = dark.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if want := picture.Bounds().Inset(4 * 8); dark != want {
		t.Errorf("dark in %v, want %v", dark, want)
	}
	if head := s.Do("HEAD", link+"/qr.png", nil, ""); head.Status != 200 || head.Header.Get("Content-Type") != web.PNGType || len(head.Body) > 0 {
		t.Errorf("HEAD: %d %s", head.Status, head.Header)
	}
	svg := s.Get(link + "/qr.svg")
	for name := range svg.Header {
		if name != "Content-Type" && name != "Content-Length" && name != "Date" && name != "X-Request-Id" && svg.Header.Get(name) != a.Header.Get(name) {
			t.Errorf("%s: %q, and %q of the SVG", name, a.Header.Get(name), svg.Header.Get(name))
		}
	}
}

// TestScanThunderbird has a camera read what Thunderbird takes in, of the
// longest address and of a domain beyond ASCII.
func TestScanThunderbird(t *testing.T) {
	each(t, func(t *testing.T, s *servertest.Server, database string) {
		c := client{s, newKey(t, database, account.KeySpec{Scopes: allScopes()})}
		long := strings.Repeat(strings.Repeat("a", 62)+".", 3) + "a"
		for _, tt := range []struct{ domain, local, name string }{
			{"xn--bcher-kva.example", "jane", "Jörg Müller, Łukasz, 山田太郎"},
			{long, strings.Repeat("j", 254-len(long)-1), strings.Repeat("山", 200)},
		} {
			c.want(t, 201, "POST", "/domains", `{"name":"`+tt.domain+`","imap":"imap.example.com","smtp":"smtp.example.com:587/starttls"}`)
			address := tt.local + "@" + tt.domain
			l := linkIn(t, c.want(t, 201, "POST", "/setup-links", fmt.Sprintf(`{"address":"%s","name":"%s"}`, address, tt.name)))
			text := fmt.Sprintf(`[1,[1,1],[0,"imap.example.com",993,3,1,"%[1]s"],[[[0,"smtp.example.com",587,2,1,"%[1]s"],["%[1]s","%[2]s"]]]]`, address, tt.name)
			wantScan(t, s.Get(l.path()+"/thunderbird.svg"), text)
		}
	})
}

var secretShown = regexp.MustCompile(`>((?:[A-Z2-7]{4} ){7}[A-Z2-7]{4})<`)

// TestScanTOTP has a camera read the seed of an authenticator app that the
// page shows as text.
func TestScanTOTP(t *testing.T) {
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
