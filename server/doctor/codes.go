package doctor

// A Code names something that can be wrong. Codes are published: add, never
// rename.
type Code string

// A Severity says how bad it is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // something doesn't work
	Warning Severity = "warning" // it works, but should be fixed
)

// The codes.
const (
	SettingsRefused   Code = "settings_refused"
	PlainBaseURL      Code = "base_url_http"
	KeyExposed        Code = "key_exposed"
	DataMissing       Code = "data_missing"
	DataExposed       Code = "data_exposed"
	SecretMissing     Code = "secret_missing"
	SecretWrong       Code = "secret_wrong"
	SecretUnfinished  Code = "secret_rotation_unfinished"
	LogKeyMissing     Code = "log_key_missing"
	LogKeyWrong       Code = "log_key_wrong"
	LogKeyOld         Code = "log_key_old"
	LogKeyUnfinished  Code = "log_key_unfinished"
	DiskFull          Code = "disk_full"
	DatabaseMissing   Code = "database_missing"
	DatabaseDown      Code = "database_down"
	DatabaseDamaged   Code = "database_damaged"
	DatabaseNewer     Code = "database_newer"
	NoWrites          Code = "database_takes_no_writes"
	NoMember          Code = "no_member"
	CertificateTest   Code = "certificate_test"
	CertificateBad    Code = "certificate_unusable"
	CertificateNone   Code = "certificate_none"
	CertificateEnds   Code = "certificate_ends"
	CertificateOld    Code = "certificate_recent_root"
	CertificateOwn    Code = "certificate_untrusted"
	RenewalFails      Code = "renewal_fails"
	SignerAway        Code = "signer_away"
	TLSUnusable       Code = "tls_unusable"
	TLSName           Code = "tls_other_name"
	NameUnknown       Code = "name_unknown"
	PortClosed        Code = "port_closed"
	WrongServer       Code = "wrong_server"
	HTTPSUntrusted    Code = "https_untrusted"
	NotReady          Code = "not_ready"
	ClockWrong        Code = "clock_wrong"
	ClockAhead        Code = "clock_behind_log"
	RelayMissing      Code = "relay_missing"
	RelayUnreachable  Code = "relay_unreachable"
	RelayRefuses      Code = "relay_refuses"
	NoDomain          Code = "no_domain"
	MailServer        Code = "mail_server"
	DNSRecord         Code = "dns_record"
	LogDamaged        Code = "log_damaged"
	BackupNone        Code = "backup_none"
	BackupOld         Code = "backup_old"
	VersionOld        Code = "version_old"
	MetricsUnanswered Code = "metrics_unanswered"
)

// A Meaning is a code with its description and advice.
type Meaning struct {
	Code     Code
	Severity Severity
	Text, Do string
}

// Codes returns the codes in the order of the documentation.
func Codes() []Meaning { return meanings }

