//go:build soak

package browser

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/updatecase/mobileconfig/server/servertest"
)

// A panelPicture is a picture of a page of the panel.
type panelPicture struct {
	file   string
	device device
	scheme string
	path   string
	// prepare, if not nil, does something on the page first.
	prepare func(b *tab, h *host)
}

// screen is as high as the interesting part of a page.
func screen(height int64) device { return device{"screen", mac.userAgent, 1280, height, false} }

var panelPictures = []panelPicture{
	{"panel-sign-in.png", screen(860), "light", "/sign-in", func(b *tab, _ *host) { b.nobody() }},
	{"panel-overview.png", screen(1250), "light", "", nil},
	{"panel-overview-dark.png", screen(1250), "dark", "", nil},
	{"panel-overview-phone.png", device{"phone", servertest.IPhone, 390, 844, true}, "light", "", nil},
	{"panel-domain.png", screen(1000), "light", "/domains/example.com", nil},
	{"panel-domain-new.png", screen(760), "light", "/domains/new?by=hand", nil},
	{"panel-mailbox.png", screen(1180), "light", "/mailbox?address=jane@example.com", nil},
	{"panel-policy.png", screen(1000), "light", "/policies/{policy}", nil},
	{"panel-mdm.png", screen(1040), "light", "/mdm?vendor=fleet&domain=example.com&policy=own", nil},
	{"panel-mdm-second-hand.png", screen(1180), "light", "/mdm?vendor=mosyle&domain=example.com", nil},
	{"panel-batch.png", screen(1120), "light", "/batches/{done}", nil},
	{"panel-batch-list.png", screen(1240), "light", "/batches/{ready}", nil},
	{"panel-push.png", screen(1180), "light", "/batches/{pushed}/push", nil},
	{"panel-links.png", screen(860), "light", "/links", nil},
	{"panel-key.png", screen(560), "light", "/keys/new", showKey},
	{"panel-key-replace.png", screen(1120), "light", "/keys", openKey},
	{"panel-members.png", screen(860), "light", "/members", func(b *tab, _ *host) {
		b.say("#invitation-0", "https://setup.example.com/panel/invitation/y4q7n2xk5m3rv6ctz8hw")
	}},
	{"panel-log.png", screen(1120), "light", "/security/log?action=domain.&zone=Europe/Berlin", openChanged},
	{"panel-security.png", screen(1180), "light", "/security/sign-in", nil},
	{"panel-notifications.png", screen(1330), "light", "/security/notifications", nil},
	{"panel-branding.png", screen(1180), "light", "/domains/example.com/branding", brandDomain},
	{"panel-branding-phone.png", device{"phone", servertest.IPhone, 390, 844, true}, "dark", "/domains/example.com/branding", nil},
	{"panel-mails.png", screen(900), "light", "/branding/mails", nil},
	{"mail-link.png", screen(560), "light", "/domains/example.com/branding/mail", nil},
	{"mail-link-dark.png", screen(560), "dark", "/domains/example.com/branding/mail", nil},
	{"mail-notice.png", screen(620), "light", "/branding/mails/member.joined/page", nil},
	{"panel-confirm.png", screen(720), "light", "/security/sign-in/password", func(b *tab, h *host) {
		h.clock.Move(11 * time.Minute)
		b.visit(run(b, chromedp.Location()))
	}},
}

