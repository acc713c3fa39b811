package issue

import (
	"cmp"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/templates"
)

// maxTemplates is how many templates are kept.
const maxTemplates = 4096

// A kind is an order without the person: all that many profiles share.
type kind struct {
	language     string
	domain       string
	organization string
	service      settings.MailService
	platform     profile.Platform
	variant      settings.Variant
	policy       profile.Passcode
	test         bool
}

// template returns the template of the order's kind. Each is made once: to
// fill in its texts and encode it costs more than a signature. There are as
// many as domains are configured, in their languages; since settings change,
// all are forgotten when they have become too many.
func (i *Issuer) template(o Order) (*profile.Template, error) {
	k := i.kind(o)
	if t, ok := i.templates.Load(k); ok {
		return t.(*profile.Template), nil
	}
	t, err := profile.NewTemplate(k.profile(i.words(k)))
	if err != nil {
		return nil, err
	}
	if i.kept.Add(1) > maxTemplates {
		i.kept.Store(1)
		i.templates.Clear()
	}
	i.templates.Store(k, t)
	return t, nil
}

// Consent returns what a person reads before the device policy of the order
// installs, in the person's language.
func (i *Issuer) Consent(o Order) string {
	k := i.kind(o)
	return i.words(k).text(k.keep("consent." + string(k.platform)))
}

// kind is the order without the person.
func (i *Issuer) kind(o Order) kind {
	return kind{
		language:     i.texts.Match(o.Person.Locale).Tag,
		domain:       o.Person.Address.Domain(),
		organization: cmp.Or(o.Organization, o.Person.Address.Domain()),
		service:      o.Service,
		platform:     o.Platform,
		variant:      o.Variant,
		policy:       o.Policy,
		test:         o.Test,
	}
}

// words are the texts of the kind's language.
func (i *Issuer) words(k kind) words { return words{i.texts, i.texts.Match(k.language), k.values()} }

// isDevicePolicy reports whether k is the profile of its own in which a Mac
// takes a policy.
func (k kind) isDevicePolicy() bool {
	return k.platform == profile.Mac && k.variant == settings.Secure
}

// profile puts the kind and the words of its language together.
func (k kind) profile(w words) *profile.Profile {
	p := &profile.Profile{
		Platform:     k.platform,
		Organization: k.organization,
		DisplayName:  w.text("profile.mail.name"),
		Description:  w.text("profile.mail.description"),
		Test:         k.test,
	}
	if k.variant == settings.Secure {
		p.Description = w.text(k.keep("profile.secure.description"))
		p.Consent = w.texts(k.keep("consent." + string(k.platform)))
	}
	if k.isDevicePolicy() {
		p.DisplayName, p.Description = w.text("profile.device.name"), w.text("profile.device.description")
	} else {
		k.addAccounts(p, w)
	}
	if k.variant == settings.Secure {
		policy := k.policy
		policy.DisplayName = w.text("payload.passcode.name")
		p.Payloads = append(p.Payloads, &policy)
	}
	if k.test {
		p.Description = w.text("profile.test.description") + "\n" + p.Description
	}
	return p
}

// addAccounts adds mail, and calendars and contacts as far as they are
// chosen. The description says so.
func (k kind) addAccounts(p *profile.Profile, w words) {
	p.Payloads = append(p.Payloads, &profile.Mail{
		DisplayName: w.text("payload.mail.name"),
		Incoming:    k.service.Incoming,
		Outgoing:    k.service.Outgoing,
	})
	if s := k.service.Calendars; !s.IsZero() {
		p.Payloads = append(p.Payloads, &profile.CalDAV{DAV: profile.DAV{DisplayName: w.text("payload.calendars.name"), Server: s}})
		p.Description += "\n" + w.text("profile.calendars")
	}
	if s := k.service.Contacts; !s.IsZero() {
		p.Payloads = append(p.Payloads, &profile.CardDAV{DAV: profile.DAV{DisplayName: w.text("payload.contacts.name"), Server: s}})
		p.Description += "\n" + w.text("profile.contacts")
	}
}

// keep is the id of the text, or of its sister for a policy that never erases.
func (k kind) keep(id string) string {
	if k.policy.MaxFailedAttempts == 0 {
		return id + ".keep"
	}
	return id
}

// values are what the words of a profile may name.
func (k kind) values() map[string]any {
	return map[string]any{
		"Domain":      k.domain,
		"Attempts":    k.policy.MaxFailedAttempts,
		"MinLength":   k.policy.MinLength,
		"LockMinutes": int(k.policy.AutoLock / time.Minute),
		"Calendars":   !k.service.Calendars.IsZero(),
		"Contacts":    !k.service.Contacts.IsZero(),
	}
}

// words are the texts of one language with their values.
type words struct {
	set      *templates.Set
	language templates.Language
	values   map[string]any
}

func (w words) text(id string) string { return w.set.Text(w.language, id, w.values) }

// texts is the text in every language, English for those that it lacks.
func (w words) texts(id string) map[string]string {
	all := w.set.Texts(id, w.values)
	all["default"] = all["en"]
	return all
}
