package doctor

// A Code names something that can be wrong. Codes are published: add, never
// rename.
type Code string

// A Severity says how bad it is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // something doesn't work
	Warning Severity = "warning" // it works, and shouldn't stay like this
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

// A Meaning is a code with what it says, and what to do.
type Meaning struct {
	Code     Code
	Severity Severity
	Text, Do string
}

// Codes returns the codes in the order of the documentation.
func Codes() []Meaning { return meanings }

var meanings = []Meaning{
	{SettingsRefused, Error, "The service doesn't start with these settings.", "Correct the setting. `mobileconfig config` prints what is in force and from where."},
	{PlainBaseURL, Error, "The base URL is http:// with a public name: links and sign-ins can be read on the way, and phones may refuse profiles.", "Use https://, with `--acme-email` or behind a proxy."},
	{KeyExposed, Warning, "Everybody on this machine can read a key or a password.", "Take that away: `chmod o= FILE`."},
	{DataMissing, Error, "The data folder isn't there, or this user may not enter it.", "Start the service once. Run this as the service's user."},
	{DataExposed, Error, "Others can read the data folder, so the service doesn't start.", "`chmod go= FOLDER`."},
	{SecretMissing, Error, "The installation's secret isn't there, or this user may not read it.", "Restore it from a backup. A new one ends all links, and second factors by app."},
	{SecretWrong, Error, "The file of the installation's secret can't be used.", "Restore it from a backup, for its owner alone."},
	{SecretUnfinished, Warning, "Values are still encrypted under a version of the secret that has ended.", "Look into the service's log: it encrypts them again by itself, within an hour."},
	{LogKeyMissing, Error, "The key of the action log isn't there, or this user may not read it.", "Restore it from a backup."},
	{LogKeyWrong, Error, "The file of the action log's key can't be used.", "Restore it from a backup, for its owner alone."},
	{LogKeyOld, Error, "The key of the action log was replaced, and this server doesn't have the new one.", "Copy the file from the server where it was replaced."},
	{LogKeyUnfinished, Warning, "The replacement of the action log's key was broken off, or this server still has the old key beside the new one.", "Run `mobileconfig admin rotate-log-key` here: it does the rest."},
	{DiskFull, Error, "There is hardly any space left for the data folder.", "Free some space."},
	{DatabaseMissing, Error, "The database isn't there.", "Start the service once, or restore a backup."},
	{DatabaseDown, Error, "The database can't be reached.", "Check that it runs, and the URL and the password in `--database`."},
	{DatabaseDamaged, Error, "The database file is damaged, or it's no database.", "Restore a backup."},
	{DatabaseNewer, Error, "A newer program has used the database.", "Install that version, or restore a backup."},
	{NoWrites, Error, "The database takes no writes.", "Look after the disk, and the rights of the folder."},
	{NoMember, Warning, "Nobody can sign in to the control panel.", "`mobileconfig admin setup-url` prints the address that creates the first owner."},
	{CertificateTest, Error, "Profiles are signed with a test certificate: devices show “Not Verified”.", "Get a certificate with `--acme-email`, or name one with `--signing-cert`."},
	{CertificateBad, Error, "The certificate can't sign profiles.", "The detail says why. The codes of signing identities say more."},
	{CertificateNone, Error, "There's no certificate yet.", "See the log, and the finding on renewals."},
	{CertificateEnds, Warning, "The certificate expires soon.", "Renew it. With certbot, look at why `certbot renew` did not."},
	{CertificateOld, Warning, "Devices before iOS 16 and macOS 13 show “Not Verified”.", "Ask the authority for a chain that ends in an older root."},
	{CertificateOwn, Warning, "The certificate isn't from a public authority: devices show “Not Verified” unless they trust it.", "Use a public authority, or install the root on the devices by MDM."},
	{RenewalFails, Error, "The last order of a certificate failed.", "See the codes of certificates by ACME."},
	{SignerAway, Error, "The signer, which is a process of its own, doesn't answer, or can't sign.", "`systemctl status mobileconfig-signer`; its log says why, and who may not connect."},
	{TLSUnusable, Error, "The files for HTTPS can't be used.", "Check `--tls-cert` and `--tls-key`: they have to be a pair."},
	{TLSName, Error, "The certificate for HTTPS doesn't have the host name of the base URL.", "Get one that does, or correct `--base-url`."},
	{NameUnknown, Error, "The host name of the base URL isn't in the DNS.", "Publish an A or AAAA record."},
	{PortClosed, Error, "Nothing answers at the base URL.", "Check that the service runs, the firewall, and where the DNS leads to."},
	{WrongServer, Error, "Something else than this service answers at the base URL.", "Check the DNS, and the proxy in front."},
	{HTTPSUntrusted, Error, "A browser doesn't trust the certificate at the base URL.", "Use the whole chain of a public authority (fullchain.pem), for this name."},
	{NotReady, Error, "The service answers and can't serve.", "See the other findings, and `/details` on `--metrics-listen`."},
	{ClockWrong, Error, "This machine's clock is wrong.", "Set it: `timedatectl set-ntp true`."},
	{ClockAhead, Warning, "The action log has times that are ahead of this machine's clock.", "Set the clock. What counts is the order of the entries."},
	{RelayMissing, Warning, "There's no mail server: nobody is told of what concerns the security of accounts.", "Name one with `--mail-server` and `--mail-from`."},
	{RelayUnreachable, Error, "The mail server that sends notifications can't be reached.", "Check `--mail-server` and the firewall."},
	{RelayRefuses, Error, "The mail server that sends notifications refuses the connection.", "Check its certificate, `--mail-user` and `--mail-password-file`."},
	{NoDomain, Warning, "No mail domain is set up.", "Add one in the control panel, or with `--domain`, `--imap` and `--smtp`."},
	{MailServer, Error, "A mail server doesn't offer TLS as a profile needs it.", "`mobileconfig check DOMAIN` says more."},
	{DNSRecord, Warning, "A DNS record by which mail programs find the settings is missing, or says something else.", "The domain's page in the control panel lists the records."},
	{LogDamaged, Error, "An action log isn't what it was.", "`mobileconfig log verify --checkpoint NOTE` says what was changed."},
	{BackupNone, Warning, "There has been no backup yet.", "`mobileconfig backup -o FILE`, every night."},
	{BackupOld, Warning, "The last backup is more than three days old.", "Look at why the nightly backup doesn't run."},
	{VersionOld, Warning, "The service runs another version than this program.", "Restart the service."},
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
