package settings

import (
	"context"
	"time"
)

// Checks are what the servers and the DNS of a domain said when they were last
// asked.
type Checks struct {
	Servers   []ServerCheck
	ServersAt time.Time // zero: never asked
	Records   []RecordCheck
	RecordsAt time.Time
}

// A ServerCheck is what the check of a server found.
type ServerCheck struct {
	Kind     string    `json:"kind"`   // a probe.Kind
	Server   string    `json:"server"` // as the domain's settings write it
	State    string    `json:"state"`  // a probe.State
	NotAfter time.Time `json:"not_after,omitzero"`
}

// A RecordCheck is how a DNS record stood.
type RecordCheck struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Value string `json:"value"` // what it is to say
	State string `json:"state"` // an autoconfig.State
}

// A CheckStore keeps the latest checks of domains. They change nothing about a
// domain, so they leave no action.
type CheckStore interface {
	// Checks returns those of the domain with the ID.
	Checks(ctx context.Context, domain string) (Checks, error)
	// KeepServerChecks and KeepRecordChecks replace those of before. Of a domain
	// that is gone they keep nothing.
	KeepServerChecks(ctx context.Context, domain string, at time.Time, checks []ServerCheck) error
	KeepRecordChecks(ctx context.Context, domain string, at time.Time, checks []RecordCheck) error
}
