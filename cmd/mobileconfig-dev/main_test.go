package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// output collects what the program prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write appends to the output.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns everything printed so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs the program until stop is called or the test ends, and returns
// what it printed before it listened.
func start(t *testing.T, args ...string) (printed, base string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out, log output
	ready, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() { ended <- run(ctx, args, &out, &log, func(a net.Addr) { ready <- a }) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%v\n%s", err, log.String())
		}
	})
	t.Cleanup(stop)
	select {
	case a := <-ready:
		return out.String(), "http://" + a.String(), stop
	case err := <-ended:
		ended <- err
		t.Fatalf("the program ended before it listened: %v\n%s", err, log.String())
		return "", "", nil
	}
}

// A browser with a session.
type browser struct {
	t    *testing.T
	base string
	http.Client
}

func newBrowser(t *testing.T, base string) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, base: base, Client: http.Client{Jar: jar}}
}

// get returns a page and fails the test if the page isn't found.
func (b *browser) get(path string) string {
	b.t.Helper()
	res, err := b.Get(b.base + path)
	return b.read(path, res, err)
}

func (b *browser) post(path string, form url.Values) string {
	b.t.Helper()
	res, err := b.PostForm(b.base+path, form)
	return b.read(path, res, err)
}

func (b *browser) read(path string, res *http.Response, err error) string {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		b.t.Fatalf("%s: %d %v\n%s", path, res.StatusCode, err, body)
	}
	return string(body)
}

var (
	printedCode     = regexp.MustCompile(`(\S+@\S+) +owner +code (\d{6})`)
	printedPassword = regexp.MustCompile(`Password +(.+)`)
	printedLink     = regexp.MustCompile(`(?:waiting|opened|downloaded) +http://[^/]+(/s/\S+)`)
)

// TestDev does what a developer does: starts the service, signs in with the
// printed credentials, views pages, changes a template, and restarts.
func TestDev(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		dir := t.TempDir()
		templates, data := filepath.Join(dir, "templates"), filepath.Join(dir, "data")
		if err := os.CopyFS(templates, os.DirFS("../../templates")); err != nil {
			t.Fatal(err)
		}
		args := []string{"-listen", "127.0.0.1:0", "-data", data, "-templates", templates, "-database", database}
		printed, base, stop := start(t, args...)
		code, password := printedCode.FindStringSubmatch(printed), printedPassword.FindStringSubmatch(printed)
		if code == nil || password == nil {
			t.Fatalf("no sign-in printed in:\n%s", printed)
		}
		b := newBrowser(t, base)
		overview := b.post("/panel/sign-in", url.Values{"email": {code[1]}, "password": {password[1]}, "code": {code[2]}})
		if !strings.Contains(overview, "Harbor Mail") {
			t.Fatalf("no overview:\n%s", overview)
		}
		for _, path := range []string{"/domains", "/policies", "/links", "/keys", "/members", "/accounts", "/security/log", "/security/notifications"} {
			b.get("/panel" + path)
		}
		links := printedLink.FindAllStringSubmatch(printed, -1)
		if len(links) != 3 {
			t.Errorf("%d links in:\n%s", len(links), printed)
		}
		for _, l := range links {
			b.get(l[1])
		}

		layout := filepath.Join(templates, "panel/parts/base.html")
		text, err := os.ReadFile(layout)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(layout, bytes.Replace(text, []byte("</body>"), []byte("work in progress</body>"), 1), 0o600); err != nil {
			t.Fatal(err)
		}
		if page := b.get("/panel/domains"); !strings.Contains(page, "work in progress") {
			t.Errorf("the change isn't visible:\n%s", page)
		}
		stop()

		var codes bytes.Buffer
		if err := run(t.Context(), append(args, "code"), &codes, io.Discard, nil); err != nil || !printedCode.MatchString(codes.String()) {
			t.Errorf("code: %v\n%s", err, codes.String())
		}
		again, _, _ := start(t, args...)
		if strings.Contains(again, "Creating the demo") || !strings.Contains(again, code[1]) {
			t.Errorf("the second start printed:\n%s", again)
		}
	})
}

// TestDevRefuses checks that the demo, whose password is public, is served only
// on this machine, and that a folder with other contents is left as it is.
func TestDevRefuses(t *testing.T) {
	for _, listen := range []string{":8080", "0.0.0.0:8080", "192.0.2.1:8080", "[::]:8080", "example.com:8080", "nonsense"} {
		err := run(t.Context(), []string{"-listen", listen}, io.Discard, io.Discard, nil)
		if err == nil || !strings.Contains(err.Error(), "-listen") {
			t.Errorf("%s: %v", listen, err)
		}
	}
	data := filepath.Join(t.TempDir(), "precious")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(data, "thing")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	templates := filepath.Join("..", "..", "templates")
	for _, args := range [][]string{{"reset"}, {"code"}, {}} {
		args = append([]string{"-listen", "127.0.0.1:0", "-data", data, "-templates", templates}, args...)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := run(ctx, args, io.Discard, io.Discard, func(net.Addr) { cancel() }); err == nil {
			t.Errorf("%q for a folder with other contents", args)
		}
	}
	entries, err := os.ReadDir(data)
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(file) {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

// TestDevReset checks that an incomplete demo can be deleted too.
func TestDevReset(t *testing.T) {
	o := options{data: filepath.Join(t.TempDir(), "demo")}
	if _, err := o.claim(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(o.data, "mobileconfig.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"deleted", "no demo"} {
		var out bytes.Buffer
		if err := run(t.Context(), []string{"-data", o.data, "reset"}, &out, io.Discard, nil); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%v, %s, want %q", err, out.String(), want)
		}
		if _, err := os.Stat(o.data); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the demo is still there: %v", err)
		}
	}
}
