package lint

import (
	"strings"
	"sync"
)

// The platforms that findings depend on.
const (
	iphone = "iphone" // iPads too
	mac    = "mac"
)

// Keys are keys of a payload with the same rule, from Apple's schema
// (github.com/apple/device-management, 18.1, and what is known of later
// versions).
type keys struct {
	kind       kind
	names      string // separated by spaces
	required   bool
	only       string // the platform that supports the keys; empty: both
	values     string // allowed ones, separated by spaces
	min, max   int64  // allowed range, unless both are 0
	deprecated bool
}

// A payloadType describes a type of payload. A new type needs nothing else.
type payloadType struct {
	name     string
	keys     []keys   // nil: not checked
	servers  []server // of an account
	only     string   // the platform that accepts it
	once     bool     // at most one per file
	userOnly bool     // on a Mac, it's for the user, not for the system
	danger   string   // what it does besides an account
	// replacedBy is the declaration that replaces a payload that Apple has
	// deprecated; empty if it isn't deprecated.
	replacedBy string
	// inspect checks rules that are specific to the type; nil if there are
	// none.
	inspect func(*inspector, *payloadType, *value, *place)
}

const uuids = "VPNUUID"

// common are the keys of every payload.
var common = []keys{
	{kind: text, required: true, names: "PayloadIdentifier PayloadUUID PayloadType"},
	{kind: integer, required: true, names: "PayloadVersion"},
	{kind: text, names: "PayloadDescription PayloadDisplayName PayloadOrganization"},
	{kind: boolean, deprecated: true, names: "PayloadEnabled"},
}

// topLevel are the keys of the file in addition to the common ones.
var topLevel = []keys{
	{kind: array, names: "PayloadContent"},
	{kind: data, names: "EncryptedPayloadContent"},
	{kind: boolean, deprecated: true, names: "IsEncrypted HasRemovalPasscode"},
	{kind: boolean, names: "PayloadRemovalDisallowed"},
	{kind: text, values: "System User", only: mac, names: "PayloadScope"},
	{kind: date, names: "RemovalDate PayloadExpirationDate"},
	{kind: real, names: "DurationUntilRemoval"},
	{kind: integer, min: 0, max: 6, names: "TargetDeviceType"},
	{kind: dict, names: "ConsentText"},
}

const (
	mailType     = "com.apple.mail.managed"
	calendarType = "com.apple.caldav.account"
	contactsType = "com.apple.carddav.account"
	policyType   = "com.apple.mobiledevice.passwordpolicy"

	declarationsType = "com.apple.declarations"

	smime      = "SMIMESigningEnabled SMIMESigningUserOverrideable SMIMESigningCertificateUUIDUserOverrideable SMIMEEncryptByDefault SMIMEEncryptByDefaultUserOverrideable SMIMEEncryptionCertificateUUIDUserOverrideable SMIMEEnableEncryptionPerMessageSwitch"
	smimeUUIDs = "SMIMESigningCertificateUUID SMIMEEncryptionCertificateUUID"
	readsAll   = "The profile's author may then be able to read encrypted connections."
)

// certificate are the keys of a payload with one certificate.
var certificate = []keys{
	{kind: text, names: "PayloadCertificateFileName"},
	{kind: data, required: true, names: "PayloadContent"},
}

