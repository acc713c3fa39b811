package settings

import "strings"

// passwordHosts refuse the password of the mailbox over IMAP and SMTP. Each entry
// stands for the host and what is below it. docs/batches.md names the sources.
var passwordHosts = []struct{ host, advice string }{
	{"gmail.com", google},
	{"googlemail.com", google},
	{"outlook.office365.com", microsoft},
	{"smtp.office365.com", microsoft},
	{"mail.me.com", "iCloud takes an app-specific password only, which the person makes at account.apple.com. On Apple devices iCloud Mail needs no profile: it's in Settings."},
	{"mail.yahoo.com", "Yahoo takes an app password only, which the person makes in the security settings of the account."},
}

const (
	google    = "Google takes an app password only. The person needs 2-Step Verification to make one, and an organization can forbid it. Without a profile, add the account on the device as a Google account."
	microsoft = "Microsoft 365 takes no password over IMAP. Instead of a profile, add the account on the device as a Microsoft Exchange account."
)

// PasswordAdvice says what to do about a mail server that is known to refuse the
// password of a mailbox. It is empty for all others.
func PasswordAdvice(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, known := range passwordHosts {
		if host == known.host || strings.HasSuffix(host, "."+known.host) {
			return known.advice
		}
	}
	return ""
}
