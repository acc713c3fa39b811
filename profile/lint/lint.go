// Package lint inspects configuration profiles from other sources, signed or
// not, and finds what would cause trouble for devices or administrators.
//
// It accepts any bytes, within limits. It never reveals a value that may be
// secret: findings say where it is, not what it is.
package lint

import (
	"fmt"
	"time"
)

// Limits for files.
const (
	MaxSize     = 1 << 20 // bytes
	maxDepth    = 32
	maxElements = 20_000
)

// A Report is the result of Inspect. Everything from the file is shortened and
// has no control characters, so it can be shown anywhere.
type Report struct {
	Signed bool `json:"signed"`
	// Signer is nil if the file isn't signed, or the certificate is missing.
	Signer     *Signer `json:"signer"`
	Identifier string  `json:"identifier"`
	// Platform is the device that the file is for, for example "iphone" or
	// "mac"; empty if the file doesn't say.
	Platform string    `json:"platform"`
	Payloads []Payload `json:"payloads"`
	Findings []Finding `json:"findings"` // errors first
}

// A Signer is who signed.
type Signer struct {
	Subject  string   `json:"subject"`
	Issuer   string   `json:"issuer"`
	NotAfter string   `json:"not_after"`
	Digest   string   `json:"digest"`
	Chain    []string `json:"chain"` // subjects of the certificates in the envelope
}

// A Payload is one part of a profile.
type Payload struct {
	Type       string   `json:"type"`
	Identifier string   `json:"identifier"`
	UUID       string   `json:"uuid"`
	Name       string   `json:"name,omitempty"`
	Servers    []string `json:"servers,omitempty"`
}

// Worst returns the severity of the most serious finding, or "" if there is
// none.
func (r *Report) Worst() Severity {
	if len(r.Findings) == 0 {
		return ""
	}
	return r.Findings[0].Severity
}

// Inspect reads a profile and reports its contents and problems at the given
// time. An error means that the file can't be read, by devices either.
func Inspect(data []byte, at time.Time) (*Report, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("it's larger than %d bytes, too large for a profile", MaxSize)
	}
	i := &inspector{report: &Report{Payloads: []Payload{}}, at: at}
	root, err := i.open(data)
	if err != nil {
		return nil, err
	}
	i.scan(&root, "", nil)
	i.profile(&root)
	i.report.Findings = i.findings()
	return i.report, nil
}
