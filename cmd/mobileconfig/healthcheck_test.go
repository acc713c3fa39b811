package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestHealthcheck asks a service over HTTP and over HTTPS with any certificate.
func TestHealthcheck(t *testing.T) {
	status := http.StatusOK
	ready := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(status)
	})
	plain, secure := httptest.NewServer(ready), httptest.NewTLSServer(ready)
	defer plain.Close()
	defer secure.Close()
	port := func(s *httptest.Server) string { return s.URL[strings.LastIndex(s.URL, ":"):] }
	shown(t, exitGood, "healthcheck", "--listen", port(plain))
	shown(t, exitGood, "healthcheck", "--listen", port(secure))
	status = http.StatusServiceUnavailable
	shown(t, exitRefused, "healthcheck", "--listen", port(plain))
	shown(t, exitRefused, "healthcheck", "--listen", port(secure))
	plain.Close()
	shown(t, exitRefused, "healthcheck", "--listen", port(plain))
	shown(t, exitUsage, "healthcheck", "--listen", "nowhere")
}

// TestCompletion checks that each shell's script names the commands and their
// flags.
func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		out, _ := shown(t, exitGood, "completion", shell)
		for _, want := range []string{"serve", "setup-url", "acme-email"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %s is missing", shell, want)
			}
		}
	}
	shown(t, exitUsage, "completion", "tcsh")
	if out, _ := shown(t, exitGood, "manual"); !strings.HasPrefix(out, ".TH MOBILECONFIG 1") || !strings.Contains(out, `\-\-acme\-email`) {
		t.Error("the output isn't a manual page")
	}
}
