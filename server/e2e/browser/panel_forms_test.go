package browser

import (
	"maps"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A badForm is a form with mistakes.
type badForm struct {
	name, path string
	// fill is the input, by the names of the fields.
	fill map[string]string
	tick []string // selectors
	// wrong are the fields with a mistake.
	wrong []string
}

var badForms = []badForm{
	{
		name: "domain", path: "/panel/domains/new?by=hand",
		fill: map[string]string{
			"name": "not a domain", "imap": "imap.example.com:99999", "smtp": "smtp example com",
			"display_name": "Example & Host", "sign_in_hint": "Use your app password.", "help_text": "Help desk:\n+49 30 1234",
		},
		tick:  []string{`[name=login][value=local_part]`, `[name=policy][value=offered]`},
		wrong: []string{"name", "imap", "smtp"},
	},
	{
		name: "policy", path: "/panel/policies/new",
		fill:  map[string]string{"name": "", "min_length": "2", "auto_lock": "99", "grace": "x", "history": "7", "reset_after": "20"},
		tick:  []string{"#alphanumeric", "#wipe", `[name=max_failed_attempts][value="7"]`},
		wrong: []string{"name", "min_length", "auto_lock", "grace"},
	},
	{
		name: "key", path: "/panel/keys/new",
		fill:  map[string]string{"name": "Shop", "domains": "example.com", "networks": "192.0.2.0/24\nthe office"},
		tick:  []string{`[name="domains:read"]`, `[name="keys:read"]`},
		wrong: []string{"networks"},
	},
	{
		name: "key without scopes", path: "/panel/keys/new",
		fill:  map[string]string{"name": "Shop", "networks": "192.0.2.7"},
		wrong: []string{"scopes"},
	},
	{
		name: "invitation", path: "/panel/members/invite",
		fill:  map[string]string{"email": "anna at example.com"},
		tick:  []string{`[name=role][value=auditor]`},
		wrong: []string{"email"},
	},
}

// TestBadForms checks that a form with mistakes comes back with its input and
// each mistake named, and that nothing is stored.
func TestBadForms(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	b := open(t, desktop, "light")
	b.become(m)
	before := storetest.Fingerprint(t, o.database)
	for _, f := range badForms {
		t.Run(f.name, func(t *testing.T) {
			b.begin(t)
			sent := f.send(b, o)
			at, _, _ := strings.Cut(f.path, "?")
			b.wantAt(at)
			for _, name := range f.wrong {
				b.wantProblem(name)
			}
			if n := evaluate[int](b, `document.querySelectorAll("[role=alert] [data-code]").length`); n != len(f.wrong) {
				t.Errorf("the page names %d mistakes, want %d: %s", n, len(f.wrong), b.text())
			}
			if got := b.values("#" + f.wrong[0]); !maps.Equal(got, sent) {
				t.Errorf("the form comes back with %q, want %q", got, sent)
			}
			for _, name := range f.wrong {
				b.press(`[role=alert] a[href="#` + name + `"]`)
				b.eventually("the focus goes to the field", `document.activeElement.id === "`+name+`"`)
			}
			if storetest.Fingerprint(t, o.database) != before {
				t.Error("something was kept")
			}
			b.wantQuiet(o)
		})
	}
}

// send fills in the form, sends it and returns what was sent.
func (f badForm) send(b *tab, o *office) map[string]string {
	b.t.Helper()
	b.visit(o.URL + f.path)
	b.unfoldAllButMenu()
	for name, text := range f.fill {
		b.retype("#"+name, text)
	}
	for _, selector := range f.tick {
		b.tick(selector)
	}
	sent := b.values("#" + f.wrong[0])
	for name, text := range f.fill {
		if got := sent[name]; got != text {
			b.t.Fatalf("%s holds %q, want %q", name, got, text)
		}
	}
	if got := b.submit(saveButton); got != 422 {
		b.t.Fatalf("status %d, want 422: %s", got, b.text())
	}
	return sent
}
