//go:build unix

package signingtest

import (
	"syscall"
	"testing"
	"time"
)

// A Spent is what benchmarks compare: time by the clock, and of the processor,
// which other work on the machine changes less.
type Spent struct{ clock, cpu time.Duration }

// Add runs f and adds what it took.
func (s *Spent) Add(b *testing.B, f func()) {
	b.Helper()
	start, cpu := time.Now(), ProcessorTime(b)
	f()
	s.clock += time.Since(start)
	s.cpu += ProcessorTime(b) - cpu
}

// Report reports s as a part of other: by the clock under the name, and of the
// processor as x-cpu.
func (s *Spent) Report(b *testing.B, name string, other Spent) {
	b.ReportMetric(0, "ns/op") // a bare time says nothing about another machine
	b.ReportMetric(float64(s.clock)/float64(other.clock), name)
	b.ReportMetric(float64(s.cpu)/float64(other.cpu), "x-cpu")
}

// ProcessorTime is what this process has used.
func ProcessorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
