package branding

import (
	"cmp"
	"strings"

	"github.com/updatecase/mobileconfig/templates"
)

// Prefix is where stylesheets and logos of brands are served.
const Prefix = "/brand/"

// preview marks the stylesheet for previews.
const preview = "-preview"

// View returns what a page shows of the brand. If the brand has no name, the
// given one is used.
func (b Brand) View(name string) templates.Brand {
	v := templates.Brand{Name: cmp.Or(b.Name, name), Help: b.HelpURL, Imprint: b.ImprintURL, Privacy: b.PrivacyURL}
	if b.Logo != "" {
		v.Logo = Prefix + b.Logo + ".png"
	}
	if c, ok := ParseColor(b.Color); ok {
		v.Sheet = Prefix + strings.TrimPrefix(c.String(), "#") + ".css"
	}
	return v
}

// PreviewSheet returns the path of the stylesheet that sets the color of
// previews.
func (c Color) PreviewSheet() string {
	return Prefix + strings.TrimPrefix(c.String(), "#") + preview + ".css"
}

// Sheet returns the stylesheet with the file name.
func Sheet(file string) (css []byte, ok bool) {
	name, ok := strings.CutSuffix(file, ".css")
	if !ok {
		return nil, false
	}
	digits, previews := strings.CutSuffix(name, preview)
	c, ok := ParseColor("#" + digits)
	if !ok || c.String() != "#"+digits {
		return nil, false
	}
	if previews {
		return c.PreviewStylesheet(), true
	}
	return c.Stylesheet(), true
}

// Mail returns what an email shows of the brand, with the given name if it has
// none. The logo is attached as a picture.
func (b Brand) Mail(name string, logo []byte) templates.MailBrand {
	return templates.MailBrand{
		Name: cmp.Or(b.Name, name), Logo: len(logo) > 0, Button: b.Shade().Mail().String(),
		Help: b.HelpURL, Imprint: b.ImprintURL, Privacy: b.PrivacyURL,
	}
}
