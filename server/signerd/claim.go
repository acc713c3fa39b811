package signerd

import (
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing/gate"
)

// A claim is a request of the web process: a profile, and a description of it.
// The signer trusts none of it. It creates the terms of such a profile itself
// and has the gate check the profile against them.
type claim struct {
	language     string
	address      string
	person       string // the name in new messages; may be empty
	login        string
	organization string

	incoming, outgoing  endpoint
	calendars, contacts endpoint // zero: there is none

	mac      bool
	policy   bool
	declared bool
	test     bool
	// The policy's settings; zero without one.
	minLength, lockMinutes, attempts byte

	profile []byte
}

// An endpoint is a server.
type endpoint struct {
	host string
	port uint16
}

// The flags of a claim, in one byte, in the order of flags.
const (
	flagMac = 1 << iota
	flagPolicy
	flagDeclared
	flagTest
	flagCalendars
	flagContacts
	unknownFlags = 0xff &^ (flagContacts<<1 - 1)
)

// maxText is the length in bytes of the longest text beside the profile.
const maxText = 1024

var (
	errClaim     = errors.New("signerd: the request can't be read")
	errUnclaimed = errors.New("signerd: a separate signer process doesn't sign such profiles")
)

// claimOf returns the claim of a profile that the gate has cleared here,
// without the profile.
func claimOf(cleared gate.Cleared) (claim, error) {
	t, found := cleared.Terms(), cleared.Contents()
	if t.Texts == nil || !t.RemoveOn.IsZero() || t.RemoveAfter != 0 {
		return claim{}, errUnclaimed
	}
	c := claim{
		language: t.Texts.Language(), address: t.Address, person: t.PersonName, login: t.Login, organization: t.Organization,
		mac: found.Mac, policy: found.Policy, declared: t.Declared, test: t.Test,
		minLength: byte(found.MinLength), lockMinutes: byte(found.LockMinutes), attempts: byte(found.Attempts),
	}
	for _, s := range t.Servers {
		at := c.endpoint(s.Use)
		if at == nil || *at != (endpoint{}) {
			return claim{}, errUnclaimed
		}
		*at = endpoint{s.Host, uint16(s.Port)}
	}
	return c, nil
}

// endpoint returns the address of the server for the use, or nil if there is
// none.
func (c *claim) endpoint(use gate.Use) *endpoint {
	switch use {
	case gate.IMAP:
		return &c.incoming
	case gate.SMTP:
		return &c.outgoing
	case gate.CalDAV:
		return &c.calendars
	case gate.CardDAV:
		return &c.contacts
	}
	return nil
}

// flags returns the flags of the claim.
func (c *claim) flags() (all byte) {
	for i, set := range [...]bool{c.mac, c.policy, c.declared, c.test, c.calendars != endpoint{}, c.contacts != endpoint{}} {
		if set {
			all |= 1 << i
		}
	}
	return all
}

// appendTo encodes the claim up to the profile, which comes last.
func (c *claim) appendTo(out []byte) ([]byte, error) {
	out = append(out, c.flags(), c.minLength, c.lockMinutes, c.attempts)
	for _, text := range [...]string{c.language, c.address, c.person, c.login, c.organization} {
		if len(text) > maxText {
			return nil, errUnclaimed
		}
		out = binary.BigEndian.AppendUint16(out, uint16(len(text)))
		out = append(out, text...)
	}
	for i, e := range [...]endpoint{c.incoming, c.outgoing, c.calendars, c.contacts} {
		if len(e.host) > 0xff {
			return nil, errUnclaimed
		}
		if i < 2 || e != (endpoint{}) {
			out = append(out, byte(len(e.host)))
			out = append(out, e.host...)
			out = binary.BigEndian.AppendUint16(out, e.port)
		}
	}
	return out, nil
}

// readClaim decodes a claim. Each claim has exactly one encoding.
func readClaim(body []byte) (c claim, err error) {
	in := cryptobyte.String(body)
	var flags byte
	ok := in.ReadUint8(&flags) && flags&unknownFlags == 0 && in.ReadUint8(&c.minLength) && in.ReadUint8(&c.lockMinutes) && in.ReadUint8(&c.attempts)
	c.mac, c.policy, c.declared, c.test = flags&flagMac != 0, flags&flagPolicy != 0, flags&flagDeclared != 0, flags&flagTest != 0
	for _, text := range [...]*string{&c.language, &c.address, &c.person, &c.login, &c.organization} {
		var s cryptobyte.String
		ok = ok && in.ReadUint16LengthPrefixed(&s) && len(s) <= maxText
		*text = string(s)
	}
	for _, e := range [...]struct {
		at    *endpoint
		there bool
	}{{&c.incoming, true}, {&c.outgoing, true}, {&c.calendars, flags&flagCalendars != 0}, {&c.contacts, flags&flagContacts != 0}} {
		if e.there {
			var s cryptobyte.String
			ok = ok && in.ReadUint8LengthPrefixed(&s) && in.ReadUint16(&e.at.port) && (len(s) > 0 || e.at.port > 0)
			e.at.host = string(s)
		}
	}
	if c.profile = in; !ok || len(in) == 0 || len(in) > gate.MaxSize {
		return claim{}, errClaim
	}
	return c, nil
}

// order returns the order of the claimed profile, as far as its texts and
// terms depend on it.
func (c *claim) order() (issue.Order, error) {
	address, err := profile.ParseAddress(c.address)
	if err != nil || address.String() != c.address {
		return issue.Order{}, errClaim
	}
	o := issue.Order{
		Organization: c.organization,
		Person:       issue.Person{Address: address, Name: c.person, Login: c.login, Locale: c.language},
		Platform:     profile.IPhone, Variant: settings.Mail, Declared: c.declared, Test: c.test,
	}
	if c.mac {
		o.Platform = profile.Mac
	}
	if c.policy {
		o.Variant = settings.Secure
		o.Policy = profile.Passcode{MinLength: int(c.minLength), MaxFailedAttempts: int(c.attempts), AutoLock: time.Duration(c.lockMinutes) * time.Minute}
	}
	o.Service.Incoming, o.Service.Outgoing = c.incoming.server(), c.outgoing.server()
	o.Service.Calendars.Host, o.Service.Calendars.Port = c.calendars.host, int(c.calendars.port)
	o.Service.Contacts.Host, o.Service.Contacts.Port = c.contacts.host, int(c.contacts.port)
	return o, nil
}

func (e endpoint) server() profile.Server { return profile.Server{Host: e.host, Port: int(e.port)} }

// contents returns what the gate finds in the claimed profile if the claim is
// true.
func (c *claim) contents() gate.Contents {
	accounts := !c.mac || !c.policy
	return gate.Contents{
		Mac: c.mac, Mail: accounts, Policy: c.policy,
		Calendars: accounts && c.calendars != endpoint{}, Contacts: accounts && c.contacts != endpoint{},
		MinLength: int(c.minLength), LockMinutes: int(c.lockMinutes), Attempts: int(c.attempts),
	}
}

// hosts returns the servers of the claim.
func (c *claim) hosts() []string {
	all := []string{c.incoming.host, c.outgoing.host}
	for _, e := range []endpoint{c.calendars, c.contacts} {
		if e != (endpoint{}) {
			all = append(all, e.host)
		}
	}
	return all
}
