//go:build !race

package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestTemplatesFromDisk checks that changes of a page, a text or the stylesheet
// are visible at the next request, even on a cached page, and that an error is
// shown and can be fixed without a restart.
func TestTemplatesFromDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../templates")); err != nil {
		t.Fatal(err)
	}
	s := servertest.New(t, storetest.SQLite(t), func(c *server.Config) { c.Templates = os.DirFS(dir) })
	link := s.Link("jane@" + servertest.Domain)
	want := func(path string, status int, text string) string {
		t.Helper()
		a := s.Get(path)
		if a.Status != status || !strings.Contains(string(a.Body), text) {
			t.Fatalf("%s: %d, want %d with %q\n%s", path, a.Status, status, text, a.Body)
		}
		return string(a.Body)
	}
	stylesheet := regexp.MustCompile(`/static/app\.[0-9a-f]+\.css`)
	before := stylesheet.FindString(want(link, http.StatusOK, "<h1"))
	want("/panel/sign-in", http.StatusOK, "<h1")

	edit(t, dir, "pages/parts/base.html", "</body>", "<p>work on the pages</p></body>")
	want("/", http.StatusOK, "work on the pages")
	want(link, http.StatusOK, "work on the pages") // which was cached

	edit(t, dir, "panel/parts/base.html", "</body>", "<p>work on the panel</p></body>")
	want("/panel/sign-in", http.StatusOK, "work on the panel")

	edit(t, dir, "locales/en.toml", `"start.lead" = "`, `"start.lead" = "Work on the texts. `)
	want("/", http.StatusOK, "Work on the texts. ")

	edit(t, dir, "static/app.css", "", "/* work on the style */\n")
	after := stylesheet.FindString(want(link, http.StatusOK, "<h1"))
	if after == "" || after == before {
		t.Errorf("the stylesheet is at %q, and was at %q", after, before)
	}
	want(after, http.StatusOK, "/* work on the style */")

	edit(t, dir, "pages/start.html", "", "{{t}\n")
	want("/", http.StatusInternalServerError, "pages/start.html")
	edit(t, dir, "pages/start.html", "{{t}\n", "")
	want("/", http.StatusOK, "work on the pages")
}

// edit replaces the first old in a file.
func edit(t *testing.T, dir, name, old, text string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q", name, old)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), old, text, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestTemplatesMissing checks that the server doesn't start with a folder
// without templates.
func TestTemplatesMissing(t *testing.T) {
	_, err := server.New(t.Context(), server.Config{
		Archive:  t.TempDir(),
		Database: storetest.SQLite(t), Secret: servertest.Secret, LogKey: servertest.LogKey,
		Identity: server.Fixed(nil), Templates: os.DirFS(t.TempDir()),
	})
	if err == nil || !strings.Contains(err.Error(), "locales") {
		t.Errorf("got %v", err)
	}
}