var payloadTypes = []payloadType{
	{name: mailType, userOnly: true, servers: []server{
		{host: "IncomingMailServerHostName", port: "IncomingMailServerPortNumber", tls: "IncomingMailServerUseSSL", protocol: incomingOf},
		{host: "OutgoingMailServerHostName", port: "OutgoingMailServerPortNumber", tls: "OutgoingMailServerUseSSL", protocol: outgoingOf},
	}, inspect: (*inspector).mail, keys: []keys{
		{kind: text, names: "EmailAccountDescription EmailAccountName EmailAddress IncomingMailServerUsername IncomingPassword OutgoingPassword OutgoingMailServerUsername IncomingMailServerIMAPPathPrefix"},
		{kind: text, required: true, values: "EmailTypeIMAP EmailTypePOP", names: "EmailAccountType"},
		{kind: text, required: true, values: "EmailAuthNone EmailAuthPassword EmailAuthCRAMMD5 EmailAuthNTLM EmailAuthHTTPMD5", names: "IncomingMailServerAuthentication OutgoingMailServerAuthentication"},
		{kind: text, required: true, names: "IncomingMailServerHostName OutgoingMailServerHostName"},
		{kind: integer, min: 1, max: 65535, names: "IncomingMailServerPortNumber OutgoingMailServerPortNumber"},
		{kind: boolean, names: "IncomingMailServerUseSSL OutgoingPasswordSameAsIncomingPassword OutgoingMailServerUseSSL disableMailRecentsSyncing allowMailDrop"},
		{kind: boolean, only: iphone, names: "PreventMove PreventAppSheet SMIMEEncryptionEnabled " + smime},
		{kind: boolean, only: iphone, deprecated: true, names: "SMIMEEnabled SMIMEEnablePerMessageSwitch"},
		{kind: text, only: iphone, names: smimeUUIDs + " " + uuids},
	}},
	{name: policyType, once: true, replacedBy: settingsType, inspect: (*inspector).policy, keys: []keys{
		{kind: boolean, names: "allowSimple forcePIN requireAlphanumeric"},
		{kind: integer, min: 2, max: 11, names: "maxFailedAttempts"},
		{kind: integer, min: 0, max: 60, names: "maxInactivity"},
		{kind: integer, min: 1, max: 730, names: "maxPINAgeInDays"},
		{kind: integer, min: 0, max: 4, names: "minComplexChars"},
		{kind: integer, min: 0, max: 16, names: "minLength"},
		{kind: integer, min: 1, max: 50, names: "pinHistory"},
		{kind: integer, names: "maxGracePeriod"},
		{kind: integer, only: mac, names: "minutesUntilFailedLoginReset"},
		{kind: boolean, only: mac, names: "changeAtNextAuth"},
		{kind: dict, only: mac, names: "customRegex"},
	}},
	{name: declarationsType, inspect: (*inspector).declarations, keys: []keys{
		{kind: array, required: true, names: "Declarations"},
	}},
	{name: calendarType, userOnly: true, servers: []server{
		{host: "CalDAVHostName", port: "CalDAVPort", tls: "CalDAVUseSSL", path: "CalDAVPrincipalURL", on: true},
	}, inspect: (*inspector).dav, keys: []keys{
		{kind: text, names: "CalDAVAccountDescription CalDAVUsername CalDAVPassword CalDAVPrincipalURL"},
		{kind: text, required: true, names: "CalDAVHostName"},
		{kind: boolean, names: "CalDAVUseSSL"},
		{kind: integer, min: 1, max: 65535, names: "CalDAVPort"},
		{kind: text, only: iphone, names: uuids},
	}},
	{name: contactsType, userOnly: true, servers: []server{
		{host: "CardDAVHostName", port: "CardDAVPort", tls: "CardDAVUseSSL", path: "CardDAVPrincipalURL", on: true},
	}, inspect: (*inspector).dav, keys: []keys{
		{kind: text, names: "CardDAVAccountDescription CardDAVUsername CardDAVPassword"},
		{kind: text, required: true, names: "CardDAVHostName"},
		{kind: boolean, names: "CardDAVUseSSL"},
		{kind: integer, min: 1, max: 65535, names: "CardDAVPort"},
		{kind: text, only: iphone, names: "CardDAVPrincipalURL " + uuids},
		{kind: dict, only: iphone, names: "CommunicationServiceRules"},
	}},
	{name: "com.apple.subscribedcalendar.account", only: iphone, servers: []server{
		{host: "SubCalAccountHostName", tls: "SubCalAccountUseSSL", url: true},
	}, keys: []keys{
		{kind: text, names: "SubCalAccountDescription SubCalAccountUsername SubCalAccountPassword " + uuids},
		{kind: text, required: true, names: "SubCalAccountHostName"},
		{kind: boolean, names: "SubCalAccountUseSSL"},
	}},
	{name: "com.apple.ldap.account", userOnly: true, servers: []server{
		{host: "LDAPAccountHostName", tls: "LDAPAccountUseSSL", on: true},
	}, keys: []keys{
		{kind: text, names: "LDAPAccountDescription LDAPAccountUserName LDAPAccountPassword"},
		{kind: text, required: true, names: "LDAPAccountHostName"},
		{kind: boolean, names: "LDAPAccountUseSSL"},
		{kind: array, names: "LDAPSearchSettings"},
		{kind: text, only: iphone, names: uuids},
	}},
	{name: "com.apple.google-oauth", only: iphone, keys: []keys{
		{kind: text, names: "AccountDescription AccountName " + uuids},
		{kind: text, required: true, names: "EmailAddress"},
		{kind: dict, names: "CommunicationServiceRules"},
	}},
	{name: "com.apple.eas.account", only: iphone, servers: []server{
		{host: "Host", tls: "SSL"},
	}, keys: []keys{
		{kind: text, names: "EmailAddress Host UserName Password CertificateName CertificatePassword OAuthSignInURL OAuthTokenRequestURL PayloadCertificateUUID " + smimeUUIDs + " " + uuids},
		{kind: boolean, names: "SSL OAuth PreventMove PreventAppSheet disableMailRecentsSyncing allowMailDrop OverridePreviousPassword " + smime},
		{kind: boolean, names: "EnableMail EnableContacts EnableCalendars EnableReminders EnableNotes EnableMailUserOverridable EnableContactsUserOverridable EnableCalendarsUserOverridable EnableRemindersUserOverridable EnableNotesUserOverridable"},
		{kind: boolean, deprecated: true, names: "SMIMEEnabled SMIMEEncryptionEnabled SMIMEEnablePerMessageSwitch"},
		{kind: text, deprecated: true, names: "HeaderMagic"},
		{kind: integer, values: "0 1 3 7 14 31", names: "MailNumberOfPastDaysToSync"},
		{kind: data, names: "Certificate"},
		{kind: dict, names: "CommunicationServiceRules"},
	}},
	{name: "com.apple.ews.account", only: mac, userOnly: true, servers: []server{
		{host: "Host", port: "Port", tls: "SSL", path: "Path", on: true},
		{host: "ExternalHost", port: "ExternalPort", tls: "ExternalSSL", path: "ExternalPath", on: true},
	}, keys: []keys{
		{kind: text, names: "EmailAddress Host OAuthSignInURL UserName Password AuthenticationCertificateUUID PayloadCertificateUUID Path ExternalHost ExternalPath"},
		{kind: boolean, names: "SSL OAuth allowMailDrop ExternalSSL"},
		{kind: integer, min: 1, max: 65535, names: "Port ExternalPort"},
	}},
	{name: "com.apple.configurationprofile.identification", only: mac, once: true, keys: []keys{
		{kind: dict, required: true, deprecated: true, names: "PayloadIdentification"},
	}},
	{name: "com.apple.security.root", danger: "It makes the device trust a certificate authority. " + readsAll, keys: certificate},
	{name: "com.apple.security.pkcs1", danger: "It adds a certificate. " + readsAll, keys: certificate},
	{name: "com.apple.security.pem", danger: "It adds a certificate. " + readsAll, keys: certificate},
	{name: pkcs12Type, danger: "It adds a private key.", inspect: (*inspector).privateKey, keys: append([]keys{
		{kind: text, names: "Password"},
		{kind: boolean, only: mac, names: "AllowAllAppsAccess KeyIsExtractable"},
	}, certificate...)},
	{name: "com.apple.security.scep", danger: "It makes the device fetch a certificate.", keys: []keys{
		{kind: dict, required: true, names: "PayloadContent"},
	}},
	{name: "com.apple.security.acme", danger: "It makes the device fetch a certificate.", keys: []keys{
		{kind: text, required: true, names: "DirectoryURL ClientIdentifier"},
		{kind: text, required: true, values: "RSA ECSECPrimeRandom", names: "KeyType"},
		{kind: integer, required: true, names: "KeySize"},
		{kind: boolean, required: true, names: "HardwareBound"},
		{kind: array, required: true, names: "Subject"},
		{kind: dict, names: "SubjectAltName"},
		{kind: integer, names: "UsageFlags"},
		{kind: array, names: "ExtendedKeyUsage"},
		{kind: boolean, names: "Attest"},
		{kind: boolean, only: mac, names: "KeyIsExtractable AllowAllAppsAccess"},
	}},
	{name: "com.apple.webClip.managed", userOnly: true, danger: "It adds a web page that looks like an app.", keys: []keys{
		{kind: text, required: true, names: "URL Label"},
		{kind: data, names: "Icon"},
		{kind: boolean, only: iphone, names: "Precomposed FullScreen IsRemovable IgnoreManifestScope"},
		{kind: text, only: iphone, names: "TargetApplicationBundleIdentifier"},
	}},
	{name: "com.apple.wifi.managed", danger: "It makes the device join a Wi-Fi network, possibly through a proxy.", keys: []keys{
		{kind: boolean, names: "AutoJoin HIDDEN_NETWORK ServiceProviderRoamingEnabled IsHotspot EnableIPv6 TLSCertificateRequired ProxyPACFallbackAllowed DisableAssociationMACRandomization"},
		{kind: text, names: "SSID_STR Password DisplayedOperatorName DomainName HESSID ProxyServer ProxyUsername ProxyPassword ProxyPACURL PayloadCertificateUUID"},
		{kind: text, values: "None Manual Auto", names: "ProxyType"},
		{kind: text, values: "WEP WPA WPA2 WPA3 Any None", names: "EncryptionType"},
		{kind: dict, names: "EAPClientConfiguration QoSMarkingPolicy"},
		{kind: array, names: "RoamingConsortiumOIs NAIRealmNames"},
		{kind: array, only: iphone, names: "MCCAndMNCs"},
		{kind: boolean, only: iphone, names: "CaptiveBypass"},
		{kind: array, only: mac, names: "SetupModes"},
		{kind: integer, min: 0, max: 65535, names: "ProxyServerPort"},
	}},
	{name: removalType, once: true, danger: "It keeps people from removing the profile without a password.", keys: []keys{
		{kind: text, names: "RemovalPassword"},
	}},
	{name: "com.apple.declarations", danger: "It contains other settings, which aren't inspected here.", keys: []keys{
		{kind: array, required: true, names: "Declarations"},
	}},
	{name: "com.apple.screensaver", only: mac, once: true, keys: []keys{
		{kind: boolean, names: "askForPassword"},
		{kind: integer, names: "askForPasswordDelay loginWindowIdleTime"},
		{kind: text, names: "loginWindowModulePath"},
		{kind: text, required: true, names: "moduleName"},
	}},
	{name: "com.apple.mdm", once: true, danger: "It hands the device over to a management server."},
	{name: "com.apple.applicationaccess", danger: "It restricts what the device can do."},
	{name: "com.apple.vpn.managed", danger: "It routes the device's traffic through a VPN."},
	{name: "com.apple.vpn.managed.applayer", danger: "It routes the traffic of apps through a VPN."},
	{name: "com.apple.proxy.http.global", danger: "It routes the device's traffic through a proxy."},
	{name: "com.apple.relay.managed", danger: "It routes the device's traffic through a relay."},
	{name: "com.apple.dnsSettings.managed", danger: "It changes the device's DNS servers."},
	{name: "com.apple.dnsProxy.managed", danger: "It changes the device's DNS servers."},
	{name: "com.apple.webcontent-filter", danger: "It filters the device's network traffic, and may read it."},
	{name: "com.apple.system-extension-policy", danger: "It allows system extensions."},
	{name: "com.apple.syspolicy.kernel-extension-policy", danger: "It allows kernel extensions."},
	{name: "com.apple.TCC.configuration-profile-policy", danger: "It gives apps access to private data."},
	{name: "com.apple.ManagedClient.preferences", danger: "It sets preferences of any app."},
}

