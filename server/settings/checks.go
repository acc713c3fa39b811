package settings

import (
	"context"
	"time"
)

// Checks are the results of the last checks of a domain's servers and DNS.
type Checks struct {
	Servers   []ServerCheck
	ServersAt time.Time // zero: never checked
	Records   []RecordCheck
	RecordsAt time.Time
}

// A ServerCheck is the result of a server's check.
type ServerCheck struct {
	Kind     string    `json:"kind"`   // a probe.Kind
	Server   string    `json:"server"` // as in the domain's settings
	State    string    `json:"state"`  // a probe.State
	NotAfter time.Time `json:"not_after,omitzero"`
}

// A RecordCheck is the result of a DNS record's check.
type RecordCheck struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"` // the expected value
	State string `json:"state"` // an autoconfig.State
}

// A CheckStore stores the latest checks of domains. They change nothing about
// a domain, so they aren't logged as actions.
type CheckStore interface {
	// Checks returns the checks of the domain with the ID.
	Checks(ctx context.Context, domain string) (Checks, error)
	// KeepServerChecks and KeepRecordChecks replace the previous checks. For a
	// deleted domain they store nothing.
	KeepServerChecks(ctx context.Context, domain string, at time.Time, checks []ServerCheck) error
	KeepRecordChecks(ctx context.Context, domain string, at time.Time, checks []RecordCheck) error
}
