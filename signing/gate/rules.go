package gate

import (
	"fmt"
	"slices"
	"strings"
)

// The payloads that are signed.
const (
	mailType     = "com.apple.mail.managed"
	calendarType = "com.apple.caldav.account"
	contactsType = "com.apple.carddav.account"
	policyType   = "com.apple.mobiledevice.passwordpolicy"
)

// testMark begins the texts of a test.
const testMark = "TEST – "

// The values of TargetDeviceType.
const (
	iphone = 1
	mac    = 5
)

// What DurationUntilRemoval may be, in seconds.
const (
	shortestStay = 60 * 60
	longestStay  = 10 * 365 * 24 * 60 * 60
)

// A need says what the absence of a key means.
type need int

const (
	optional need = iota
	required
	encrypted // required, and any fault of it means that TLS is off
)

// A rule is what one key of a dict must obey.
type rule struct {
	key   string
	need  need
	kind  kind
	check check // of a value of that kind; nil allows all of them
}

// A check judges the value of a key, and reads it if it is a dict or an array.
type check func(*checker, value) *Refusal

var topRules = []rule{
	{"ConsentText", optional, dict, (*checker).consent},
	{"DurationUntilRemoval", optional, float, between(WrongValue, shortestStay, longestStay)},
	{"PayloadContent", required, array, (*checker).content},
	{"PayloadDescription", optional, prose, (*checker).isMarked},
	{"PayloadDisplayName", required, text, (*checker).isMarked},
	{"PayloadIdentifier", required, text, (*checker).isIdentifier},
	{"PayloadOrganization", optional, text, nil},
	{"PayloadScope", optional, text, nil}, // fit judges it
	{"PayloadType", required, text, exactly(PayloadType, "Configuration")},
	{"PayloadUUID", required, text, (*checker).isUUID},
	{"PayloadVersion", required, integer, between(WrongValue, 1, 1)},
	{"RemovalDate", optional, date, nil},
	{"TargetDeviceType", required, integer, (*checker).isDevice},
}

var mailRules = []rule{
	{"EmailAccountDescription", required, text, nil},
	{"EmailAccountName", optional, text, nil},
	{"EmailAccountType", required, text, exactly(WrongValue, "EmailTypeIMAP")},
	{"EmailAddress", required, text, (*checker).isAddress},
	{"IncomingMailServerAuthentication", required, text, exactly(WrongValue, "EmailAuthPassword")},
	{"IncomingMailServerHostName", required, text, (*checker).isHost},
	{"IncomingMailServerPortNumber", required, integer, (*checker).isPort},
	{"IncomingMailServerUseSSL", encrypted, boolean, isTrue(TLSOff)},
	{"IncomingMailServerUsername", required, text, nil},
	{"OutgoingMailServerAuthentication", required, text, exactly(WrongValue, "EmailAuthPassword")},
	{"OutgoingMailServerHostName", required, text, (*checker).isHost},
	{"OutgoingMailServerPortNumber", required, integer, (*checker).isPort},
	{"OutgoingMailServerUseSSL", encrypted, boolean, isTrue(TLSOff)},
	{"OutgoingMailServerUsername", required, text, nil},
	{"OutgoingPasswordSameAsIncomingPassword", required, boolean, isTrue(WrongValue)},
	{"PayloadDescription", optional, prose, nil},
	{"PayloadDisplayName", required, text, nil},
	{"PayloadIdentifier", required, text, (*checker).isIdentifier},
	{"PayloadType", required, text, exactly(PayloadType, mailType)},
	{"PayloadUUID", required, text, (*checker).isUUID},
	{"PayloadVersion", required, integer, between(WrongValue, 1, 1)},
}

var calendarRules = []rule{
	{"CalDAVAccountDescription", required, text, nil},
	{"CalDAVHostName", required, text, (*checker).isDAVHost},
	{"CalDAVPort", required, integer, (*checker).isDAVPort},
	{"CalDAVUseSSL", encrypted, boolean, isTrue(TLSOff)},
	{"CalDAVUsername", required, text, nil},
	{"PayloadDescription", optional, prose, nil},
	{"PayloadDisplayName", required, text, nil},
	{"PayloadIdentifier", required, text, (*checker).isIdentifier},
	{"PayloadType", required, text, exactly(PayloadType, calendarType)},
	{"PayloadUUID", required, text, (*checker).isUUID},
	{"PayloadVersion", required, integer, between(WrongValue, 1, 1)},
}

var contactsRules = []rule{
	{"CardDAVAccountDescription", required, text, nil},
	{"CardDAVHostName", required, text, (*checker).isDAVHost},
	{"CardDAVPort", required, integer, (*checker).isDAVPort},
	{"CardDAVUseSSL", encrypted, boolean, isTrue(TLSOff)},
	{"CardDAVUsername", required, text, nil},
	{"PayloadDescription", optional, prose, nil},
	{"PayloadDisplayName", required, text, nil},
	{"PayloadIdentifier", required, text, (*checker).isIdentifier},
	{"PayloadType", required, text, exactly(PayloadType, contactsType)},
	{"PayloadUUID", required, text, (*checker).isUUID},
	{"PayloadVersion", required, integer, between(WrongValue, 1, 1)},
}

