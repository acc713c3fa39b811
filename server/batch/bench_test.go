package batch_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// BenchmarkBatch creates archives of 100,000 people from a CSV, and reports the
// rate relative to issuing the same profiles (building, checking and signing)
// in the same process on all cores: x-issue. Both are timed in turns. On a busy
// machine x-cpu is more useful: the same in CPU time.
func BenchmarkBatch(b *testing.B) {
	rows := signingtest.Size(100_000)
	for _, variant := range []settings.Variant{settings.Mail, settings.Secure} {
		b.Run(string(variant), func(b *testing.B) {
			r := newRig(b, "p256")
			r.issue(b, 2000, variant) // warm
			var issued, made signingtest.Spent
			for b.Loop() {
				issued.Add(b, func() { r.issue(b, rows/2, variant) })
				made.Add(b, func() {
					plan, _ := r.run(b, output(b), people(rows), choice{Defaults: batch.Defaults{Variant: variant}})
					if plan.Files != rows {
						b.Fatalf("%d files", plan.Files)
					}
				})
				issued.Add(b, func() { r.issue(b, rows/2, variant) })
			}
			issued.Report(b, "x-issue", made)
		})
	}
}

// issue issues n profiles on all cores.
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
				order, _ := orders(issue.Person{Address: address, Name: "Jane Doe"}, batch.FileKind{Platform: profile.IPhone, Variant: variant})
				if _, err := r.issuer.Issue(b.Context(), order); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}
