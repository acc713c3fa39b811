package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// limit guards against hanging. No step in a tab takes nearly as long, even on
// a busy machine.
const limit = 2 * time.Minute

// A tab is a browser tab that shares no cookies, cache or downloads with
// others.
type tab struct {
	t      testing.TB
	ctx    context.Context
	device device

	// news has a value when something was recorded since the last look.
	news  chan struct{}
	mu    sync.Mutex
	heard heard
}

// heard is what a tab has reported so far.
type heard struct {
	noise     []log.Entry // errors and warnings
	requests  []string
	pages     []string // URLs with an error status
	downloads []*download
}

// A download is a file that a page sent.
type download struct {
	id, name string
	state    browser.DownloadProgressState
}

// open opens a tab with the device, in the color scheme "light" or "dark".
func open(t testing.TB, d device, scheme string) *tab {
	t.Helper()
	b := &tab{t: t, device: d, news: make(chan struct{}, 1)}
	ctx, cancel := chromedp.NewContext(running(t), chromedp.WithNewBrowserContext(), chromedp.WithListener(b.listen))
	t.Cleanup(cancel)
	b.ctx = ctx
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	call(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: d.userAgent})
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	b.show(d.width, d.height, d.touch, scheme)
	return b
}

// show changes the screen.
func (b *tab) show(width, height int64, touch bool, scheme string) {
	b.t.Helper()
	b.device.width, b.device.height, b.device.touch = width, height, touch
	b.scale(1)
	call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: touch})
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
}

// scale sets the device pixels per CSS pixel. Only pictures are worth more
// than one, because painting takes longer.
func (b *tab) scale(factor float64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: b.device.width, Height: b.device.height, DeviceScaleFactor: factor, Mobile: b.device.touch,
	})
}

// begin deletes what was recorded, for the next test. The tab stays at its
// page: after about:blank the browser would start a new process for the next
// page, which compiles every script again.
func (b *tab) begin(t testing.TB) {
	t.Helper()
	b.t = t
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = heard{}
}

// call sends a command of the protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	return run(b, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
}

// run runs an action and returns its value.
func run[T any](b *tab, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}

// evaluate returns the value of an expression in the page.
func evaluate[T any](b *tab, expression string) T {
	b.t.Helper()
	return run(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// visit opens a page and returns its status.
func (b *tab) visit(url string) int {
	b.t.Helper()
	return int(run(b, chromedp.NavigateResponse(url)).Status)
}

// press taps or clicks the selected element.
func (b *tab) press(selector string) {
	b.t.Helper()
	run(b, b.pressing(selector))
}

func (b *tab) pressing(selector string) chromedp.Action[chromedp.Void] {
	if b.device.touch {
		return chromedp.Tap(chromedp.CSS(selector))
	}
	return chromedp.Click(chromedp.CSS(selector))
}

// submit presses and returns the status of the page that follows.
func (b *tab) submit(selector string) int {
	b.t.Helper()
	status, err := b.leave(b.pressing(selector))
	if err != nil {
		b.t.Fatalf("press %s: %v", selector, err)
	}
	return status
}

// leave does something that leads to another page, and returns its status once
// it is there.
func (b *tab) leave(action chromedp.Action[chromedp.Void]) (int, error) {
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, action)
	if err != nil {
		return 0, err
	}
	return int(answer.Status), nil
}

// fill types a text into a field.
func (b *tab) fill(selector, text string) {
	b.t.Helper()
	run(b, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// text returns the readable text of the page.
func (b *tab) text() string {
	b.t.Helper()
	return run(b, chromedp.Text(chromedp.CSS("main")))
}

// eventually waits until the expression is true. It polls, because a page
// without script can't report it.
func (b *tab) eventually(what, expression string) {
	b.t.Helper()
	giveUp := time.After(limit)
	for !evaluate[bool](b, expression) {
		select {
		case <-giveUp:
			b.t.Fatalf("never happened: %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// picture returns a picture of a part of the page, as wide as the screen.
func (b *tab) picture(top, height float64) []byte {
	b.t.Helper()
	beyond := true
	return call(b, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Clip: &page.Viewport{Y: top, Width: float64(b.device.width), Height: height, Scale: 1}, CaptureBeyondViewport: &beyond,
	}).Data
}

// keep saves the tab's downloads in the folder.
func (b *tab) keep(dir string) {
	b.t.Helper()
	yes := true
	call(b, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior:         browser.SetDownloadBehaviorBehaviorAllowAndName,
		BrowserContextID: chromedp.FromContext(b.ctx).BrowserContextID,
		DownloadPath:     dir,
		EventsEnabled:    &yes,
	})
}

// downloaded waits for the nth download into the folder and returns its name
// and bytes.
func (b *tab) downloaded(dir string, n int) (string, []byte) {
	b.t.Helper()
	giveUp := time.After(limit)
	d, ok := b.finished(n)
	for !ok {
		select {
		case <-giveUp:
			b.t.Fatalf("download %d never came", n)
		case <-b.news:
			d, ok = b.finished(n)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, d.id))
	if err != nil {
		b.t.Fatal(err)
	}
	return d.name, data
}

func (b *tab) finished(n int) (download, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.heard.downloads) < n || b.heard.downloads[n-1].state != browser.DownloadProgressStateCompleted {
		return download{}, false
	}
	return *b.heard.downloads[n-1], true
}

// downloads counts downloads that have begun.
func (b *tab) downloads() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.heard.downloads)
}

// listen is called in the order of the events.
func (b *tab) listen(event any) {
	defer func() {
		select {
		case b.news <- struct{}{}:
		default: // there is one already
		}
	}()
	b.mu.Lock()
	defer b.mu.Unlock()
	h := &b.heard
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			h.noise = append(h.noise, *e.Entry)
		}
	case *runtime.EventConsoleAPICalled:
		h.noise = append(h.noise, log.Entry{Text: "a call of console." + string(e.Type)})
	case *runtime.EventExceptionThrown:
		h.noise = append(h.noise, log.Entry{Text: e.ExceptionDetails.Text})
	case *network.EventRequestWillBeSent:
		h.requests = append(h.requests, e.Request.URL)
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			h.pages = append(h.pages, e.Response.URL)
		}
	case *browser.EventDownloadWillBegin:
		h.downloads = append(h.downloads, &download{id: e.GUID, name: e.SuggestedFilename})
	case *browser.EventDownloadProgress:
		h.progress(e)
	}
}

func (h *heard) progress(e *browser.EventDownloadProgress) {
	for _, d := range h.downloads {
		if d.id == e.GUID {
			d.state = e.State
		}
	}
}

// ownPicture is where a browser gets the pictures of its own controls. A page
// can't load any from there, because its policy forbids it.
const ownPicture = "data:image/svg+xml"

// troubles returns the console's complaints, and requests that didn't go to
// the server. It ignores that a page has a status of 400 or more.
func (b *tab) troubles(server string) (found []string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.heard.noise {
		if e.Source != log.EntrySourceNetwork || !slices.Contains(b.heard.pages, e.URL) {
			found = append(found, fmt.Sprintf("console: %s %s", e.Text, e.URL))
		}
	}
	for _, url := range b.heard.requests {
		if !strings.HasPrefix(url, server+"/") && !strings.HasPrefix(url, ownPicture) {
			found = append(found, "a request to "+url)
		}
	}
	return found
}
