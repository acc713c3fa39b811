package probe

import (
	"slices"
	"strings"
)

// imap is IMAP (RFC 9051).
type imap struct{}

func (imap) greeting(l *lines) error {
	line, err := l.read()
	if err != nil {
		return err
	}
	words := strings.Fields(line)
	switch {
	case len(words) < 2 || words[0] != "*":
		return found(NotMail)
	case words[1] == "OK" || words[1] == "PREAUTH":
		return nil
	case words[1] == "BYE":
		return errAnswer
	}
	return found(NotMail)
}

func (imap) offers(l *lines) (offered, error) {
	var has []string
	done, err := command(l, "C", "CAPABILITY", func(words []string) {
		if words[0] == "CAPABILITY" {
			has = append(has, words[1:]...)
		}
	})
	if err == nil && !done {
		err = errAnswer
	}
	return offered{
		starttls: slices.Contains(has, "STARTTLS"),
		password: !slices.Contains(has, "LOGINDISABLED") || slices.Contains(has, "AUTH=PLAIN") || slices.Contains(has, "AUTH=LOGIN"),
	}, err
}

func (imap) starttls(l *lines) error {
	done, err := command(l, "S", "STARTTLS", func([]string) {})
	if err == nil && !done {
		err = found(StartTLSMissing)
	}
	return err
}

func (imap) leave(l *lines) { l.write("Q LOGOUT") }

// command sends a command with the tag, passes each response before its
// completion to each, and reports whether it succeeded.
func command(l *lines, tag, text string, each func(words []string)) (done bool, err error) {
	if err := l.write(tag + " " + text); err != nil {
		return false, err
	}
	for {
		line, err := l.read()
		if err != nil {
			return false, err
		}
		words := strings.Fields(line)
		switch {
		case len(words) < 2:
			return false, errAnswer
		case words[0] == tag:
			return words[1] == "OK", nil
		case words[0] != "*":
			return false, errAnswer
		}
		each(words[1:])
	}
}
