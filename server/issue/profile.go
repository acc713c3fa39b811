package issue

import (
	"cmp"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/profile/idn"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing/gate"
	"github.com/updatecase/mobileconfig/templates"
)

// How many kinds are cached, and for how many locales their language.
const (
	maxKinds   = 4096
	maxLocales = 256
)

// A kind is an order without the person: everything that many profiles share.
type kind struct {
	language     string
	domain       string
	organization string
	service      settings.MailService
	platform     profile.Platform
	variant      settings.Variant
	policy       profile.Passcode
	declared     bool
	test         bool
}

// made is created once for a kind: filling in its texts and encoding them costs
// more than a signature.
type made struct {
	template *profile.Template
	texts    *gate.Texts
}

// made returns the cached value for the kind. There are as many kinds as
// configured domains, in their languages. Since settings change, the cache is
// cleared when it gets too large.
func (i *Issuer) made(k kind) (*made, error) {
	i.mu.RLock()
	m := i.kept[k]
	i.mu.RUnlock()
	if m != nil {
		return m, nil
	}
	d := k.draft(i.words(k))
	template, err := profile.NewTemplate(&d.profile)
	if err != nil {
		return nil, err
	}
	texts, err := gate.NewTexts(d.texts(k.language))
	if err != nil {
		return nil, err
	}
	m = &made{template, texts}
	keep(i, i.kept, maxKinds, k, m)
	return m, nil
}

// wording returns the texts of the kind.
func (i *Issuer) wording(k kind) (*gate.Texts, error) {
	i.mu.RLock()
	texts := i.wordings[k]
	i.mu.RUnlock()
	if texts != nil {
		return texts, nil
	}
	texts, err := gate.NewTexts(k.draft(i.words(k)).texts(k.language))
	if err != nil {
		return nil, err
	}
	keep(i, i.wordings, maxKinds, k, texts)
	return texts, nil
}

// keep caches a value, and clears the cache when it gets too large.
func keep[K comparable, V any](i *Issuer, kept map[K]V, limit int, key K, value V) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if len(kept) >= limit {
		clear(kept)
	}
	kept[key] = value
}

// language returns the best supported language for a locale.
func (i *Issuer) language(locale string) string {
	i.mu.RLock()
	tag := i.languages[locale]
	i.mu.RUnlock()
	if tag == "" {
		tag = i.texts.Match(locale).Tag
		keep(i, i.languages, maxLocales, locale, tag)
	}
	return tag
}

// terms returns what an order of the kind permits to be signed for a person.
func (k kind) terms(who Person, texts *gate.Texts) gate.Terms {
	servers := make([]gate.Server, 2, 4)
	servers[0] = gate.Server{Use: gate.IMAP, Host: k.service.Incoming.Host, Port: k.service.Incoming.Port}
	servers[1] = gate.Server{Use: gate.SMTP, Host: k.service.Outgoing.Host, Port: k.service.Outgoing.Port}
	if s := k.service.Calendars; !s.IsZero() {
		servers = append(servers, gate.Server{Use: gate.CalDAV, Host: s.Host, Port: s.Port})
	}
	if s := k.service.Contacts; !s.IsZero() {
		servers = append(servers, gate.Server{Use: gate.CardDAV, Host: s.Host, Port: s.Port})
	}
	return gate.Terms{
		Address:      who.Address.String(),
		PersonName:   profile.PlainName(who.Name),
		Login:        who.login(),
		Organization: k.organization,
		Servers:      servers,
		Policy:       k.variant == settings.Secure,
		Declared:     k.declared,
		Test:         k.test,
		Texts:        texts,
	}
}

// Consent returns what a person reads before the passcode policy of the order is
// installed, in the person's language.
func (i *Issuer) Consent(o Order) string {
	k := i.kind(o)
	return i.words(k).text(k.keep("consent." + string(k.platform)))
}

// kind returns the order without the person.
func (i *Issuer) kind(o Order) kind {
	return kind{
		language:     i.language(o.Person.Locale),
		domain:       o.Person.Address.Domain(),
		organization: cmp.Or(o.Organization, idn.Show(o.Person.Address.Domain())),
		service:      o.Service,
		platform:     o.Platform,
		variant:      o.Variant,
		policy:       o.Policy,
		declared:     o.Declared,
		test:         o.Test,
	}
}

