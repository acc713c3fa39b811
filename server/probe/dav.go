package probe

import (
	"strings"

	"github.com/updatecase/mobileconfig/profile"
)

// dav is CalDAV or CardDAV over HTTPS (RFC 6764), up to the point of signing
// in.
type dav struct {
	kind   Kind
	server profile.Server
}

func (dav) greeting(*lines) error { return nil }

// offers requests the kind's well-known URL, as devices do first. The server
// must redirect, or request a sign-in.
func (d dav) offers(l *lines) (offered, error) {
	host := d.server.Host
	if d.server.Port != profile.DefaultDAVPort {
		host = d.server.String()
	}
	request := []string{"PROPFIND /.well-known/" + string(d.kind) + " HTTP/1.1", "Host: " + host, "Depth: 0", "Content-Length: 0", "Connection: close", ""}
	if err := l.write(strings.Join(request, "\r\n")); err != nil {
		return offered{}, err
	}
	line, err := l.read()
	if err != nil {
		return offered{}, err
	}
	version, status, _ := strings.Cut(line, " ")
	switch {
	case !strings.HasPrefix(version, "HTTP/1.") || len(status) < 3:
		return offered{}, found(NotDAV)
	case status[0] == '2', status[0] == '3', status[:3] == "401", status[:3] == "403":
		return offered{password: true}, nil
	case status[0] == '4', status[:3] == "501":
		return offered{}, found(NotDAV)
	}
	return offered{}, errAnswer
}

// starttls is never called: HTTPS encrypts from the first byte.
func (dav) starttls(*lines) error { return found(StartTLSMissing) }

func (dav) leave(*lines) {}
