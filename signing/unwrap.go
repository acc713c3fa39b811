package signing

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"net/mail"
	"slices"
	"strings"
)

// A Wrapping is what tools put around an envelope for transport by mail or as
// text. Devices only accept the bare envelope.
type Wrapping string

// The wrappings that are unwrapped.
const (
	Bare   Wrapping = ""
	PEM    Wrapping = "PEM"
	MIME   Wrapping = "MIME" // the headers of a signed email (smime.p7m)
	Base64 Wrapping = "base64"
)

var (
	// ErrMail means an email with a detached signature, or one that isn't
	// signed.
	ErrMail = errors.New("it's an email, not a signed profile")
	// ErrDamagedPEM means PEM text that can't be decoded.
	ErrDamagedPEM = errors.New("it's damaged PEM text")
)

// wrapped is an unwrapped envelope.
type wrapped struct {
	data              []byte
	wrapping          Wrapping
	leading, trailing int // bytes around the wrapping in the file
}

// Enveloped reports whether a file is, or seems intended as, a signed envelope,
// so that [Examine] can say more. A property list isn't one.
func Enveloped(file []byte) bool {
	_, err := unwrap(file)
	return !errors.Is(err, ErrNotEnvelope)
}

// unwrap finds the envelope in a file. The envelope may still be damaged.
func unwrap(file []byte) (wrapped, error) {
	text := trimStart(file)
	switch {
	case len(text) == 0, isPropertyList(text):
		return wrapped{}, ErrNotEnvelope
	case len(file) > maxEnvelope:
		return wrapped{}, errTooLarge
	case file[0] == 0x30:
		return wrapped{data: file}, nil
	case isMail(text):
		return unwrapMail(text)
	}
	if at := findEnvelope(file); at >= 0 {
		return wrapped{data: file[at:], leading: at}, nil
	}
	if bytes.Contains(text, []byte("-----BEGIN ")) {
		return unwrapPEM(file)
	}
	if der := decodeBase64(text); len(der) > 0 && findEnvelope(der) == 0 {
		return wrapped{data: der, wrapping: Base64}, nil
	}
	return wrapped{}, ErrNotEnvelope
}

// trimStart removes whitespace and byte order marks at the start.
func trimStart(file []byte) []byte {
	return bytes.TrimLeft(file, " \t\r\n\v\f\ufeff")
}

// isPropertyList reports whether text starts like a property list of any form.
func isPropertyList(text []byte) bool {
	for _, start := range []string{"<", "bplist", "\xfe\xff", "\xff\xfe", "\x00<"} {
		if bytes.HasPrefix(text, []byte(start)) {
			return true
		}
	}
	return false
}

func unwrapPEM(file []byte) (wrapped, error) {
	block, rest := pem.Decode(file)
	if block == nil || !slices.Contains([]string{"CMS", "PKCS7", "PKCS #7 SIGNED DATA"}, block.Type) {
		return wrapped{}, ErrDamagedPEM
	}
	return wrapped{data: block.Bytes, wrapping: PEM, trailing: len(bytes.TrimSpace(rest))}, nil
}

// isMail reports whether text starts with an email header.
func isMail(text []byte) bool {
	line, _, _ := bytes.Cut(text[:min(len(text), 1000)], []byte("\n"))
	name, _, ok := bytes.Cut(line, []byte(":"))
	lower := strings.ToLower(string(name))
	return ok && (strings.HasPrefix(lower, "mime-") || strings.HasPrefix(lower, "content-") ||
		slices.Contains([]string{"from", "to", "subject", "date", "received", "return-path", "message-id", "delivered-to"}, lower))
}

// unwrapMail extracts the envelope from an email that consists of it. The
// standard type is application/pkcs7-mime, but tools write many others.
func unwrapMail(text []byte) (wrapped, error) {
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return wrapped{}, ErrMail
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return wrapped{}, ErrMail
	}
	if at := findEnvelope(body); at == 0 {
		return wrapped{data: body, wrapping: MIME}, nil
	}
	if der := decodeBase64(body); findEnvelope(der) == 0 {
		return wrapped{data: der, wrapping: MIME}, nil
	}
	return wrapped{}, ErrMail
}

// decodeBase64 decodes base64 with line breaks. It returns nil for anything
// else.
func decodeBase64(text []byte) []byte {
	compact := bytes.Join(bytes.Fields(text), nil)
	der := make([]byte, base64.StdEncoding.DecodedLen(len(compact)))
	n, err := base64.StdEncoding.Decode(der, compact)
	if err != nil {
		return nil
	}
	return der[:n]
}

// typeOf is the encoded type of signed data at the start of an envelope.
var typeOf = []byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02")

// findEnvelope returns where a signed envelope starts, or -1.
func findEnvelope(data []byte) int {
	at := bytes.Index(data, typeOf)
	if at < 2 {
		return -1
	}
	// A sequence's tag and length come first: one length byte, or one that is
	// followed by up to four more. Long forms come first, because their last
	// bytes may look like a short one.
	for size := min(4, at-2); size >= 0; size-- {
		start, first := at-size-2, data[at-size-1]
		if data[start] == 0x30 && (size == 0 && first <= 0x80 || size > 0 && first == 0x80|byte(size)) {
			return start
		}
	}
	return -1
}

// MailHeader returns the length of an email header at the start of the content,
// or 0. Tools that sign email add one, and devices can't find a profile after
// it.
func (e *Envelope) MailHeader() int {
	if !isMail(e.Content) {
		return 0
	}
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if at := bytes.Index(e.Content, []byte(end)); at >= 0 {
			return at + len(end)
		}
	}
	return 0
}
