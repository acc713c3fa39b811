package gate_test

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/groob/plist"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// The identity of the tests' address, computed once with another program.
const (
	address    = "Anna.Schmidt@post.example.de"
	base       = "de.example.post.mobileconfig.x6ycfhkicxcgmzmjlx4m6thplk"
	baseID     = "8cda1cf2-67eb-5b96-9c58-356195d50196"
	mailID     = "d1d522d3-b2a0-515a-8d11-ab1e05623346"
	calendarID = "3ff1549b-ab0c-5f64-b713-fc036ad64757"
	contactsID = "40621ff7-efab-5a1e-aa48-e97b1cac4821"
	passcodeID = "2fcfc3a2-6381-54c2-9e94-8d695273c2ad"
	deviceID   = "15e87aa7-6082-5b0b-bacc-a3634bc30b6e"
	devicePass = "289111df-512a-51af-ac05-5141743bc6f6"
)

// terms returns the terms of tests without special ones. They match
// iphone(mail()).
func terms() gate.Terms { return entitled(iphone(mail())) }

// The hosts that the tests allow for mail, and for calendars and contacts.
var (
	mailHosts = []string{"imap.example.de", "smtp.example.de"}
	davHosts  = []string{"cal.example.de", "card.example.de"}
)

// servers returns all hosts for all the uses, on the port.
func servers(hosts []string, port int, uses ...gate.Use) (all []gate.Server) {
	for _, host := range hosts {
		for _, use := range uses {
			all = append(all, gate.Server{Use: use, Host: host, Port: port})
		}
	}
	return all
}

// entitled returns the terms for the texts, names, ports and times of a
// profile, so that only the subject of a test can be wrong. Address, hosts,
// policy and mark are always the same.
func entitled(profile dict) gate.Terms {
	t := gate.Terms{Address: address, Policy: true, Login: "anna"}
	t.Servers = slices.Concat(servers(mailHosts, 993, gate.IMAP, gate.SMTP), servers(mailHosts, 465, gate.IMAP, gate.SMTP),
		servers(davHosts, 443, gate.CalDAV, gate.CardDAV), servers(davHosts, 8443, gate.CalDAV, gate.CardDAV))
	texts := gate.DisplayTexts{Consent: map[string]string{}, Payloads: map[string]gate.Titles{}}
	read := func(d dict, key string, into *string) {
		if s, ok := d[key].(string); ok {
			*into = s
		}
	}
	read(profile, "PayloadOrganization", &t.Organization)
	read(profile, "PayloadDisplayName", &texts.Name)
	read(profile, "PayloadDescription", &texts.Description)
	if seconds, ok := profile["DurationUntilRemoval"].(float64); ok && math.Abs(seconds) < 1e9 {
		t.RemoveAfter = time.Duration(seconds * float64(time.Second))
	}
	t.RemoveOn, _ = profile["RemovalDate"].(time.Time)
	consent, _ := profile["ConsentText"].(dict)
	for language, text := range consent {
		texts.Consent[language], _ = text.(string)
	}
	payloads, _ := profile["PayloadContent"].([]any)
	for _, payload := range payloads {
		d, _ := payload.(dict)
		var kind string
		var titles gate.Titles
		read(d, "PayloadType", &kind)
		read(d, "PayloadDisplayName", &titles.Name)
		read(d, "PayloadDescription", &titles.Description)
		for _, key := range []string{"EmailAccountDescription", "CalDAVAccountDescription", "CardDAVAccountDescription"} {
			read(d, key, &titles.Account)
		}
		texts.Payloads[kind] = titles
		read(d, "EmailAccountName", &t.PersonName)
		for key, use := range map[string]gate.Use{"IncomingMailServerPortNumber": gate.IMAP, "OutgoingMailServerPortNumber": gate.SMTP} {
			if port, ok := number(d[key]); ok {
				t.Servers = append(t.Servers, servers(mailHosts, port, use)...)
			}
		}
		for key, use := range map[string]gate.Use{"CalDAVPort": gate.CalDAV, "CardDAVPort": gate.CardDAV} {
			if port, ok := number(d[key]); ok {
				t.Servers = append(t.Servers, servers(davHosts, port, use)...)
			}
		}
	}
	// Invalid texts are omitted one by one.
	for _, without := range []func(){
		func() {}, func() { texts.Description = "" }, func() { texts.Consent = nil }, func() { texts.Name = "Mail" },
		func() {
			for kind, titles := range texts.Payloads {
				texts.Payloads[kind] = gate.Titles{Name: titles.Name, Account: titles.Account}
			}
		},
		func() { texts.Payloads = nil },
	} {
		without()
		var err error
		if t.Texts, err = gate.NewTexts(texts); err == nil {
			break
		}
	}
	return t
}

// number converts an integer of the tests or of a decoder.
func number(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case uint64:
		return int(n), true
	}
	return 0, false
}

// A dict is the input of the tests' encoder.
type dict = map[string]any

// with returns a copy of d with the keys of more.
func with(d, more dict) dict {
	d = maps.Clone(d)
	maps.Copy(d, more)
	return d
}

func without(d dict, key string) dict {
	d = maps.Clone(d)
	delete(d, key)
	return d
}

