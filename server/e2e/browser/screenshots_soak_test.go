//go:build soak

package browser

import (
	"bytes"
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/updatecase/mobileconfig/server/demo"
	"github.com/updatecase/mobileconfig/server/soak"
)

// screenshots is the folder for the pictures of the README, if any.
var screenshots string

func init() {
	flag.Func("screenshots", "take only the pictures of the README, and write them to this `folder`, absolute or relative to the package's folder", func(folder string) error {
		screenshots = folder
		return flag.Set("test.run", "^TestSoakScreenshots")
	})
}

// A picture is a part of a page.
type picture struct {
	file   string
	device device
	scheme string
	path   string // LINK is replaced by the path of a link
	// show selects the only element to show, unfolded and with a margin;
	// without it the picture shows the screen.
	show string
}

var pictures = []picture{
	{"start.png", iPhone, "light", "/", ""},
	{"setup-iphone.png", iPhone, "light", "LINK", ""},
	{"setup-iphone-secure-dark.png", iPhone, "dark", "LINK", secureForm},
	{"setup-iphone-arabic.png", iPhone, "light", "LINK?lang=ar", ""},
	{"setup-in-app.png", inApp, "light", "LINK", ""},
	{"setup-mac.png", device{"mac", mac.userAgent, 1000, 620, false}, "light", "LINK", ""},
	{"setup-android.png", android, "light", "LINK", ""},
	{"setup-desktop.png", device{"desktop", linux.userAgent, 1200, 600, false}, "light", "LINK", ""},
	{"sheet.png", device{"paper", linux.userAgent, 800, 900, false}, "light", "LINK/sheet", ""},
	{"unavailable.png", iPhone, "light", "/s/gone", ""},
}

// phoneFont is closer to a phone's font than a server's system font.
const phoneFont = `document.documentElement.style.setProperty("--font", "Inter, Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, sans-serif")`

// TestSoakScreenshots takes the pictures of the public pages. In server/e2e
//
//	go test -tags soak ./browser -screenshots ../../../docs/screenshots
//
// takes all of them, and those of the panel, for the README.
func TestSoakScreenshots(t *testing.T) {
	t.Parallel()
	running(t)
	dir, full := gallery(t)
	h := seed(t)
	link := h.Link("jane@" + demo.Harbor)
	for _, p := range sample(pictures, full(3, len(pictures))) {
		t.Run(p.file, func(t *testing.T) {
			b := open(t, p.device, p.scheme)
			b.scale(2)
			b.visit(h.URL + strings.Replace(p.path, "LINK", link, 1))
			run(b, chromedp.Evaluate[chromedp.Void](phoneFont))
			save(t, filepath.Join(dir, p.file), p.take(b))
		})
	}
}

// gallery returns the folder for the pictures, and how many to take. For the
// README it takes all.
func gallery(t *testing.T) (dir string, count func(short, full int) int) {
	t.Helper()
	if screenshots == "" {
		return t.TempDir(), soak.Count
	}
	return screenshots, func(_, full int) int { return full }
}

// take takes the picture.
func (p picture) take(b *tab) []byte {
	b.t.Helper()
	if p.show == "" {
		return b.picture(0, float64(b.device.height))
	}
	b.unfold()
	box := evaluate[struct{ Top, Height float64 }](b, `(({top, height}) => ({Top: top + scrollY, Height: height}))(document.querySelector('`+p.show+`').getBoundingClientRect())`)
	const around = 20
	return b.picture(box.Top-around, box.Height+2*around)
}

// save writes a picture that is small enough and not blank.
func save(t *testing.T, path string, data []byte) {
	t.Helper()
	const largest = 200_000
	if len(data) > largest {
		t.Errorf("%d bytes, more than %d", len(data), largest)
	}
	if _, err := png.Decode(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
