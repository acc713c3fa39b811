//go:build unix

package signingtest

import (
	"flag"
	"syscall"
	"testing"
	"time"
)

// A Spent is a measurement of benchmarks and soak tests: wall-clock time, and
// CPU time, which other work on the machine affects less.
type Spent struct{ Clock, CPU time.Duration }

// Add runs f and adds its time.
func (s *Spent) Add(t testing.TB, f func()) {
	t.Helper()
	start, cpu := time.Now(), ProcessorTime(t)
	f()
	s.Clock += time.Since(start)
	s.CPU += ProcessorTime(t) - cpu
}

// Report reports s as a fraction of other: wall-clock time under the name, and
// CPU time as x-cpu.
func (s *Spent) Report(b *testing.B, name string, other Spent) {
	b.ReportMetric(0, "ns/op") // absolute times don't apply to other machines
	b.ReportMetric(float64(s.Clock)/float64(other.Clock), name)
	b.ReportMetric(float64(s.CPU)/float64(other.CPU), "x-cpu")
}

// ProcessorTime returns the CPU time that this process has used.
func ProcessorTime(t testing.TB) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Size returns the size of a benchmark's work: full, or a twentieth if it only
// runs once, which shows that it works but doesn't measure speed.
func Size(full int) int {
	if f := flag.Lookup("test.benchtime"); f != nil && f.Value.String() == "1x" {
		return full / 20
	}
	return full
}