// words returns the texts of the kind's language.
func (i *Issuer) words(k kind) words { return words{i.texts, i.texts.Match(k.language), k.values()} }

// isDevicePolicy reports whether k is the separate profile with the policy of a
// Mac.
func (k kind) isDevicePolicy() bool {
	return k.platform == profile.Mac && k.variant == settings.Secure
}

// A draft is a profile without a person, and the titles of its payloads.
type draft struct {
	profile profile.Profile
	titles  map[string]gate.Titles
}

// add adds a payload with the title.
func (d *draft) add(payload profile.Payload, title string) {
	d.profile.Payloads = append(d.profile.Payloads, payload)
	d.titles[payload.Type()] = gate.Titles{Name: title}
}

// texts returns what a device will show of the profile, besides the person's
// name and address.
func (d *draft) texts(language string) gate.DisplayTexts {
	mark := ""
	if d.profile.Test {
		mark = profile.TestMark
	}
	texts := gate.DisplayTexts{
		Language: language, Name: mark + d.profile.DisplayName, Description: mark + d.profile.Description,
		Consent: make(map[string]string, len(d.profile.Consent)), Payloads: d.titles,
	}
	for language, text := range d.profile.Consent {
		texts.Consent[language] = mark + text
	}
	return texts
}

// draft combines the kind and the texts of its language.
func (k kind) draft(w words) *draft {
	d := &draft{titles: map[string]gate.Titles{}}
	p := &d.profile
	p.Platform, p.Organization, p.Test = k.platform, k.organization, k.test
	p.DisplayName, p.Description = w.text("profile.mail.name"), w.text("profile.mail.description")
	if k.variant == settings.Secure {
		p.Description = w.text(k.keep("profile.secure.description"))
		p.Consent = w.texts(k.keep("consent." + string(k.platform)))
	}
	if k.isDevicePolicy() {
		p.DisplayName, p.Description = w.text("profile.device.name"), w.text("profile.device.description")
	} else {
		k.addAccounts(d, w)
	}
	if k.variant == settings.Secure {
		policy := k.policy
		policy.DisplayName = w.text("payload.passcode.name")
		if k.declared {
			d.add(&profile.DeclaredPasscode{Passcode: policy}, policy.DisplayName)
		} else {
			d.add(&policy, policy.DisplayName)
		}
	}
	if k.test {
		p.Description = w.text("profile.test.description") + "\n" + p.Description
	}
	return d
}

// addAccounts adds mail, and calendars and contacts if they are chosen. The
// description says so.
func (k kind) addAccounts(d *draft, w words) {
	title := w.text("payload.mail.name")
	d.add(&profile.Mail{DisplayName: title, Incoming: k.service.Incoming, Outgoing: k.service.Outgoing}, title)
	if s := k.service.Calendars; !s.IsZero() {
		title := w.text("payload.calendars.name")
		d.add(&profile.CalDAV{DAV: profile.DAV{DisplayName: title, Server: s}}, title)
		d.profile.Description += "\n" + w.text("profile.calendars")
	}
	if s := k.service.Contacts; !s.IsZero() {
		title := w.text("payload.contacts.name")
		d.add(&profile.CardDAV{DAV: profile.DAV{DisplayName: title, Server: s}}, title)
		d.profile.Description += "\n" + w.text("profile.contacts")
	}
}

// keep returns the ID of the text, or of its variant for a policy that never
// erases.
func (k kind) keep(id string) string {
	if k.policy.MaxFailedAttempts == 0 {
		return id + ".keep"
	}
	return id
}

// values returns the values that the texts of a profile may use.
func (k kind) values() map[string]any {
	return map[string]any{
		"Domain":      idn.Show(k.domain),
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

// texts returns the text in every language, in English if there is no
// translation.
func (w words) texts(id string) map[string]string {
	all := w.set.Texts(id, w.values)
	all["default"] = all["en"]
	return all
}
