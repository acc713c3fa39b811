package signerd

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// counts are the signer's counters since its start.
type counts struct {
	since             time.Time
	signed, checksums atomic.Int64
	refused           map[Reason]*atomic.Int64 // for each of Reasons
}

func newCounts(now time.Time) *counts {
	c := &counts{since: now, refused: map[Reason]*atomic.Int64{}}
	for _, r := range Reasons() {
		c.refused[r] = new(atomic.Int64)
	}
	return c
}

// A Status describes what a signer has done since its start, and whether it
// can sign.
type Status struct {
	Since     time.Time        `json:"since"`
	Signed    int64            `json:"signed"`
	Checksums int64            `json:"checksums"`
	Refused   map[Reason]int64 `json:"refused"`
	// Usable is "ok", or why the certificate can't be used for signing.
	Usable string `json:"usable"`
	// Reload is "ok", or why newer files of the certificate can't be used.
	Reload string `json:"reload"`
	// Approvals are the numbers of approvals.
	Approvals struct {
		Hosts         int  `json:"hosts"`
		Domains       int  `json:"domains"`
		Organizations int  `json:"organizations"`
		Erasing       bool `json:"erasing"`
		Limit         int  `json:"limit"`
	} `json:"approvals"`
}

// fine is the value of a Status field without a problem.
const fine = "ok"

// Status returns the current status.
func (s *Signer) Status() Status {
	out := Status{Since: s.counts.since, Signed: s.counts.signed.Load(), Checksums: s.counts.checksums.Load(), Refused: map[Reason]int64{}, Usable: fine, Reload: fine}
	for reason, n := range s.counts.refused {
		out.Refused[reason] = n.Load()
	}
	if err := s.config.Identity().Describe().Fault; err != nil {
		out.Usable = err.Error()
	}
	if s.config.Reload != nil && s.config.Reload() != nil {
		out.Reload = s.config.Reload().Error()
	}
	a := s.config.Approvals()
	out.Approvals.Hosts, out.Approvals.Domains, out.Approvals.Organizations = len(a.Hosts), len(a.Domains), len(a.Organizations)
	out.Approvals.Erasing, out.Approvals.Limit = a.Erasing, a.Limit
	return out
}

// A window counts events in a minute of the clock.
type window struct {
	mu     sync.Mutex
	minute time.Time
	n      int
}

// take counts one event, or returns how long to wait for the next minute. A
// limit of 0 means no limit.
func (w *window) take(now time.Time, limit int) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(w.minute) {
		w.minute, w.n = minute, 0
	}
	if limit > 0 && w.n >= limit {
		return w.minute.Add(time.Minute).Sub(now)
	}
	w.n++
	return 0
}

// A summary writes the first warnings of each minute to a log, and the number
// of the others.
type summary struct {
	log  *slog.Logger
	most int
	now  func() time.Time

	mu     sync.Mutex
	minute time.Time
	n      int
}

func (s *summary) warn(message string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if minute := s.now().Truncate(time.Minute); !minute.Equal(s.minute) {
		if s.n > s.most {
			s.log.Warn("more warnings were left out", "count", s.n-s.most, "minute", s.minute.UTC().Format(time.RFC3339))
		}
		s.minute, s.n = minute, 0
	}
	if s.n++; s.n <= s.most {
		s.log.Warn(message, args...)
	}
}
