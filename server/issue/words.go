package issue

import (
	"sync"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/templates"
)

// words are the texts of a profile in one language.
type words struct {
	name, description        string
	mailPayload, codePayload string
	consent                  map[string]string // in every language; must not be changed
}

// A subject is all that words depend on: the same for every mailbox of a
// domain.
type subject struct {
	language  string
	domain    string
	platform  profile.Platform
	variant   settings.Variant
	attempts  int
	minLength int
	autoLock  time.Duration
}

// A dictionary finds words and keeps them, for filling in texts costs more
// than all else in a profile. It grows with the domains that are configured.
type dictionary struct {
	set  *templates.Set
	kept sync.Map // subject -> *words
}

func (d *dictionary) of(o Order) *words {
	language := d.set.Match(o.Person.Locale)
	s := subject{
		language:  language.Tag,
		domain:    o.Person.Address.Domain(),
		platform:  o.Platform,
		variant:   o.Variant,
		attempts:  o.Policy.MaxFailedAttempts,
		minLength: o.Policy.MinLength,
		autoLock:  o.Policy.AutoLock,
	}
	if w, ok := d.kept.Load(s); ok {
		return w.(*words)
	}
	w, _ := d.kept.LoadOrStore(s, d.find(o, s, language))
	return w.(*words)
}

func (d *dictionary) find(o Order, s subject, language templates.Language) *words {
	values := map[string]any{
		"Domain":      s.domain,
		"Attempts":    s.attempts,
		"MinLength":   s.minLength,
		"LockMinutes": int(s.autoLock / time.Minute),
	}
	text := func(id string) string { return d.set.Text(language, id, values) }
	w := &words{
		name:        text("profile.mail.name"),
		description: text("profile.mail.description"),
		mailPayload: text("payload.mail.name"),
		codePayload: text("payload.passcode.name"),
	}
	if o.Variant != settings.Secure {
		return w
	}
	w.description = text(o.keep("profile.secure.description"))
	if o.isDevicePolicy() {
		w.name, w.description = text("profile.device.name"), text("profile.device.description")
	}
	w.consent = d.set.Texts(o.keep("consent."+string(s.platform)), values)
	w.consent["default"] = w.consent["en"]
	return w
}

// keep is the id of the text, or of its sister for a policy that never erases.
func (o Order) keep(id string) string {
	if o.Policy.MaxFailedAttempts == 0 {
		return id + ".keep"
	}
	return id
}
