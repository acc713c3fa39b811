package gate_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/updatecase/mobileconfig/signing/gate"
)

var update = flag.Bool("update", false, "rewrite testdata/bad")

// A bad profile is a good one with one replacement of old by new.
type bad struct {
	name     string
	good     string // of profiles
	old, new string
	code     gate.Code
	narrow   bool // the caller isn't allowed a policy
}

// entry returns a key and its value, indented by n tabs.
func entry(n int, key, value string) string {
	tabs := strings.Repeat("\t", n)
	if value == "<true/>" || value == "<false/>" {
		return tabs + "<key>" + key + "</key>" + value + "\n"
	}
	return tabs + "<key>" + key + "</key>\n" + tabs + value + "\n"
}

// payload returns a payload of another type, with the identity of a second one.
func payload(kind string, entries ...string) string {
	return "\t\t\t<dict>\n" + strings.Join(entries, "") +
		entry(4, "PayloadDisplayName", "<string>Other</string>") +
		entry(4, "PayloadIdentifier", "<string>"+base+".other</string>") +
		entry(4, "PayloadType", "<string>"+kind+"</string>") +
		entry(4, "PayloadUUID", "<string>0a1b2c3d-0000-5000-8000-000000000000</string>") +
		entry(4, "PayloadVersion", "<integer>1</integer>") + "\t\t\t</dict>\n\t\t</array>\n"
}

const (
	declaration = `<?xml version="1.0" encoding="UTF-8"?>`
	dtd         = `"http://www.apple.com/DTDs/PropertyList-1.0.dtd"`
	lastPayload = "\t\t</array>\n"
	inMail      = "\t\t\t\t<key>IncomingMailServerAuthentication</key>\n"
	outMail     = "\t\t\t\t<key>OutgoingPasswordSameAsIncomingPassword</key>"
	name        = "<string>Example Mail</string>"
	incoming    = "<key>IncomingMailServerHostName</key>\n\t\t\t\t<string>imap.example.de</string>"
	port        = "<key>IncomingMailServerPortNumber</key>\n\t\t\t\t<integer>993</integer>"
	sentPort    = "<key>OutgoingMailServerPortNumber</key>\n\t\t\t\t<integer>465</integer>"
	inSSL       = "\t\t\t\t<key>IncomingMailServerUseSSL</key><true/>\n"
	outSSL      = "\t\t\t\t<key>OutgoingMailServerUseSSL</key><true/>\n"
	calPort     = "\t\t\t\t<key>CalDAVPort</key>\n\t\t\t\t<integer>443</integer>\n"
	cardPort    = "\t\t\t\t<key>CardDAVPort</key>\n\t\t\t\t<integer>8443</integer>\n"
	calSSL      = "\t\t\t\t<key>CalDAVUseSSL</key><true/>\n"
	cardSSL     = "\t\t\t\t<key>CardDAVUseSSL</key><true/>\n"
	// The end of the last payload.
	lastPayloadEnd = "\t\t\t</dict>\n\t\t</array>\n"
	wipe           = "<key>maxFailedAttempts</key>\n\t\t\t\t<integer>10</integer>"
)

func host(name string) string { return strings.Replace(incoming, "imap.example.de", name, 1) }

