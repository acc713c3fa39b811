//go:build unix

package signingtest

import (
	"flag"
	"syscall"
	"testing"
	"time"
)

// A Spent is what benchmarks and soaks compare: time by the clock, and of the processor,
// which other work on the machine changes less.
type Spent struct{ Clock, CPU time.Duration }

// Add runs f and adds what it took.
func (s *Spent) Add(t testing.TB, f func()) {
	t.Helper()
	start, cpu := time.Now(), ProcessorTime(t)
	f()
	s.Clock += time.Since(start)
	s.CPU += ProcessorTime(t) - cpu
}

// Report reports s as a part of other: by the clock under the name, and of the
// processor as x-cpu.
func (s *Spent) Report(b *testing.B, name string, other Spent) {
	b.ReportMetric(0, "ns/op") // a bare time says nothing about another machine
	b.ReportMetric(float64(s.Clock)/float64(other.Clock), name)
	b.ReportMetric(float64(s.CPU)/float64(other.CPU), "x-cpu")
}

// ProcessorTime is what this process has used.
func ProcessorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Size is how large what a benchmark does is: full, or a twentieth if it is to run
// just once, which shows that it works and says nothing about speed.
func Size(full int) int {
	if f := flag.Lookup("test.benchtime"); f != nil && f.Value.String() == "1x" {
		return full / 20
	}
	return full
}
