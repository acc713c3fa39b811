package issue

import (
	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
)

// profile puts the order and the words of the person's language together.
func (i *Issuer) profile(o Order) *profile.Profile {
	w := i.words.of(o)
	p := &profile.Profile{
		Address:     o.Person.Address,
		Platform:    o.Platform,
		DisplayName: w.name,
		Description: w.description,
	}
	if !o.isDevicePolicy() {
		p.Mail = o.mail(w)
	}
	if o.Variant == settings.Secure {
		policy := o.Policy
		policy.DisplayName = w.codePayload
		p.Passcode, p.Consent = &policy, w.consent
	}
	return p
}

// isDevicePolicy reports whether o is for the profile of its own in which a
// Mac takes a policy.
func (o Order) isDevicePolicy() bool {
	return o.Platform == profile.Mac && o.Variant == settings.Secure
}

func (o Order) mail(w *words) *profile.Mail {
	address := o.Person.Address.String()
	login := o.Person.Login
	if login == "" {
		login = address
	}
	return &profile.Mail{
		DisplayName: w.mailPayload,
		// Two accounts of one name exclude each other on a device.
		AccountName:   address,
		PersonName:    o.Person.Name,
		Incoming:      o.Service.Incoming,
		Outgoing:      o.Service.Outgoing,
		IncomingLogin: login,
		OutgoingLogin: login,
	}
}
