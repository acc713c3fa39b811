package browser

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// typed is a policy that erases, as a person enters it. No value is the form's
// initial one.
var typed = map[string]string{
	"name": `Phones & "tablets"`, "min_length": "8", "min_complex": "1", "auto_lock": "3", "grace": "5",
	"max_age": "90", "history": "5", "reset_after": "30", "alphanumeric": "yes", "wipe": "yes", "max_failed_attempts": "8",
}

// fillPolicy fills in the form of a policy.
func fillPolicy(b *tab) {
	b.t.Helper()
	for name, value := range typed {
		switch name {
		case "alphanumeric", "wipe":
			b.tick("#" + name)
		case "max_failed_attempts":
			b.tick(`[name=max_failed_attempts][value="` + value + `"]`)
		default:
			b.retype("#"+name, value)
		}
	}
}

// tick selects a checkbox or radio button that isn't selected, and checks the
// result.
func (b *tab) tick(selector string) {
	b.t.Helper()
	b.press("label:has(" + selector + ")")
	if !evaluate[bool](b, "document.querySelector(`"+selector+"`).checked") {
		b.t.Fatalf("%s is not on", selector)
	}
}

// values returns the values of the form with the field, as it would be sent.
func (b *tab) values(field string) map[string]string {
	b.t.Helper()
	return evaluate[map[string]string](b, `Object.fromEntries(new FormData(document.querySelector("main form:has(`+field+`)")))`)
}

// wantPolicy checks that the page of the saved policy shows what was entered.
func wantPolicy(b *tab) {
	b.t.Helper()
	if path := b.path(); !strings.HasPrefix(path, "/panel/policies/pol_") {
		b.t.Fatalf("at %s", path)
	}
	b.visit(run(b, chromedp.Location())) // as it was stored
	if got := b.values("#min_length"); !maps.Equal(got, typed) {
		b.t.Errorf("kept %v, want %v", got, typed)
	}
	b.wantText("8 wrong passcodes")
}

// TestConfirmBeforeErasing saves a policy that erases. The page must ask for a
// code, and then store what was entered. A wrong code loses nothing.
func TestConfirmBeforeErasing(t *testing.T) {
	t.Parallel()
	running(t)
	o := newOffice(t, nil)
	m := o.Owner(ownerEmail)
	b := open(t, desktop, "light")
	b.become(m)
	o.clock.Move(11 * time.Minute)
	policies := func() string { return string(m.Get("/panel/policies").Body) }
	before := policies()
	if got := b.visit(o.URL + "/panel/policies/new"); got != 200 {
		t.Fatalf("the form needs no fresh factor, got %d", got)
	}
	fillPolicy(b)
	b.wantSubmit(mainButton, 403, "/panel/policies/new")
	b.wantText("Confirm it’s you")
	wantRepeated(b)

	wrong := o.code(t, m.Seed)
	wrong = string('0'+(wrong[0]-'0'+1)%10) + wrong[1:]
	b.fill("#confirm_code", wrong)
	b.wantSubmit(mainButton, 422, "/panel/policies/new")
	b.wantProblem("confirm_code")
	wantRepeated(b)
	if policies() != before {
		t.Fatal("the policy is stored before the confirmation")
	}

	b.fill("#confirm_code", o.code(t, m.Seed))
	if got := b.submit(mainButton); got != 200 {
		t.Fatalf("with the right code: %d: %s", got, b.text())
	}
	wantPolicy(b)
	b.wantQuiet(o)
}

// wantRepeated checks that the page that asks for a code sends the input
// again, and no code with it.
func wantRepeated(b *tab) {
	b.t.Helper()
	got := b.values("#confirm_code")
	if got["confirm_code"] != "" {
		b.t.Errorf("the code is repeated: %q", got["confirm_code"])
	}
	delete(got, "confirm_code")
	if !maps.Equal(got, typed) {
		b.t.Errorf("the page repeats %v, want %v", got, typed)
	}
}
