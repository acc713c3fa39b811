package pages_test

import (
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/server/web"
)

// TestQRPicture checks that a PNG has a white border of four modules, and 8
// dots per module.
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
