package templates

import (
	"regexp"
	"strings"
	"testing"
)

var (
	focused = regexp.MustCompile(`<(?:input|textarea|select)\b[^>]* autofocus[^>]*>`)
	codeTag = regexp.MustCompile(`<input\b[^>]* id="(?:code|confirm_code)"[^>]*>`)
)

// TestFirstField checks that pages where people type first have the focus in
// that field, and that others don't take it. If something else is wrong, its
// message comes first.
func TestFirstField(t *testing.T) {
	s := newSet(t)
	for name, field := range map[string]string{
		"start": "address", "start-problems": "address", "panel-sign-in": "email", "panel-sign-in-problem": "", "panel-sign-in-nobody": "",
		"panel-invitation": "name", "panel-invitation-first": "email", "panel-confirm": "", "panel-confirm-app": "confirm_code", "panel-confirm-code": "", "panel-confirm-password": "", "panel-confirm-get": "",
		"panel-password": "current", "panel-invite": "email", "panel-invite-made": "",
		"panel-key-new": "name", "panel-key-problems": "", "panel-key-made": "", "panel-redirect-new": "name", "panel-redirect": "",
		"panel-domain-new": "name", "panel-domain-edit": "", "panel-link-new": "address", "panel-link-problems": "",
		"panel-policy-new": "name", "panel-policy": "", "panel-policy-standard": "", "panel-hook-new": "url", "panel-hook": "",
		"panel-recipient-new": "recipient", "panel-recipient-own": "", "panel-account-new": "name", "panel-account": "", "panel-account-suspend": "reason",
		"panel-totp": "", "panel-overview": "", "panel-domains": "", "panel-links": "", "iphone": "",
	} {
		tags := focused.FindAllString(render(t, s, named(t, name), s.Match()), -1)
		got := ""
		if len(tags) > 0 {
			got = regexp.MustCompile(` id="(\w+)"`).FindStringSubmatch(tags[0])[1]
		}
		if got != field || len(tags) > 1 {
			t.Errorf("%s: the focus is in %q of %d, want %q", name, got, len(tags), field)
		}
	}
}

// TestCodeFields checks that fields for a code from an app or a recovery code
// can take both: on a phone they have a keyboard with letters, and room for a
// recovery code with its hyphens.
func TestCodeFields(t *testing.T) {
	s := newSet(t)
	for name, digits := range map[string]bool{"panel-sign-in": false, "panel-confirm-app": false, "panel-totp": true} {
		tag := codeTag.FindString(render(t, s, named(t, name), s.Match()))
		if tag == "" || strings.Contains(tag, `inputmode="numeric"`) != digits || !strings.Contains(tag, `autocomplete="one-time-code"`) ||
			!strings.Contains(tag, `autocapitalize="none"`) || !digits && !strings.Contains(tag, `maxlength="40"`) || strings.Contains(tag, "pattern=") {
			t.Errorf("%s: %s", name, tag)
		}
	}
}
