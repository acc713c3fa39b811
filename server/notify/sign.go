package notify

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Signer signs calls like those of webhooks, for programs that make the
// calls themselves.
type Signer struct{ secret secret }

// NewSigner returns a Signer with a new secret.
func NewSigner() Signer { return Signer{newSecret()} }

// ParseSigner returns the Signer for a secret that begins with whsec_.
func ParseSigner(text string) (Signer, error) {
	encoded, ok := strings.CutPrefix(strings.TrimSpace(text), "whsec_")
	s, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || err != nil || len(s) < 24 {
		return Signer{}, errors.New("it isn't a webhook secret, which begins with whsec_")
	}
	return Signer{s}, nil
}

// Secret returns the secret with which a receiver verifies the calls.
func (s Signer) Secret() string { return s.secret.String() }

// SetHeaders sets the headers of a call with the body.
func (s Signer) SetHeaders(header http.Header, message string, at time.Time, body []byte) {
	setHeader(header, message, at, s.secret.sign(message, at, body))
}

// setHeader sets the headers of a call.
func setHeader(header http.Header, message string, at time.Time, signature string) {
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "mobileconfig")
	header.Set("webhook-id", message)
	header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	header.Set("webhook-signature", signature)
}