var policyRules = []rule{
	{"PayloadDescription", optional, prose, nil},
	{"PayloadDisplayName", required, text, nil},
	{"PayloadIdentifier", required, text, (*checker).isIdentifier},
	{"PayloadType", required, text, exactly(PayloadType, policyType)},
	{"PayloadUUID", required, text, (*checker).isUUID},
	{"PayloadVersion", required, integer, between(WrongValue, 1, 1)},
	{"allowSimple", required, boolean, isFalse(PolicyFloor)},
	{"forcePIN", required, boolean, isTrue(PolicyFloor)},
	{"maxFailedAttempts", optional, integer, between(PolicyFloor, 7, 10)},
	{"maxGracePeriod", required, integer, between(PolicyFloor, 0, 240)},
	{"maxInactivity", required, integer, between(PolicyFloor, 1, 15)},
	{"maxPINAgeInDays", optional, integer, between(PolicyFloor, 30, 730)},
	{"minComplexChars", optional, integer, between(PolicyFloor, 1, 2)},
	{"minLength", required, integer, between(PolicyFloor, 4, 12)},
	{"minutesUntilFailedLoginReset", optional, integer, between(PolicyFloor, 1, 60)},
	{"pinHistory", optional, integer, between(PolicyFloor, 1, 10)},
	{"requireAlphanumeric", optional, boolean, isTrue(PolicyFloor)},
}

// absent refuses a dict that lacks the key, unless it may.
func (r rule) absent() *Refusal {
	if r.need == optional {
		return nil
	}
	return refuse(r.fault(MissingKey), "The key must be there.").in(r.key)
}

// fault returns the code for a key that is absent or has another type.
func (r rule) fault(code Code) Code {
	if r.need == encrypted {
		return TLSOff
	}
	return code
}

func exactly(code Code, want string) check {
	detail := fmt.Sprintf("The value must be %s.", want)
	return func(_ *checker, v value) *Refusal { return unless(v.text == want, code, detail) }
}

func between(code Code, low, high int) check {
	detail := fmt.Sprintf("The number must be from %d to %d.", low, high)
	return func(_ *checker, v value) *Refusal { return unless(low <= v.n && v.n <= high, code, detail) }
}

func isTrue(code Code) check {
	return func(_ *checker, v value) *Refusal { return unless(v.n == 1, code, "The value must be true.") }
}

func isFalse(code Code) check {
	return func(_ *checker, v value) *Refusal { return unless(v.n == 0, code, "The value must be false.") }
}

func (c *checker) isIdentifier(v value) *Refusal {
	return unless(v.text == c.own, Identifier, "The identifier does not follow from the address.")
}

func (c *checker) isUUID(v value) *Refusal {
	return unless(v.text == identity(c.own), UUID, "The UUID does not follow from the identifier.")
}

func (c *checker) isAddress(v value) *Refusal {
	return unless(v.text == c.terms.Address, Address, "The address is not the one that may be signed.")
}

func (c *checker) isHost(v value) *Refusal {
	return unless(slices.Contains(c.terms.Hosts, v.text), ForeignHost, "The host is not one that the operator configured.")
}

// isMarked wants the mark of a test once where it must be, and nowhere else.
func (c *checker) isMarked(v value) *Refusal {
	rest, marked := strings.CutPrefix(v.text, testMark)
	ok := marked == c.terms.Test && rest != "" && !strings.HasPrefix(rest, testMark)
	return unless(ok, TestMark, "The text begins with the mark of a test and may not, or does not and must.")
}

// isPort leaves out 25, on which servers talk to each other, and 110, on which
// POP is not encrypted.
func (c *checker) isPort(v value) *Refusal {
	known := 1 <= v.n && v.n <= 65535 && v.n != 25 && v.n != 110
	return unless(known, Port, "The port must be from 1 to 65535, and not 25 or 110.")
}

func (c *checker) isDAVHost(v value) *Refusal {
	return unless(slices.Contains(c.terms.DAVHosts, v.text), ForeignHost, "The host is not one that the operator configured.")
}

// isDAVPort leaves out 80, on which HTTP is not encrypted.
func (c *checker) isDAVPort(v value) *Refusal {
	return unless(1 <= v.n && v.n <= 65535 && v.n != 80, Port, "The port must be from 1 to 65535, and not 80.")
}

func (c *checker) isDevice(v value) *Refusal {
	return unless(v.n == iphone || v.n == mac, WrongValue, "The device must be 1 (iPhone) or 5 (Mac).")
}

// unless returns a refusal, or nil if ok.
func unless(ok bool, code Code, detail string) *Refusal {
	if ok {
		return nil
	}
	return refuse(code, detail)
}
