//go:build !race

package pages_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// agents have one device each, and include browsers that need more
// instructions.
var agents = []string{
	servertest.IPhone,
	strings.Replace(servertest.IPhone, "Version/18.6", "CriOS/140.0", 1),
	strings.Replace(servertest.IPhone, "Version/18.6", "FxiOS/140.0", 1),
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/22G86 Instagram 390.0",
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
	"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
}

// TestCachedPages checks that a page created from another link's outline
// equals the executed template byte for byte: on every device, for each kind
// of domain, and for mailboxes with unusual first letters.
func TestCachedPages(t *testing.T) {
	database, clock := storetest.SQLite(t), storetest.NewClock()
	change := func(c *server.Config) { c.Now = clock.Now }
	s := servertest.New(t, database, change)
	var links []string
	var fresh []*servertest.Server // of one link each, so that nothing of others is cached
	for _, local := range []string{"jane.doe", "Q", "7up", "+tag", "'o", "éva", "%41"} {
		links, fresh = append(links, s.Link(local+"@example.com")), append(fresh, servertest.New(t, database, change))
		clock.Move(61 * time.Second)
	}
	for _, domain := range []string{
		`policy = 'offered'`,
		`policy = 'required', display_name = 'Müller & <Söhne>', help_text = 'Call +49 30 qzxoutlinemarkxzqa'`,
		`policy = 'off', platforms = 'mac', help_text = '', sign_in_hint = '"qzxoutlinemarkxzqb"', login = 'local_part'`,
		`policy = 'offered', platforms = 'iphone', sign_in_hint = ''`,
		`caldav_host = 'cal.example.com', caldav_port = 443`,
		`caldav_host = 'cal.example.org', carddav_host = 'card.example.com', carddav_port = 8443`,
	} {
		storetest.Exec(t, database, `UPDATE domains SET `+domain)
		for _, language := range []string{"en", "de", "ar", "ja"} {
			for _, agent := range agents {
				header := http.Header{"User-Agent": {agent}, "Accept-Language": {language}}
				for i, link := range links {
					got, want := s.Do("GET", link, header, ""), fresh[i].Do("GET", link, header, "")
					if got.Status != 200 || want.Status != 200 || !bytes.Equal(got.Body, want.Body) {
						t.Errorf("%s, %s, %s, link %d: %d %s, want %d %s", domain, language, agent, i, got.Status, got.Body, want.Status, want.Body)
						return
					}
				}
			}
		}
	}
}
