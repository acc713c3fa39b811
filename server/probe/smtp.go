package probe

import (
	"slices"
	"strings"
)

// smtp is submission by SMTP (RFC 5321, RFC 6409).
type smtp struct{}

func (smtp) greeting(l *lines) error {
	code, _, err := reply(l)
	switch {
	case err == errAnswer:
		return found(NotMail)
	case err == nil && code != "220":
		return errAnswer
	}
	return err
}

// offers says hello without a name, to reveal nothing about this machine.
func (smtp) offers(l *lines) (offered, error) {
	var o offered
	if err := l.write("EHLO [127.0.0.1]"); err != nil {
		return o, err
	}
	code, texts, err := reply(l)
	if err == nil && code != "250" {
		err = errAnswer
	}
	if err != nil {
		return o, err
	}
	for _, text := range texts[1:] {
		words := strings.Fields(strings.Replace(text, "AUTH=", "AUTH ", 1))
		switch {
		case len(words) == 0:
		case words[0] == "STARTTLS":
			o.starttls = true
		case words[0] == "AUTH":
			o.password = o.password || slices.Contains(words, "PLAIN") || slices.Contains(words, "LOGIN")
		}
	}
	return o, nil
}

func (smtp) starttls(l *lines) error {
	if err := l.write("STARTTLS"); err != nil {
		return err
	}
	code, _, err := reply(l)
	if err == nil && code != "220" {
		err = found(StartTLSMissing)
	}
	return err
}

func (smtp) leave(l *lines) { l.write("QUIT") }

// reply reads a reply of one or more lines: its code, and the text of each
// line.
func reply(l *lines) (code string, texts []string, err error) {
	for {
		line, err := l.read()
		if err != nil {
			return "", nil, err
		}
		if len(line) < 3 || strings.Trim(line[:3], "0123456789") != "" || code != "" && line[:3] != code {
			return "", nil, errAnswer
		}
		code = line[:3]
		rest := line[3:]
		if rest != "" && rest[0] != ' ' && rest[0] != '-' {
			return "", nil, errAnswer
		}
		texts = append(texts, strings.TrimLeft(rest, " -"))
		if rest == "" || rest[0] == ' ' {
			return code, texts, nil
		}
	}
}
