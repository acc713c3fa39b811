package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/dial/dialtest"
)

// TestPreviewsAreCounted checks that clients that only preview a link are
// counted, on pages and downloads only.
func TestPreviewsAreCounted(t *testing.T) {
	c := config(t)
	c.MetricsListen = dialtest.Free(t)
	addr, stop := start(t, c)
	defer stop()
	get := func(address, agent string) string {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", agent)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		data, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	for _, path := range []string{"/s/x", "/d/x/mail.mobileconfig", "/", "/healthz"} {
		get("http://"+addr+path, "Slackbot-LinkExpanding 1.0")
		get("http://"+addr+path, "Safari")
	}
	if m := get("http://"+c.MetricsListen+"/metrics", ""); !strings.Contains(m, `mobileconfig_link_previews_total{program="slack"} 2`) {
		t.Errorf("metrics: %s", m)
	}
}