// bads are the files in testdata/bad, numbered in this order.
var bads = []bad{
	{"root-certificate", "iphone-mail", lastPayload, payload("com.apple.security.root", entry(4, "PayloadContent", "<data>MIIB</data>")), gate.PayloadType, false},
	{"wifi", "iphone-mail", lastPayload, payload("com.apple.wifi.managed", entry(4, "Password", "<string>canary</string>")), gate.PayloadType, false},
	{"vpn", "iphone-mail", lastPayload, payload("com.apple.vpn.managed", entry(4, "IPv4", "<dict>\n\t\t\t\t\t<key>OverridePrimary</key><true/>\n\t\t\t\t</dict>")), gate.PayloadType, false},
	{"web-clip", "iphone-mail", lastPayload, payload("com.apple.webClip.managed"), gate.PayloadType, false},
	{"mdm", "iphone-mail", lastPayload, payload("com.apple.mdm"), gate.PayloadType, false},
	{"removal-password", "iphone-mail", lastPayload, payload("com.apple.profileRemovalPassword"), gate.PayloadType, false},
	{"restrictions", "iphone-mail", lastPayload, payload("com.apple.applicationaccess"), gate.PayloadType, false},
	{"scep", "iphone-mail", lastPayload, payload("com.apple.security.scep"), gate.PayloadType, false},
	{"type-in-capitals", "iphone-mail", "com.apple.mail.managed", "com.apple.Mail.managed", gate.PayloadType, false},
	{"file-type", "iphone-mail", "<string>Configuration</string>", "<string>Profile Service</string>", gate.PayloadType, false},
	{"no-payload-type", "iphone-mail", entry(4, "PayloadType", "<string>com.apple.mail.managed</string>"), "", gate.MissingKey, false},
	{"unknown-key-top", "iphone-mail", "\t\t<key>PayloadContent</key>\n", entry(2, "EncryptedPayloadContent", "<string>x</string>") + "\t\t<key>PayloadContent</key>\n", gate.UnknownKey, false},
	{"unknown-key-payload", "iphone-mail", outMail, entry(4, "OutgoingMailServerWhatever", "<string>x</string>") + outMail, gate.UnknownKey, false},
	{"empty-key", "iphone-mail", "\t\t<key>PayloadContent</key>\n", entry(2, "", "<string>x</string>") + "\t\t<key>PayloadContent</key>\n", gate.UnknownKey, false},
	{"removal-disallowed", "iphone-mail", "\t\t<key>PayloadType</key>\n", entry(2, "PayloadRemovalDisallowed", "<true/>") + "\t\t<key>PayloadType</key>\n", gate.UnknownKey, false},
	{"custom-regex", "iphone-secure", "\t\t\t\t<key>forcePIN</key>", entry(4, "customRegex", "<dict>\n\t\t\t\t</dict>") + "\t\t\t\t<key>forcePIN</key>", gate.UnknownKey, false},
	{"change-at-next-auth", "iphone-secure", "\t\t\t\t<key>forcePIN</key>", entry(4, "changeAtNextAuth", "<true/>") + "\t\t\t\t<key>forcePIN</key>", gate.UnknownKey, false},
	{"organization-in-payload", "iphone-mail", "\t\t\t\t<key>PayloadType</key>\n", entry(4, "PayloadOrganization", "<string>x</string>") + "\t\t\t\t<key>PayloadType</key>\n", gate.UnknownKey, false},
	{"key-in-capitals", "iphone-mail", "IncomingMailServerUseSSL", "IncomingMailServerUseSsl", gate.UnknownKey, false},
	{"duplicate-key", "iphone-mail", inSSL, inSSL + entry(4, "IncomingMailServerUseSSL", "<false/>"), gate.DuplicateKey, false},
	{"duplicate-key-apart", "iphone-mail", outMail, inSSL + outMail, gate.DuplicateKey, false},
	{"duplicate-key-top", "iphone-mail", "\t</dict>\n</plist>", "\t\t<key>TargetDeviceType</key>\n\t\t<integer>1</integer>\n\t</dict>\n</plist>", gate.DuplicateKey, false},
	{"keys-out-of-order", "iphone-mail", inSSL + entry(4, "IncomingMailServerUsername", "<string>anna</string>"), entry(4, "IncomingMailServerUsername", "<string>anna</string>") + inSSL, gate.NotCanonical, false},
	{"incoming-password", "iphone-mail", inMail, entry(4, "IncomingPassword", "<string>canary</string>") + inMail, gate.PasswordKey, false},
	{"outgoing-password", "iphone-mail", outMail, entry(4, "OutgoingPassword", "<string>canary</string>") + outMail, gate.PasswordKey, false},
	{"has-removal-passcode", "iphone-mail", "\t\t<key>PayloadContent</key>\n", entry(2, "HasRemovalPasscode", "<true/>") + "\t\t<key>PayloadContent</key>\n", gate.PasswordKey, false},
	{"second-password", "iphone-mail", "OutgoingPasswordSameAsIncomingPassword</key><true/>", "OutgoingPasswordSameAsIncomingPassword</key><false/>", gate.WrongValue, false},
	{"tls-false-incoming", "iphone-mail", inSSL, entry(4, "IncomingMailServerUseSSL", "<false/>"), gate.TLSOff, false},
	{"tls-false-outgoing", "iphone-mail", outSSL, entry(4, "OutgoingMailServerUseSSL", "<false/>"), gate.TLSOff, false},
	{"tls-absent-incoming", "iphone-mail", inSSL, "", gate.TLSOff, false},
	{"tls-absent-outgoing", "iphone-mail", outSSL, "", gate.TLSOff, false},
	{"tls-string", "iphone-mail", inSSL, entry(4, "IncomingMailServerUseSSL", "<string>true</string>"), gate.TLSOff, false},
	{"tls-integer", "iphone-mail", outSSL, entry(4, "OutgoingMailServerUseSSL", "<integer>1</integer>"), gate.TLSOff, false},
	{"foreign-host", "iphone-mail", incoming, host("imap.example.com"), gate.ForeignHost, false},
	{"foreign-host-outgoing", "iphone-mail", "smtp.example.de", "smtp.example.de.evil.example", gate.ForeignHost, false},
	{"host-trailing-dot", "iphone-mail", incoming, host("imap.example.de."), gate.ForeignHost, false},
	{"host-capitals", "iphone-mail", incoming, host("IMAP.example.de"), gate.ForeignHost, false},
	{"host-homograph", "iphone-mail", incoming, host("imap.ехample.de"), gate.ForeignHost, false},
	{"host-space", "iphone-mail", incoming, host(" imap.example.de"), gate.ForeignHost, false},
	{"host-subdomain", "iphone-mail", incoming, host("x.imap.example.de"), gate.ForeignHost, false},
	{"port-25", "iphone-mail", sentPort, strings.Replace(sentPort, "465", "25", 1), gate.Port, false},
	{"port-110", "iphone-mail", port, strings.Replace(port, "993", "110", 1), gate.Port, false},
	{"port-0", "iphone-mail", port, strings.Replace(port, "993", "0", 1), gate.Port, false},
	{"port-65536", "iphone-mail", port, strings.Replace(port, "993", "65536", 1), gate.Port, false},
	{"port-huge", "iphone-mail", port, strings.Replace(port, "993", "18446744073709552609", 1), gate.NotCanonical, false},
	{"trailing-bytes", "iphone-mail", "</plist>\n", "</plist>\n\x00", gate.TrailingData, false},
	{"trailing-line", "iphone-mail", "</plist>\n", "</plist>\n\n", gate.TrailingData, false},
	{"trailing-comment", "iphone-mail", "</plist>\n", "</plist>\n<!-- -->\n", gate.TrailingData, false},
	{"second-plist", "iphone-mail", "</plist>\n", "</plist>\n<plist version=\"1.0\">\n\t<dict></dict>\n</plist>\n", gate.TrailingData, false},
	{"leading-bom", "iphone-mail", declaration, "\ufeff" + declaration, gate.TrailingData, false},
	{"leading-space", "iphone-mail", declaration, "\n" + declaration, gate.TrailingData, false},
	{"no-last-newline", "iphone-mail", "</plist>\n", "</plist>", gate.NotCanonical, false},
	{"no-declaration", "iphone-mail", declaration + "\n", "", gate.NotCanonical, false},
	{"other-encoding", "iphone-mail", "UTF-8", "ISO-8859-1", gate.NotCanonical, false},
	{"comment", "iphone-mail", inSSL, "\t\t\t\t<!-- -->\n" + inSSL, gate.NotCanonical, false},
	{"comment-in-string", "iphone-mail", name, "<string>Example<!-- --> Mail</string>", gate.NotCanonical, false},
	{"cdata", "iphone-mail", name, "<string><![CDATA[Example Mail]]></string>", gate.NotCanonical, false},
	{"processing-instruction", "iphone-mail", inSSL, "\t\t\t\t<?php ?>\n" + inSSL, gate.NotCanonical, false},
	{"no-doctype", "iphone-mail", "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" " + dtd + ">\n", "", gate.Doctype, false},
	{"doctype-subset", "iphone-mail", dtd + ">", dtd + ` [<!ENTITY mail "x">]>`, gate.Doctype, false},
	{"doctype-system", "iphone-mail", dtd, `"http://evil.example/PropertyList-1.0.dtd"`, gate.Doctype, false},
	{"entity", "iphone-mail", name, "<string>&mail;</string>", gate.NotCanonical, false},
	{"character-reference", "iphone-mail", name, "<string>&#69;xample Mail</string>", gate.NotCanonical, false},
	{"character-reference-hex", "iphone-mail", name, "<string>&#x22;Example Mail</string>", gate.NotCanonical, false},
	{"named-quote", "iphone-mail", name, "<string>&quot;Example Mail&quot;</string>", gate.NotCanonical, false},
	{"open-escape", "iphone-mail", name, "<string>Example &amp Mail</string>", gate.NotCanonical, false},
	{"raw-greater", "iphone-mail", name, "<string>Example > Mail</string>", gate.NotCanonical, false},
	{"raw-quote", "iphone-mail", name, `<string>Example "Mail"</string>`, gate.NotCanonical, false},
	{"raw-apostrophe", "iphone-mail", name, "<string>Example's Mail</string>", gate.NotCanonical, false},
	{"raw-ampersand", "iphone-mail", name, "<string>Example & Mail</string>", gate.NotCanonical, false},
	{"key-reference", "iphone-mail", inMail, entry(4, "Incoming&#80;assword", "<string>canary</string>") + inMail, gate.UnknownKey, false},
	{"attribute", "iphone-mail", name, `<string xml:space="preserve">Example Mail</string>`, gate.NotCanonical, false},
	{"attribute-plist", "iphone-mail", `<plist version="1.0">`, `<plist version="1.0" xmlns="x">`, gate.NotCanonical, false},
	{"self-closing-string", "iphone-mail", name, "<string/>", gate.NotCanonical, false},
	{"empty-string", "iphone-mail", name, "<string></string>", gate.EmptyText, false},
	{"spaces-for-tabs", "iphone-mail", "\t\t\t\t" + name, "        " + name, gate.NotCanonical, false},
	{"space-for-tab", "iphone-mail", "\t\t\t\t" + name, "\t\t\t " + name, gate.NotCanonical, false},
	{"blank-line", "iphone-mail", inSSL, "\n" + inSSL, gate.NotCanonical, false},
	{"space-in-tag", "iphone-mail", name, "<string>Example Mail</string >", gate.NotCanonical, false},
	{"true-on-its-line", "iphone-mail", inSSL, "\t\t\t\t<key>IncomingMailServerUseSSL</key>\n\t\t\t\t<true/>\n", gate.NotCanonical, false},
	{"true-with-end-tag", "iphone-mail", inSSL, "\t\t\t\t<key>IncomingMailServerUseSSL</key><true></true>\n", gate.NotCanonical, false},
	{"leading-zero", "iphone-mail", port, strings.Replace(port, "993", "0993", 1), gate.NotCanonical, false},
	{"wrong-end-tag", "iphone-mail", name, "<string>Example Mail</integer>", gate.NotCanonical, false},
	{"empty-content", "iphone-mail", "\t\t\t<dict>\n", "\t\t\t<dict></dict>\n\t\t\t<dict>\n", gate.NotCanonical, false},
	{"wipe-6", "iphone-full", wipe, strings.Replace(wipe, "10", "6", 1), gate.PolicyFloor, false},
	{"wipe-11", "iphone-full", wipe, strings.Replace(wipe, "10", "11", 1), gate.PolicyFloor, false},
	{"wipe-2", "mac-strict", wipe, strings.Replace(wipe, "10", "2", 1), gate.PolicyFloor, false},
	{"simple-codes", "iphone-secure", "allowSimple</key><false/>", "allowSimple</key><true/>", gate.PolicyFloor, false},
	{"no-code", "iphone-secure", "forcePIN</key><true/>", "forcePIN</key><false/>", gate.PolicyFloor, false},
	{"alphanumeric-false", "iphone-full", "requireAlphanumeric</key><true/>", "requireAlphanumeric</key><false/>", gate.PolicyFloor, false},
	{"length-3", "iphone-secure", "<integer>6</integer>", "<integer>3</integer>", gate.PolicyFloor, false},
	{"reset-on-iphone", "iphone-full", "\t\t\t\t<key>pinHistory</key>\n", entry(4, "minutesUntilFailedLoginReset", "<integer>5</integer>") + "\t\t\t\t<key>pinHistory</key>\n", gate.LoginReset, false},
	{"no-reset-on-mac", "mac-strict", entry(4, "minutesUntilFailedLoginReset", "<integer>15</integer>"), "", gate.LoginReset, false},
	{"policy-not-allowed", "iphone-secure", "", "", gate.PolicyNotAllowed, true},
	{"policy-not-allowed-mac", "mac-device", "", "", gate.PolicyNotAllowed, true},
	{"payload-version-2", "iphone-mail", "<key>PayloadVersion</key>\n\t\t\t\t<integer>1</integer>", "<key>PayloadVersion</key>\n\t\t\t\t<integer>2</integer>", gate.WrongValue, false},
	{"pop", "iphone-mail", "EmailTypeIMAP", "EmailTypePOP", gate.WrongValue, false},
	{"no-authentication", "iphone-mail", "EmailAuthPassword", "EmailAuthNone", gate.WrongValue, false},
	{"no-authentication-incoming", "iphone-mail", inMail + "\t\t\t\t<string>EmailAuthPassword", inMail + "\t\t\t\t<string>EmailAuthCRAMMD5", gate.WrongValue, false},
	{"device-watch", "iphone-mail", "<key>TargetDeviceType</key>\n\t\t<integer>1</integer>", "<key>TargetDeviceType</key>\n\t\t<integer>4</integer>", gate.WrongValue, false},
	{"wrong-identifier", "iphone-mail", "<string>" + base + "</string>", "<string>de.example.other</string>", gate.Identifier, false},
	{"wrong-payload-identifier", "iphone-mail", base + ".mail", base + ".email", gate.Identifier, false},
	{"wrong-uuid", "iphone-mail", baseID, "8cda1cf2-67eb-5b96-9c58-356195d50197", gate.UUID, false},
	{"uuid-capitals", "iphone-mail", mailID, strings.ToUpper(mailID), gate.UUID, false},
	{"foreign-address", "iphone-mail", "<string>" + address, "<string>bea@post.example.de", gate.Address, false},
	{"address-folded", "iphone-mail", "<string>" + address, "<string>" + strings.ToLower(address), gate.Address, false},
	{"bidi-in-name", "iphone-mail", name, "<string>Example \u202eliaM</string>", gate.Text, false},
	{"newline-in-name", "iphone-mail", name, "<string>Example\nMail</string>", gate.Text, false},
	{"broken-utf-8", "iphone-mail", name, "<string>Example \xff Mail</string>", gate.Text, false},
	{"carriage-return-in-text", "iphone-names", "\nדואר", "\r\nדואר", gate.Text, false},
	{"long-name", "iphone-mail", name, "<string>" + strings.Repeat("Mail ", 205) + "</string>", gate.LongText, false},
	{"no-consent", "iphone-secure", "", "", gate.ConsentMissing, false},
	{"consent-without-default", "iphone-secure", entry(3, "default", "<string>The phone asks for a code.\nYou can remove it.</string>"), "", gate.ConsentMissing, false},
	{"consent-language", "iphone-secure", "<key>de</key>", "<key>Deutsch</key>", gate.ConsentLanguage, false},
	{"mac-both-payloads", "iphone-secure", "", "", gate.Content, false},
	{"mac-mail-for-system", "mac-mail", "<string>User</string>", "<string>System</string>", gate.Scope, false},
	{"dict-for-string", "iphone-mail", name, "<dict>\n\t\t\t\t\t<key>a</key>\n\t\t\t\t\t<string>b</string>\n\t\t\t\t</dict>", gate.WrongType, false},
	{"data-for-string", "iphone-mail", name, "<data>QQ==</data>", gate.WrongType, false},
	{"array-for-dict", "iphone-secure", "<key>ConsentText</key>\n\t\t<dict>\n", "<key>ConsentText</key>\n\t\t<array>\n", gate.WrongType, false},
	{"missing-name", "iphone-mail", entry(2, "PayloadDisplayName", "<string>Mail for Anna</string>"), "", gate.MissingKey, false},
	{"date-that-is-none", "iphone-full", "2032-02-29", "2032-02-30", gate.NotCanonical, false},
	{"stay-too-short", "mac-mail", "<real>86400</real>", "<real>60</real>", gate.WrongValue, false},
	{"truncated", "iphone-mail", "", "", gate.NotCanonical, false},
	{"truncated-in-payload", "iphone-mail", "", "", gate.NotCanonical, false},
	{"empty", "iphone-mail", "", "", gate.NotCanonical, false},
	{"crlf", "iphone-mail", "", "", gate.NotCanonical, false},
	{"utf-16", "iphone-mail", "", "", gate.NotCanonical, false},
	{"binary", "iphone-mail", "", "", gate.NotCanonical, false},
	{"caldav-password", "iphone-dav", calPort, entry(4, "CalDAVPassword", "<string>canary</string>") + calPort, gate.PasswordKey, false},
	{"carddav-password", "iphone-dav", cardPort, entry(4, "CardDAVPassword", "<string>canary</string>") + cardPort, gate.PasswordKey, false},
	{"caldav-principal", "iphone-dav", calSSL, entry(4, "CalDAVPrincipalURL", "<string>https://cal.example.de/</string>") + calSSL, gate.UnknownKey, false},
	{"carddav-principal", "iphone-dav", cardSSL, entry(4, "CardDAVPrincipalURL", "<string>/anna</string>") + cardSSL, gate.UnknownKey, false},
	{"caldav-vpn", "calendars", lastPayloadEnd, entry(4, "VPNUUID", "<string>x</string>") + lastPayloadEnd, gate.UnknownKey, false},
	{"carddav-audio-calls", "contacts", "\t\t\t\t<key>PayloadDisplayName</key>\n\t\t\t\t<string>Contacts", entry(4, "CommunicationServiceRules", "<dict>\n\t\t\t\t</dict>") + "\t\t\t\t<key>PayloadDisplayName</key>\n\t\t\t\t<string>Contacts", gate.UnknownKey, false},
	{"caldav-tls-false", "iphone-dav", calSSL, entry(4, "CalDAVUseSSL", "<false/>"), gate.TLSOff, false},
	{"carddav-tls-false", "mac-dav", cardSSL, entry(4, "CardDAVUseSSL", "<false/>"), gate.TLSOff, false},
	{"caldav-tls-absent", "mac-dav", calSSL, "", gate.TLSOff, false},
	{"carddav-tls-string", "contacts", cardSSL, entry(4, "CardDAVUseSSL", "<string>true</string>"), gate.TLSOff, false},
	{"caldav-foreign-host", "iphone-dav", "cal.example.de", "cal.example.com", gate.ForeignHost, false},
	{"carddav-on-mail-host", "iphone-dav", "card.example.de", "imap.example.de", gate.ForeignHost, false},
	{"mail-on-caldav-host", "iphone-dav", incoming, host("cal.example.de"), gate.ForeignHost, false},
	{"caldav-port-80", "calendars", calPort, strings.Replace(calPort, "443", "80", 1), gate.Port, false},
	{"caldav-port-empty", "calendars", calPort, strings.Replace(calPort, "443", "", 1), gate.NotCanonical, false},
	{"caldav-port-absent", "calendars", calPort, "", gate.MissingKey, false},
	{"carddav-port-string", "contacts", cardPort, strings.ReplaceAll(cardPort, "integer", "string"), gate.WrongType, false},
	{"caldav-no-user", "calendars", entry(4, "CalDAVUsername", "<string>anna</string>"), "", gate.MissingKey, false},
	{"caldav-empty-user", "calendars", "<string>anna</string>", "<string></string>", gate.EmptyText, false},
	{"caldav-type-in-capitals", "calendars", "com.apple.caldav.account", "com.apple.CalDAV.account", gate.PayloadType, false},
	{"subscribed-calendar", "calendars", "com.apple.caldav.account", "com.apple.subscribedcalendar.account", gate.PayloadType, false},
	{"caldav-as-carddav", "calendars", "com.apple.caldav.account", "com.apple.carddav.account", gate.UnknownKey, false},
	{"caldav-uuid-of-carddav", "calendars", calendarID, contactsID, gate.UUID, false},
	{"carddav-identifier", "contacts", base + ".carddav", base + ".caldav", gate.Identifier, false},
	{"test-mark", "iphone-mail", "<string>Mail for Anna", "<string>TEST – Mail for Anna", gate.TestMark, false},
	{"foreign-login", "iphone-mail", "<string>anna</string>", "<string>bea</string>", gate.Login, false},
	{"foreign-login-for-calendars", "calendars", "<key>CalDAVUsername</key>\n\t\t\t\t<string>anna", "<key>CalDAVUsername</key>\n\t\t\t\t<string>bea", gate.Login, false},
	{"foreign-name", "iphone-names", "Анна", "Bea", gate.PersonName, false},
	{"domain-as-name", "iphone-names", "Dr.", "evil.com", gate.PersonName, false},
	{"no-name", "iphone-names", entry(4, "EmailAccountName", "<string>Анна Шмидт-O&#39;Neil, Dr. (山田 &amp; ليلى)</string>"), "", gate.PersonName, false},
	{"foreign-organization", "iphone-full", "<string>Example</string>", "<string>Evil</string>", gate.Organization, false},
	{"no-organization", "iphone-full", entry(2, "PayloadOrganization", "<string>Example</string>"), "", gate.Organization, false},
	{"other-title", "iphone-mail", "<string>Mail for Anna", "<string>Mail for Bea", gate.DisplayText, false},
	{"other-description", "iphone-full", "One\nTwo", "One\nThree", gate.DisplayText, false},
	{"other-title-of-mail", "iphone-mail", "<string>Mail</string>", "<string>Certificate</string>", gate.DisplayText, false},
	{"other-account-name", "iphone-mail", name, "<string>Other Mail</string>", gate.DisplayText, false},
	{"other-consent", "iphone-secure", "Das Gerät fragt.", "Das Gerät fragt nicht.", gate.DisplayText, false},
	{"consent-in-a-language-less", "iphone-secure", entry(3, "de", "<string>Das Gerät fragt.</string>"), "", gate.DisplayText, false},
	{"other-removal-date", "iphone-full", "2032-02-29", "2033-02-28", gate.Removal, false},
	{"no-removal-date", "iphone-full", entry(2, "RemovalDate", "<date>2032-02-29T03:04:05Z</date>"), "", gate.Removal, false},
	{"other-stay", "mac-mail", "<real>86400</real>", "<real>3600</real>", gate.Removal, false},
	{"no-stay", "mac-mail", entry(2, "DurationUntilRemoval", "<real>86400</real>"), "", gate.Removal, false},
	{"other-port", "iphone-mail", port, strings.Replace(port, "993", "9933", 1), gate.Port, false},
	{"port-of-the-other-host", "iphone-mail", sentPort, strings.Replace(sentPort, "465", "587", 1), gate.Port, false},
	{"invisible-in-name", "iphone-mail", name, "<string>Example\u200b Mail</string>", gate.Text, false},
	{"soft-hyphen-in-login", "iphone-mail", "<string>anna</string>", "<string>an\u00adna</string>", gate.Text, false},
	{"tag-in-organization", "iphone-names", "Söhne", "S\U000e0041öhne", gate.Text, false},
}

// bytes returns the bad profile.
func (b bad) bytes(t testing.TB) []byte {
	t.Helper()
	good := encode(t, profiles()[b.good])
	if b.old != "" || b.new != "" {
		i := bytes.LastIndex(good, []byte(b.old))
		if i < 0 {
			t.Fatalf("%s: %q isn't in the good profile", b.name, b.old)
		}
		return slices.Concat(good[:i], []byte(b.new), good[i+len(b.old):])
	}
	switch b.name {
	case "no-consent":
		return encode(t, without(profiles()[b.good], "ConsentText"))
	case "mac-both-payloads":
		return encode(t, with(macMail(mail(), policy()), consent()))
	case "truncated":
		return good[:len(good)-len("\t</dict>\n</plist>\n")]
	case "truncated-in-payload":
		return good[:len(good)/2]
	case "empty":
		return nil
	case "crlf":
		return bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n"))
	case "binary":
		return []byte("bplist00\xd0\x08\x00\x00\x00\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09")
	case "utf-16":
		wide := []byte{0xff, 0xfe}
		for _, unit := range utf16.Encode([]rune(string(good))) {
			wide = append(wide, byte(unit), byte(unit>>8))
		}
		return wide
	}
	return good
}

func TestCheckRefuses(t *testing.T) {
	for i, tt := range bads {
		file := filepath.Join("testdata", "bad", fmt.Sprintf("%03d-%s.mobileconfig", i+1, tt.name))
		t.Run(tt.name, func(t *testing.T) {
			made := tt.bytes(t)
			if *update {
				if err := os.WriteFile(file, made, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(data, made) {
				t.Error("the file differs from the table; run with -update")
			}
			limits := entitled(profiles()[tt.good])
			limits.Policy = !tt.narrow
			_, err = gate.Check(data, limits)
			if got := code(t, data, limits); got != tt.code {
				t.Errorf("got %v, want %s", err, tt.code)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v, which contains a value", err)
			}
		})
	}
}

// TestCodes compares the list of codes with the codes of the bad profiles.
func TestCodes(t *testing.T) {
	seen := map[gate.Code]bool{gate.TooLarge: true} // TestCheckSize
	for _, tt := range bads {
		seen[tt.code] = true
	}
	listed := map[gate.Code]bool{}
	for _, meaning := range gate.Codes() {
		if !seen[meaning.Code] {
			t.Errorf("no bad profile is refused with %s", meaning.Code)
		}
		if listed[meaning.Code] || !strings.HasSuffix(meaning.Text, ".") {
			t.Errorf("%s is listed twice or without a sentence", meaning.Code)
		}
		listed[meaning.Code] = true
	}
	for code := range seen {
		if !listed[code] {
			t.Errorf("%s isn't listed", code)
		}
	}
}
