package settings_test

import (
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/settings"
)

// TestPasswordAdvice checks that known hosts are recognized in any spelling,
// and no others.
func TestPasswordAdvice(t *testing.T) {
	for host, want := range map[string]string{
		"imap.gmail.com": "Google", "SMTP.Gmail.Com.": "Google", "gmail.com": "Google", "outlook.office365.com": "Microsoft", "smtp.office365.com": "Microsoft",
		"p01-imap.mail.me.com": "iCloud", "imap.mail.yahoo.com": "Yahoo",
		"imap.example.com": "", "notgmail.com": "", "gmail.com.example.com": "", "": "",
	} {
		if got := settings.PasswordAdvice(host); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q", host, got)
		}
	}
}
