package certificate

import "time"

// A Status is the status of the certificate.
type Status struct {
	// Source is where it comes from; empty: there is none.
	Source Source
	// Automatic says that the program renews it.
	Automatic bool
	// Renews is when it is renewed, or zero.
	Renews time.Time
	// Failure is the last order, if it failed, and Retry the time of the next.
	Failure *Failure
	Retry   time.Time
}

// Status returns the current status.
func (m *Manager) Status() Status {
	s := m.state.Load()
	out := Status{Automatic: m.config.ACME != nil}
	if s.pair != nil {
		out.Source = s.kept.Source
	}
	if s.pair != nil && out.Automatic {
		out.Renews = m.renewAt(s)
	}
	if a := s.attempt; a.Failures > 0 {
		out.Failure = &Failure{Reason: a.Reason, Detail: a.Detail, Count: a.Failures, At: a.At}
		out.Retry = a.Next
	}
	return out
}
