// Package browser opens the public pages and the control panel in a browser,
// and has a mail program look for its settings. Its tests need Chromium,
// Thunderbird and axe-core 4.14.1; the soak also needs Lighthouse 12.8.2.
// AXE_JS is the path of axe.min.js, by default in .cache/node_modules/axe-core
// of the checkout. What can't run is skipped, or fails when MOBILECONFIG_TEST_ALL is 1.
//
// All tests share one browser process. Each opens tabs of its own, which share
// no cookies, cache or downloads with others. Ordinary tests check each page
// once, soak tests on every device, in every color scheme and in every
// language.
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

// errNone means that there is no browser here.
var errNone = errors.New("browser: found no chromium-headless-shell, chromium, chromium-browser or google-chrome in PATH")

// named is the only host name that resolves to anything but this machine's own
// address.
const named = "setup.example.com"

// A process is the browser that all tests share. It starts with the first tab.
type process struct {
	once  sync.Once
	ctx   context.Context
	err   error
	front net.Listener // the address that named resolves to
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

// running is the browser's context, from which tabs are created.
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

// missing ends a test that needs something that this machine doesn't have.
func missing(t testing.TB, what any) {
	t.Helper()
	if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// start starts the browser. As root, chromedp runs it without its sandbox.
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
		// No other name resolves: what a page loads from elsewhere fails.
		chromedp.Flag("host-resolver-rules", "MAP "+named+":443 "+p.front.Addr().String()+", MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"),
	)...)
	p.stop = append(p.stop, stop)
	p.ctx, stop = chromedp.NewContext(ctx)
	p.stop = append(p.stop, stop)
	p.err = within(limit, func() error { return chromedp.Do(p.ctx) })
}

// within gives up on f after d. A context with a deadline would end the
// browser too.
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

// program is the browser, preferably the headless one, which takes half the
// time.
func program() (string, error) {
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNone
}
