package server_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestPreviewsAreCounted wants those who only preview a link in the figures,
// by pages and downloads alone.
func TestPreviewsAreCounted(t *testing.T) {
	c := config(t)
	c.MetricsListen = freePort(t)
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

// TestClockIsWatched sets the clock back: details and metrics say that the log is
// ahead, until the next action.
func TestClockIsWatched(t *testing.T) {
	var back atomic.Bool
	c := config(t)
	c.MetricsListen = freePort(t)
	c.Now = func() time.Time {
		if back.Load() {
			return time.Now().Add(-time.Hour)
		}
		return time.Now()
	}
	_, stop := start(t, c)
	defer stop()
	get := func(path string) string {
		t.Helper()
		res, err := http.Get("http://" + c.MetricsListen + path)
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
	if m, d := get("/metrics"), get("/details"); !strings.Contains(m, "mobileconfig_log_ahead_seconds 0") || !strings.Contains(d, `"clock":"ok"`) {
		t.Errorf("with a good clock: %s", d)
	}
	back.Store(true)
	if d := get("/details"); !strings.Contains(d, "ahead of this server's clock") {
		t.Errorf("with the clock set back: %s", d)
	}
	if m := get("/metrics"); !strings.Contains(m, "mobileconfig_log_ahead_seconds 3") {
		t.Error("the metric does not say so")
	}
}
