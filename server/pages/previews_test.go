//go:build !race

package pages_test

import (
	"net/http"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestPreviewsChangeNothing checks that people, previews and scanners change
// nothing by looking at a link in any way.
func TestPreviewsChangeNothing(t *testing.T) {
	agents := []string{
		servertest.IPhone, "Slackbot-LinkExpanding 1.0", "TelegramBot (like TwitterBot)", "WhatsApp/2.23", "facebookexternalhit/1.1",
		"Twitterbot/1.0", "LinkedInBot/1.0", "SkypeUriPreview Preview/0.5", "Discordbot/2.0", "Google-Read-Aloud", "curl/8", "",
	}
	servertest.EachPair(t, func(t *testing.T, servers [2]*servertest.Server, database string) {
		link := servers[0].Link("jane@example.com")
		before := storetest.Fingerprint(t, database)
		for _, agent := range agents {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
				for _, path := range []string{link, link + "/qr.svg", link + "/qr.png", "/"} {
					for i, header := range []http.Header{{}, {"Sec-Purpose": {"prefetch"}, "Purpose": {"prefetch"}}, {}, {"Sec-Purpose": {"prefetch"}}} {
						header.Set("User-Agent", agent)
						servers[i/2].Do(method, path, header, "")
					}
				}
			}
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("looking at a link changed the database")
		}
	})
}