// anchor is the logo of an email provider.
const anchor = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="16" fill="#0b6b62"/><g fill="none" stroke="#fff" stroke-width="5" stroke-linecap="round"><circle cx="32" cy="15" r="5"/><path d="M32 20v32M22 29h20M12 38c2 9 10 14 20 14s18-5 20-14"/></g></svg>`

// brandDomain gives a domain a brand of its own.
func brandDomain(b *tab, h *host) {
	b.t.Helper()
	const path = "/panel/domains/example.com/branding"
	must(b.t, h.owner.Post(path, "name", "Harbor Mail", "color", "#0b6b62", "help_url", "https://example.com/help", "imprint_url", "https://example.com/imprint", "privacy_url", "https://example.com/privacy"))
	must(b.t, h.owner.Upload(path+"/logo", "file", "anchor.svg", anchor))
	b.carry(h.owner)
	b.visit(h.URL + path)
}

// showKey creates a key and shows one that is the same in every run.
func showKey(b *tab, h *host) {
	b.t.Helper()
	a := h.owner.Post("/panel/keys/new", "name", "Shop", "profiles:write", "yes", "expires", "365")
	b.carry(h.owner)
	b.visit(h.URL + a.Location())
	b.say("#key", "mck_k3v7q2mx4bnr6wzt5hcy2jd7_p6xw3qk7m2vb4ztn5rcy7hjd2gs4fk6wq3xb5mzv")
}

// openKey creates a key and shows its page.
func openKey(b *tab, h *host) {
	b.t.Helper()
	h.owner.Post("/panel/keys/new", "name", "Customer portal", "domains:read", "yes", "links:write", "yes", "expires", "365")
	b.visit(h.URL + regexp.MustCompile(`/panel/keys/key_[a-z2-7]+`).FindString(string(withoutBreaks(h.owner.Get("/panel/keys?q=Customer+portal").Body))))
	evaluate[bool](b, `(document.querySelector(".facts > div:last-child bdi").textContent = "key_k3v7q2mx4bnr6wzt") !== null`)
}

// openChanged opens the entry with the most changes.
func openChanged(b *tab, _ *host) {
	b.t.Helper()
	evaluate[bool](b, `(() => {
		const size = (row) => row.nextElementSibling.querySelectorAll(".changes del").length
		const rows = [...document.querySelectorAll(".entry")].sort((a, b) => size(b) - size(a))
		return rows[0].querySelector("details").open = true
	})()`)
}

// say replaces an element's text.
func (b *tab) say(selector, text string) {
	b.t.Helper()
	evaluate[bool](b, fmt.Sprintf("(document.querySelector(%q).textContent = %q) !== null", selector, text))
}

// TestSoakScreenshotsOfPanel takes the pictures of the panel, in addition to
// those of TestSoakScreenshots.
func TestSoakScreenshotsOfPanel(t *testing.T) {
	t.Parallel()
	running(t)
	dir, full := gallery(t)
	h := seed(t)
	batches := people{h.office, map[string]*servertest.Member{"owner": h.owner}, map[string]string{}}
	batches.makeBatches(t)
	for _, p := range sample(panelPictures, full(3, len(panelPictures))) {
		t.Run(p.file, func(t *testing.T) {
			b := open(t, p.device, p.scheme)
			if p.device.touch { // at twice the scale a large page takes too many bytes
				b.scale(2)
			}
			b.carry(h.owner)
			path := strings.ReplaceAll(p.path, "{policy}", h.policy)
			for name, id := range batches.ids {
				path = strings.ReplaceAll(path, "{"+name+"}", id)
			}
			b.visit(h.URL + "/panel" + path)
			if p.prepare != nil {
				p.prepare(b, h)
			}
			run(b, chromedp.Evaluate[chromedp.Void](phoneFont))
			save(t, filepath.Join(dir, p.file), b.picture(0, float64(p.device.height)))
		})
	}
}

// carry sends the member's cookies with each request, because the browser
// stores none for a server with another name.
func (b *tab) carry(m *servertest.Member) {
	b.t.Helper()
	_, token, _ := strings.Cut(m.Cookie, "=")
	_, once, _ := strings.Cut(m.Once, "=")
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{
		"Cookie": "__Host-session=" + token + "; __Host-once=" + once, "X-Forwarded-For": workplace,
	}})
}

// nobody ends the sign-in.
func (b *tab) nobody() {
	b.t.Helper()
	call(b, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{}})
	b.visit(run(b, chromedp.Location()))
}
