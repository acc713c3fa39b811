package main

import (
	"testing"

	"github.com/updatecase/mobileconfig/profile"
)

// TestRelay checks that a mail server on this machine or without a name needs a
// port, and that host names follow the usual rules.
func TestRelay(t *testing.T) {
	for text, want := range map[string]profile.Server{
		"mail.example.com":              {Host: "mail.example.com", Port: 465},
		"mail.example.com:587/starttls": {Host: "mail.example.com", Port: 587, STARTTLS: true},
		"localhost:2525/starttls":       {Host: "localhost", Port: 2525, STARTTLS: true},
		"127.0.0.1:465":                 {Host: "127.0.0.1", Port: 465},
		"[::1]:465":                     {Host: "::1", Port: 465},
	} {
		if got, err := parseRelay(text); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "localhost", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:70000", "localhost:x", "mail.example.com:25/starttls"} {
		if got, err := parseRelay(text); err == nil {
			t.Errorf("%s: got %+v, want an error", text, got)
		}
	}
}