var meanings = []Meaning{
	{SettingsRefused, Error, "The service doesn't start with these settings.", "Correct the setting. `mobileconfig config` prints the current values and their sources."},
	{PlainBaseURL, Error, "The base URL is http:// with a public name: links and sign-ins can be intercepted, and phones may refuse profiles.", "Use https://, with `--acme-email` or behind a proxy."},
	{KeyExposed, Warning, "Everyone on this machine can read a key or a password.", "Run `chmod o= FILE`."},
	{DataMissing, Error, "The data folder doesn't exist, or this user may not enter it.", "Start the service once. Run this as the service's user."},
	{DataExposed, Error, "Others can read the data folder, so the service doesn't start.", "`chmod go= FOLDER`."},
	{SecretMissing, Error, "The installation's secret is missing, or this user may not read it.", "Restore it from a backup. A new one invalidates all links and authenticator apps."},
	{SecretWrong, Error, "The file of the installation's secret can't be used.", "Restore it from a backup, readable only by its owner."},
	{SecretUnfinished, Warning, "Values are still encrypted under a version of the secret that has ended.", "Check the service's log: it encrypts them again automatically, within an hour."},
	{LogKeyMissing, Error, "The key of the action log is missing, or this user may not read it.", "Restore it from a backup."},
	{LogKeyWrong, Error, "The file of the action log's key can't be used.", "Restore it from a backup, readable only by its owner."},
	{LogKeyOld, Error, "The key of the action log was replaced, and this server doesn't have the new one.", "Copy the file from the server where it was replaced."},
	{LogKeyUnfinished, Warning, "The replacement of the action log's key was broken off, or this server still has the old key beside the new one.", "Run `mobileconfig admin rotate-log-key` here: it does the rest."},
	{DiskFull, Error, "The disk of the data folder is almost full.", "Free some space."},
	{DatabaseMissing, Error, "The database doesn't exist.", "Start the service once, or restore a backup."},
	{DatabaseDown, Error, "The database can't be reached.", "Check that it runs, and check the URL and password in `--database`."},
	{DatabaseDamaged, Error, "The database file is damaged, or it isn't a database.", "Restore a backup."},
	{DatabaseNewer, Error, "Another version of the program has used the database, and this one can't upgrade it.", "Install that version, or restore a backup."},
	{NoWrites, Error, "The database can't be written.", "Check the disk, and the permissions of the folder."},
	{NoMember, Warning, "No one can sign in to the control panel.", "`mobileconfig admin setup-url` prints the URL that creates the first owner."},
	{CertificateTest, Error, "Profiles are signed with a test certificate: devices show “Not Verified”.", "Get a certificate with `--acme-email`, or name one with `--signing-cert`."},
	{CertificateBad, Error, "The certificate can't sign profiles.", "The detail says why. See also the codes of signing certificates."},
	{CertificateNone, Error, "There's no certificate yet.", "See the log, and the finding on renewals."},
	{CertificateEnds, Warning, "The certificate expires soon.", "Renew it. With certbot, find out why `certbot renew` didn't."},
	{CertificateOld, Warning, "Devices before iOS 16 and macOS 13 show “Not Verified”.", "Get a chain that ends in an older root from the authority."},
	{CertificateOwn, Warning, "The certificate isn't from a public authority: devices show “Not Verified” unless they trust it.", "Use a public authority, or install the root on the devices with MDM."},
	{RenewalFails, Error, "The last certificate order failed.", "See the codes of ACME certificates."},
	{SignerAway, Error, "The signer, a separate process, doesn't answer or can't sign.", "Run `systemctl status mobileconfig-signer`. Its log says why, and who may not connect."},
	{TLSUnusable, Error, "The files for HTTPS can't be used.", "Check `--tls-cert` and `--tls-key`: they have to be a pair."},
	{TLSName, Error, "The certificate for HTTPS doesn't have the host name of the base URL.", "Get one that does, or correct `--base-url`."},
	{NameUnknown, Error, "The host name of the base URL isn't in the DNS.", "Publish an A or AAAA record."},
	{PortClosed, Error, "Nothing answers at the base URL.", "Check that the service runs, and check the firewall and the DNS."},
	{WrongServer, Error, "Something other than this service answers at the base URL.", "Check the DNS, and the proxy in front."},
	{HTTPSUntrusted, Error, "A browser doesn't trust the certificate at the base URL.", "Use the whole chain (fullchain.pem) of a certificate for this name from a public authority."},
	{NotReady, Error, "The service answers, but isn't ready.", "See the other findings, and `/details` on `--metrics-listen`."},
	{ClockWrong, Error, "This machine's clock is wrong.", "Set it: `timedatectl set-ntp true`."},
	{ClockAhead, Warning, "The action log has times in the future.", "Set the clock. The order of the entries is still right."},
	{RelayMissing, Warning, "There's no mail server: no one gets security notifications.", "Set one with `--mail-server` and `--mail-from`."},
	{RelayUnreachable, Error, "The mail server that sends notifications can't be reached.", "Check `--mail-server` and the firewall."},
	{RelayRefuses, Error, "The mail server that sends notifications refuses the connection.", "Check its certificate, `--mail-user` and `--mail-password-file`."},
	{NoDomain, Warning, "No email domain is set up.", "Add one in the control panel, or with `--domain`, `--imap` and `--smtp`."},
	{MailServer, Error, "A mail server doesn't offer TLS as profiles require.", "`mobileconfig check DOMAIN` says more."},
	{DNSRecord, Warning, "A DNS record that mail programs need to find the settings is missing or different.", "The domain's page in the control panel lists the records."},
	{LogDamaged, Error, "An action log was tampered with or is damaged.", "`mobileconfig log verify --checkpoint NOTE` says what was changed."},
	{BackupNone, Warning, "There has been no backup yet.", "Run `mobileconfig backup -o FILE` every night."},
	{BackupOld, Warning, "The last backup is more than three days old.", "Find out why the nightly backup doesn't run."},
	{VersionOld, Warning, "The service runs a different version than this program.", "Restart the service."},
	{MetricsUnanswered, Warning, "Nothing answers on the address for metrics.", "Check that the service runs with the same settings."},
}

func meaning(c Code) Meaning {
	for _, m := range meanings {
		if m.Code == c {
			return m
		}
	}
	return Meaning{Code: c, Severity: Error}
}
