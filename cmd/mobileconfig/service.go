package main

import (
	"errors"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
)

// serviceFlags are the servers in a profile.
type serviceFlags struct {
	IMAP    string `name:"imap" required:"" placeholder:"H[:P]" help:"IMAP server: HOST, HOST:PORT or HOST:143/starttls (default port: 993)."`
	SMTP    string `name:"smtp" required:"" placeholder:"H[:P]" help:"SMTP server: HOST, HOST:PORT or HOST:587/starttls (default port: 465)."`
	CalDAV  string `name:"caldav" placeholder:"H[:P]" help:"CalDAV server: HOST or HOST:PORT (default port: 443). Adds calendars; the device asks for a password once more."`
	CardDAV string `name:"carddav" placeholder:"H[:P]" help:"CardDAV server: HOST or HOST:PORT (default port: 443). Adds contacts; the device asks for a password once more."`
}

// service reads the flags.
func (f *serviceFlags) service() (s settings.MailService, err error) {
	if s.Incoming, err = profile.ParseIncoming(f.IMAP); err != nil {
		return s, flagError("--imap", err)
	}
	if s.Outgoing, err = profile.ParseOutgoing(f.SMTP); err != nil {
		return s, flagError("--smtp", err)
	}
	if s.Calendars, err = parseDAV("--caldav", f.CalDAV); err != nil {
		return s, err
	}
	s.Contacts, err = parseDAV("--carddav", f.CardDAV)
	return s, err
}

// parseDAV parses the address of an optional server.
func parseDAV(flag, text string) (profile.DAVServer, error) {
	if profile.Trim(text) == "" {
		return profile.DAVServer{}, nil
	}
	server, err := profile.ParseDAV(text)
	if err != nil {
		return server, flagError(flag, err)
	}
	return server, nil
}

// devicePolicy returns the standard policy with this number of attempts.
func devicePolicy(attempts int) (profile.Passcode, error) {
	policy := profile.DefaultPasscode()
	policy.MaxFailedAttempts = attempts
	if attempts < 7 || attempts > 10 {
		return policy, usage(errors.New("--max-failed-attempts: give a number from 7 to 10; with 6 or fewer, an iPhone is erased without a pause between attempts"))
	}
	return policy, nil
}