const (
	pkcs12Type  = "com.apple.security.pkcs12"
	removalType = "com.apple.profileRemovalPassword"
)

// typeOf returns the description of a type of payload, or nil.
func typeOf(name string) *payloadType {
	for i := range payloadTypes {
		if payloadTypes[i].name == name {
			return &payloadTypes[i]
		}
	}
	return nil
}

// typeLike is typeOf for a name that may differ in case or invisible
// characters.
func typeLike(name string) *payloadType {
	if t := typeOf(name); t != nil {
		return t
	}
	for i := range payloadTypes {
		if strings.EqualFold(payloadTypes[i].name, clean(name)) {
			return &payloadTypes[i]
		}
	}
	return nil
}

// rules are the keys of each payload type, including the common ones. Those of
// the file are under "".
var rules = sync.OnceValue(allRules)

func allRules() map[string]map[string]keys {
	all := map[string]map[string]keys{"": byName(topLevel)}
	for _, t := range payloadTypes {
		if t.keys != nil {
			all[t.name] = byName(t.keys)
		}
	}
	return all
}

func byName(groups []keys) map[string]keys {
	named := map[string]keys{}
	for _, group := range append(append([]keys{}, common...), groups...) {
		for name := range strings.FieldsSeq(group.names) {
			named[name] = group
		}
	}
	return named
}
