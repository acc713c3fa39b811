package settings

import "strings"

// passwordHosts refuse the mailbox's password over IMAP and SMTP. Each entry
// includes the hosts below it. docs/batches.md lists the sources.
var passwordHosts = []struct{ host, advice string }{
	{"gmail.com", google},
	{"googlemail.com", google},
	{"outlook.office365.com", microsoft},
	{"smtp.office365.com", microsoft},
	{"mail.me.com", "iCloud accepts only an app-specific password, which the person creates at account.apple.com. On Apple devices iCloud Mail needs no profile: it's in Settings."},
	{"mail.yahoo.com", "Yahoo accepts only an app password, which the person creates in the account's security settings."},
}

const (
	google    = "Google accepts only an app password. The person needs 2-Step Verification to create one, and an organization can forbid it. Without a profile, add the account on the device as a Google account."
	microsoft = "Microsoft 365 doesn't accept passwords over IMAP. Instead of a profile, add the account on the device as a Microsoft Exchange account."
)

// PasswordAdvice returns advice for mail servers that are known to refuse the
// mailbox's password, and an empty text for all others.
func PasswordAdvice(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, known := range passwordHosts {
		if host == known.host || strings.HasSuffix(host, "."+known.host) {
			return known.advice
		}
	}
	return ""
}
