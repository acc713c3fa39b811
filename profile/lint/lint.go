// Package lint reads configuration profiles that others made, signed or not,
// and finds what a device or an administrator would stumble over.
//
// Its readers take whatever bytes there are, within bounds. No value that may
// be secret leaves the package: a finding tells where it stands, not what it
// says.
package lint

import (
	"fmt"
	"time"
)

// Bounds on a file.
const (
	MaxSize     = 1 << 20 // bytes
	maxDepth    = 32
	maxElements = 20_000
)

// A Report is what Inspect finds. Whatever it holds from the file is cut to
// some length and has no control characters: it can be shown anywhere.
type Report struct {
	Signed bool `json:"signed"`
	// Signer is nil if the file is not signed, or its certificate not inside.
	Signer     *Signer `json:"signer"`
	Identifier string  `json:"identifier"`
	// Platform is the device that the file is for, such as "iphone" or "mac";
	// empty if it does not say.
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
	Chain    []string `json:"chain"` // subjects of the certificates inside
}

// A Payload is one part of a profile.
type Payload struct {
	Type       string   `json:"type"`
	Identifier string   `json:"identifier"`
	UUID       string   `json:"uuid"`
	Name       string   `json:"name,omitempty"`
	Servers    []string `json:"servers,omitempty"`
}

// Worst is the severity of the gravest finding; empty if there is none.
func (r *Report) Worst() Severity {
	if len(r.Findings) == 0 {
		return ""
	}
	return r.Findings[0].Severity
}

// Inspect reads a profile and reports what is inside and what is wrong with
// it at the time. An error means that the file cannot be read, by a device
// neither.
func Inspect(data []byte, at time.Time) (*Report, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("it is larger than %d bytes; no profile is", MaxSize)
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