func mail() dict {
	return dict{
		"EmailAccountDescription": "Example Mail", "EmailAccountType": "EmailTypeIMAP", "EmailAddress": address,
		"IncomingMailServerAuthentication": "EmailAuthPassword", "IncomingMailServerHostName": "imap.example.de",
		"IncomingMailServerPortNumber": 993, "IncomingMailServerUseSSL": true, "IncomingMailServerUsername": "anna",
		"OutgoingMailServerAuthentication": "EmailAuthPassword", "OutgoingMailServerHostName": "smtp.example.de",
		"OutgoingMailServerPortNumber": 465, "OutgoingMailServerUseSSL": true, "OutgoingMailServerUsername": "anna",
		"OutgoingPasswordSameAsIncomingPassword": true,
		"PayloadDisplayName":                     "Mail", "PayloadIdentifier": base + ".mail", "PayloadUUID": mailID,
		"PayloadType": "com.apple.mail.managed", "PayloadVersion": 1,
	}
}

func calendars() dict {
	return dict{
		"CalDAVAccountDescription": address, "CalDAVHostName": "cal.example.de", "CalDAVPort": 443, "CalDAVUseSSL": true,
		"CalDAVUsername": "anna", "PayloadDisplayName": "Calendars", "PayloadIdentifier": base + ".caldav",
		"PayloadUUID": calendarID, "PayloadType": "com.apple.caldav.account", "PayloadVersion": 1,
	}
}

func contacts() dict {
	return dict{
		"CardDAVAccountDescription": address, "CardDAVHostName": "card.example.de", "CardDAVPort": 8443, "CardDAVUseSSL": true,
		"CardDAVUsername": "anna", "PayloadDisplayName": "Contacts", "PayloadIdentifier": base + ".carddav",
		"PayloadUUID": contactsID, "PayloadType": "com.apple.carddav.account", "PayloadVersion": 1,
	}
}

func policy() dict {
	return dict{
		"PayloadDisplayName": "Passcode", "PayloadIdentifier": base + ".passcode", "PayloadUUID": passcodeID,
		"PayloadType": "com.apple.mobiledevice.passwordpolicy", "PayloadVersion": 1,
		"allowSimple": false, "forcePIN": true, "maxGracePeriod": 0, "maxInactivity": 5, "minLength": 6,
	}
}

// macPolicy returns a policy for a separate file.
func macPolicy() dict {
	return with(policy(), dict{"PayloadIdentifier": base + ".device.passcode", "PayloadUUID": devicePass})
}

// strict has every optional key of a policy except the one for a Mac.
func strict(d dict) dict {
	return with(d, dict{
		"PayloadDescription": "Six digits\nand more.", "maxFailedAttempts": 10, "maxPINAgeInDays": 365,
		"minComplexChars": 1, "pinHistory": 5, "requireAlphanumeric": true,
	})
}

func consent() dict {
	return dict{"ConsentText": dict{"default": "The phone asks for a code.\nYou can remove it.", "de": "Das Gerät fragt.", "zh-Hans-CN": "设备"}}
}

func iphone(payloads ...any) dict {
	return dict{
		"PayloadContent": payloads, "PayloadDisplayName": "Mail for Anna", "PayloadIdentifier": base,
		"PayloadType": "Configuration", "PayloadUUID": baseID, "PayloadVersion": 1, "TargetDeviceType": 1,
	}
}

func macMail(payloads ...any) dict {
	return with(iphone(payloads...), dict{"PayloadScope": "User", "TargetDeviceType": 5})
}

func macDevice(payloads ...any) dict {
	return with(with(iphone(payloads...), consent()), dict{
		"PayloadIdentifier": base + ".device", "PayloadUUID": deviceID, "PayloadScope": "System", "TargetDeviceType": 5,
	})
}

// secure returns an iPhone's file with a policy.
func secure(payloads ...any) dict { return with(iphone(payloads...), consent()) }

// profiles has a good profile of every form.
func profiles() map[string]dict {
	names := dict{
		"EmailAccountDescription": `<b>"A" & 'B'</b> &amp; ]]>`, "EmailAccountName": "Анна Шмидт-O'Neil, Dr. (山田 & ليلى)",
		"PayloadDisplayName": "电子邮件 メール", "PayloadDescription": "بريد\nדואר\nÄÖÜ äöüß e\u0301",
	}
	return map[string]dict{
		"iphone-mail":   iphone(mail()),
		"iphone-secure": secure(mail(), policy()),
		"iphone-names":  with(iphone(with(mail(), names)), dict{"PayloadOrganization": "Müller & Söhne", "PayloadDisplayName": "דואר"}),
		"iphone-full": with(secure(with(mail(), names), strict(policy())), dict{
			"DurationUntilRemoval": float64(30 * 24 * 60 * 60), "RemovalDate": time.Date(2032, 2, 29, 3, 4, 5, 0, time.UTC),
			"PayloadOrganization": "Example", "PayloadDescription": "One\nTwo",
		}),
		"mac-mail":   with(macMail(mail()), dict{"DurationUntilRemoval": float64(86400)}),
		"mac-device": macDevice(macPolicy()),
		"iphone-dav": secure(mail(), calendars(), contacts(), policy()),
		"mac-dav":    macMail(mail(), with(calendars(), dict{"PayloadDescription": "One\nTwo"}), contacts()),
		"calendars":  iphone(mail(), calendars()),
		"contacts":   iphone(mail(), contacts()),
		"mac-strict": macDevice(with(strict(macPolicy()), dict{"minutesUntilFailedLoginReset": 15})),
	}
}

// encode writes a profile like the product.
func encode(t testing.TB, d dict) []byte {
	t.Helper()
	data, err := plist.MarshalIndent(d, "\t")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// languages returns a consent text in n languages and the default one.
func languages(n int) dict {
	texts := dict{"default": "Text"}
	for i := range n {
		texts["en-"+strings.Repeat("x", 2+i%6)+string(rune('a'+i/6))] = "Text"
	}
	return dict{"ConsentText": texts}
}
