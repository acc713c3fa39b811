//go:build !race

package api_test

import (
	"go/format"
	"html"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

var (
	docsOperation = regexp.MustCompile(`(?s)<section class="section" aria-labelledby="([a-z-]+)">(.*?)</section>`)
	docsExample   = regexp.MustCompile(`(?s)<code id="[a-z-]+-(curl|php|node|go)">(.*?)</code>`)
)

// TestDocsPage checks that the page and its contents list each operation, with an
// example in each language that its tools can parse, and runs the curl examples that
// only read.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	database := storetest.SQLite(t)
	s := servertest.New(t, database, nil)
	page := string(s.Get("/api/docs?lang=en").Body)
	key := servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()})
	found := docsOperation.FindAllStringSubmatch(page, -1)
	if want := len(operations(t, s)) + 1; len(found) != want { // the stream
		t.Fatalf("%d operations, want %d", len(found), want)
	}
	ran := 0
	for _, m := range found {
		if !strings.Contains(page, `<a href="#`+m[1]+`">`) {
			t.Errorf("%s isn't in the contents", m[1])
		}
		examples := map[string]string{}
		for _, e := range docsExample.FindAllStringSubmatch(m[2], -1) {
			examples[e[1]] = html.UnescapeString(e[2])
		}
		if len(examples) != 4 || !strings.Contains(m[2], `data-copy="`+m[1]+`-curl"`) {
			t.Errorf("%s has examples of %d languages", m[1], len(examples))
		}
		if code := examples["go"] + "\n"; code != formattedGo(t, m[1], code) {
			t.Errorf("%s: gofmt would change\n%s", m[1], code)
		}
		if strings.Contains(examples["curl"], "--request") || strings.Contains(examples["curl"], "/setup-links/lnk_") || regexp.MustCompile(`/(policies|keys|redirect-keys|webhooks)/[a-z]+_|/batches/`).MatchString(examples["curl"]) {
			continue
		}
		ran++
		curl := exec.Command("sh", "-c", examples["curl"]+" --silent --show-error --fail --output /dev/null")
		curl.Env = append(os.Environ(), "MOBILECONFIG_URL="+s.URL, "MOBILECONFIG_KEY="+key)
		if out, err := curl.CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s\n%s", m[1], err, out, examples["curl"])
		}
	}
	if ran < 15 {
		t.Errorf("%d examples were run", ran)
	}
	for _, tool := range []struct{ name, language, before, flag, suffix string }{{"php", "php", "<?php\n", "-l", ".php"}, {"node", "node", "", "--check", ".mjs"}} {
		if _, err := exec.LookPath(tool.name); err != nil {
			continue
		}
		var all strings.Builder
		all.WriteString(tool.before)
		for _, m := range found {
			for _, e := range docsExample.FindAllStringSubmatch(m[2], -1) {
				if e[1] == tool.language {
					all.WriteString("{\n" + html.UnescapeString(e[2]) + "\n}\n")
				}
			}
		}
		file := t.TempDir() + "/examples" + tool.suffix
		if err := os.WriteFile(file, []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(tool.name, tool.flag, file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", tool.name, err, out)
		}
	}
}

func formattedGo(t *testing.T, id, code string) string {
	t.Helper()
	out, err := format.Source([]byte(code))
	if err != nil {
		t.Errorf("%s: %v in\n%s", id, err, code)
	}
	return string(out)
}

// TestDocsSearch checks that the search finds the operations with all words, ignoring
// case, and shows the input only as text.
func TestDocsSearch(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), nil)
	ids := func(query string) string {
		var all []string
		for _, m := range docsOperation.FindAllStringSubmatch(string(s.Get("/api/docs?lang=en&q="+query).Body), -1) {
			all = append(all, m[1])
		}
		return strings.Join(all, " ")
	}
	for query, want := range map[string]string{
		"BULK": "create-setup-links", "rotate-key+overlap": "rotate-key", "keys/current": "get-current-key", "nothing+like+it": "",
	} {
		if got := ids(query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if all := ids(""); all != ids("+") || all != ids(strings.Repeat("x", 101)) || len(all) < 500 {
		t.Errorf("all: %s", all)
	}
	if body := string(s.Get("/api/docs?lang=en&q=%3Cscript%3E").Body); strings.Contains(body, "<script>") || !strings.Contains(body, `value="&lt;script&gt;"`) {
		t.Error("the search text isn't shown as text")
	}
}
