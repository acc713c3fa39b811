package settings_test

import (
	"testing"

	"github.com/updatecase/mobileconfig/server/settings"
)

func TestParseHostPattern(t *testing.T) {
	for in, want := range map[string]string{
		"imap.example.com": "imap.example.com", " IMAP.Example.COM ": "imap.example.com", "*.example.com": "*.example.com",
		"*.müller.example.com": "*.xn--mller-kva.example.com", "*.mail.example.co.uk": "*.mail.example.co.uk", "*.github.io.example.com": "*.github.io.example.com",
		"": "", "*": "", "*.": "", "*.com": "", "*.co.uk": "", "*.github.io": "", "*.*.example.com": "", "imap.*.com": "", "*example.com": "",
		"**.example.com": "", ".example.com": "", "example.com.": "", "imap.example.com:993": "", "https://imap.example.com": "", "192.0.2.1": "", "*.0.2.1": "",
	} {
		got, err := settings.ParseHostPattern(in)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q %v, want %q", in, got, err, want)
		}
	}
}

func TestApproves(t *testing.T) {
	patterns := []string{"imap.example.com", "*.example.net"}
	for host, want := range map[string]bool{
		"imap.example.com": true, "a.example.net": true, "a.b.example.net": true,
		"example.com": false, "smtp.example.com": false, "x.imap.example.com": false, "imap.example.com.evil.test": false,
		"example.net": false, ".example.net": false, "evilexample.net": false, "a.example.net.evil.test": false, "": false, "*.example.net": true, // no host has that name
	} {
		if got := settings.Approves(patterns, host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
	if settings.Approves(nil, "imap.example.com") {
		t.Error("an empty list approves")
	}
}
