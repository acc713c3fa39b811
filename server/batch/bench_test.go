package batch_test

import (
	"fmt"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
)

// BenchmarkBatch makes archives of 100,000 people from a CSV, and tells the rate
// as a part of that at which the same profiles are built, checked by the gate
// and signed in the same process on all cores: x-issue. Both are timed in turns.
// On a busy machine x-cpu tells more: the same of the time of the processor.
func BenchmarkBatch(b *testing.B) {
	const rows = 100_000
	for _, variant := range []settings.Variant{settings.Mail, settings.Secure} {
		b.Run(string(variant), func(b *testing.B) {
			r := newRig(b, "p256")
			r.issue(b, 2000, variant) // warm
			var issued, made spent
			for b.Loop() {
				issued.add(func() { r.issue(b, rows/2, variant) })
				made.add(func() {
					plan, _ := r.run(b, output(b), people(rows), choice{Defaults: batch.Defaults{Variant: variant}})
					if plan.Files != rows {
						b.Fatalf("%d files", plan.Files)
					}
				})
				issued.add(func() { r.issue(b, rows/2, variant) })
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(issued.clock)/float64(made.clock), "x-issue")
			b.ReportMetric(float64(issued.cpu)/float64(made.cpu), "x-cpu")
		})
	}
}

// A spent is time, by the clock and of the processor.
type spent struct{ clock, cpu time.Duration }

func (s *spent) add(f func()) {
	start, cpu := time.Now(), processor()
	f()
	s.clock += time.Since(start)
	s.cpu += processor() - cpu
}

// processor is what this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// issue issues so many profiles on all cores.
func (r *rig) issue(b testing.TB, n int, variant settings.Variant) {
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				address, err := profile.ParseAddress(fmt.Sprintf("jane.doe%d@example.com", i))
				if err != nil {
					b.Error(err)
					return
				}
				order, _ := orders(issue.Person{Address: address, Name: "Jane Doe"}, batch.What{Platform: profile.IPhone, Variant: variant})
				if _, err := r.issuer.Issue(b.Context(), order); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
