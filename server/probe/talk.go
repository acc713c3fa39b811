package probe

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
)

// maxLine is the longest line of a server in bytes.
const maxLine = 8 << 10

var (
	errTooMuch = errors.New("probe: the server sends too much")
	errAnswer  = errors.New("probe: the server violates the protocol")
)

// A bounded connection ends after a limited number of bytes was read.
type bounded struct {
	net.Conn
	left int
}

// Read reads from the connection up to the limit.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, errTooMuch
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// lines reads and writes lines.
type lines struct {
	w io.Writer
	r *bufio.Reader
}

func newLines(conn net.Conn) *lines { return &lines{conn, bufio.NewReaderSize(conn, maxLine)} }

// read returns the next line in upper case, as protocols compare, without its
// end.
func (l *lines) read() (string, error) {
	data, err := l.r.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.ToUpper(strings.TrimRight(string(data), "\r\n")), nil
}

func (l *lines) write(line string) error {
	_, err := io.WriteString(l.w, line+"\r\n")
	return err
}

// offered is what a server offers, as far as it matters here.
type offered struct {
	starttls bool
	password bool // sign-in with a plain password, without a challenge
}

// A protocol is the conversation with servers of a kind.
type protocol interface {
	// greeting reads the server's greeting, or finds NotMail.
	greeting(l *lines) error
	// offers asks what the server offers now.
	offers(l *lines) (offered, error)
	// starttls requests TLS, or finds StartTLSMissing.
	starttls(l *lines) error
	// leave says goodbye and doesn't wait for an answer.
	leave(l *lines)
}

func protocolOf(k Kind, s profile.Server) protocol {
	switch k {
	case CalDAV, CardDAV:
		return dav{k, s}
	case Outgoing:
		return smtp{}
	}
	return imap{}
}
