// Package browser opens the public pages and the control panel in a browser,
// and has a mail program look for its settings. Its tests need Chromium,
// Thunderbird and axe-core 4.14.1, whose axe.min.js is named by AXE_JS or lies
// in .cache/node_modules/axe-core of the checkout. What cannot run is skipped,
// or fails when MOBILECONFIG_TEST_ALL is 1.
//
// All tests share one browser process. Each opens tabs of its own, which share
// no cookie, cache or download with those of others. Ordinary tests look at
// each page once, soak tests on every device, in every color scheme and in
// every language.
package browser

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// errNone says that there is no browser here.
var errNone = errors.New("browser: found no chromium-headless-shell, chromium, chromium-browser or google-chrome in PATH")

// named is the only host that leads anywhere but this machine's own address.
const named = "setup.example.com"

// A process is the one browser of all tests. It starts with the first tab.
type process struct {
	once  sync.Once
	ctx   context.Context
	err   error
	front net.Listener // where named leads to
	stop  []func()     // in the order of starting
}

var shared process

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range slices.Backward(shared.stop) {
		stop()
	}
	os.Exit(code)
}

// running is the context of the browser, of which tabs are made.
func running(t testing.TB) context.Context {
	t.Helper()
	shared.once.Do(shared.start)
	if errors.Is(shared.err, errNone) {
		missing(t, shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.ctx
}

// missing ends a test for which something is not on this machine.
func missing(t testing.TB, what any) {
	t.Helper()
	if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// start starts the browser. As root chromedp does without its sandbox.
func (p *process) start() {
	path, err := program()
	if err != nil {
		p.err = err
		return
	}
	if p.front, p.err = net.Listen("tcp", "127.0.0.1:0"); p.err != nil {
		return
	}
	p.stop = append(p.stop, func() { p.front.Close() })
	ctx, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.Flag("accept-lang", "en-US"),
		chromedp.Flag("no-proxy-server", true),
		// No other name leads anywhere: what a page loads from elsewhere fails.
		chromedp.Flag("host-resolver-rules", "MAP "+named+":443 "+p.front.Addr().String()+", MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	)...)
	p.stop = append(p.stop, stop)
	p.ctx, stop = chromedp.NewContext(ctx)
	p.stop = append(p.stop, stop)
	p.err = within(limit, func() error { return chromedp.Do(p.ctx) })
}

// within gives f up after d. A context with an end would end the browser too.
func within(d time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(d):
		return errors.New("browser: did not start in time")
	}
}

// program is the browser; the one without windows first, which is the same and
// takes half the time.
func program() (string, error) {
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNone
}
