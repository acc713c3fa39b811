package pages_test

import (
	"net/http"
	"testing"

	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestPreviewsChangeNothing sends 1,000 requests of people, previews and
// scanners to a link.
func TestPreviewsChangeNothing(t *testing.T) {
	agents := []string{
		servertest.IPhone, "Slackbot-LinkExpanding 1.0", "TelegramBot (like TwitterBot)", "WhatsApp/2.23", "facebookexternalhit/1.1",
		"Twitterbot/1.0", "LinkedInBot/1.0", "SkypeUriPreview Preview/0.5", "Discordbot/2.0", "Google-Read-Aloud", "curl/8", "",
	}
	servertest.EachPair(t, func(t *testing.T, servers [2]*servertest.Server, database string) {
		link := servers[0].Link("jane@example.com")
		before := storetest.Fingerprint(t, database)
		for i := range 1000 {
			s := servers[i%2]
			method := []string{http.MethodGet, http.MethodHead, http.MethodOptions}[i%3]
			header := http.Header{"User-Agent": {agents[i%len(agents)]}}
			if i%4 == 0 {
				header.Set("Sec-Purpose", "prefetch")
				header.Set("Purpose", "prefetch")
			}
			s.Do(method, []string{link, link + "/qr.svg", link + "/qr.png", "/"}[i%4], header, "")
		}
		if storetest.Fingerprint(t, database) != before {
			t.Error("looking at a link changed the database")
		}
	})
}
