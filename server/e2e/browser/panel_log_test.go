package browser

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// logPages are the action log of an installation in use.
var logPages = []panelPage{
	{"log", "owner", "/security/log", nil, nil, 200},
	{"log for an auditor", "auditor", "/security/log", nil, nil, 200},
	{"log of a zone", "owner", "/security/log?action=domain.&outcome=done&zone=Asia/Tokyo&from=2026-01-01T00:00&text=shop", nil, nil, 200},
	{"log by all filters", "owner", "/security/log?network=127.0.0.0/8&interface=panel&kind=domain&domain=shop-1.example&actor=kind:member", nil, nil, 200},
	{"log found", "owner", "/security/log", map[string]string{"#text": "warehouse"}, []string{mainButton}, 200},
	{"log not found", "owner", "/security/log?text=nowhere", nil, nil, 200},
	{"log past its end", "owner", "/security/log?before=1", nil, nil, 200},
	{"log with mistakes", "owner", "/security/log?from=yesterday&network=here&zone=Mars&kind=thing&action=x&profile=y", nil, nil, 422},
}

// TestLogByKeyboard finds an entry, opens it, goes to the history of its
// object, and exports it as a file, using only the keyboard.
func TestLogByKeyboard(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	addDomain(t, m, "first.example", "mail.example.com")
	addDomain(t, m, "second.example", "mail.example.com")
	must(t, m.Post("/panel/domains/first.example", "display_name", "First of all", "imap", "mail.example.com", "smtp", "mail.example.com", "login", "address",
		"iphone", "yes", "mac", "yes", "policy", "off", "policy_id", "standard"))
	b := open(t, desktop, "light")
	b.become(m)
	dir := t.TempDir()
	b.keep(dir)
	k := &keyboard{tab: b}

	b.visit(o.URL + "/panel/security/log")
	k.typeInto("#text", "first of all")
	k.enter("/panel/security/log")
	if n := evaluate[int](b, `document.querySelectorAll(".entry").length`); n != 1 {
		t.Fatalf("%d entries, want 1: %s", n, b.text())
	}
	const shown = `getComputedStyle(document.querySelector(".detail")).display !== "none"`
	if evaluate[bool](b, shown) {
		t.Error("the details are open")
	}
	k.to(".opens > summary")
	k.press(kb.Enter, ".opens[open] > summary")
	if !evaluate[bool](b, shown) {
		t.Error("the details do not open")
	}
	b.wantText("Before", "After", "First of all", "History of first.example")

	k.to(`.detail a[href*="target="]`)
	k.enter("/panel/security/log")
	if n := evaluate[int](b, `document.querySelectorAll(".entry").length`); n != 2 {
		t.Errorf("the history has %d entries, want 2: %s", n, b.text())
	}
	k.to("#export > summary")
	k.press(kb.Enter, "#export[open] > summary")
	k.to(`button[value=jsonl]`)
	run(b, chromedp.KeyEvent(kb.Enter))
	name, data := b.downloaded(dir, 1)
	if lines := strings.Count(string(data), "\n"); lines != 2 || !strings.HasSuffix(name, ".jsonl") || strings.Contains(string(data), "second.example") {
		t.Errorf("%s has %d lines: %s", name, lines, data)
	}
	b.wantAt("/panel/security/log")
	b.wantQuiet(o)
}
