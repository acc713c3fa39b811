package batches_test

import (
	"path/filepath"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/updatecase/mobileconfig/server/background"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/blob/blobtest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// BenchmarkRate creates archives of 50,000 people in the service, from the
// upload to the last archive, and reports the rate relative to the command line
// in the same process: x-offline. Both are timed in turns. On a busy machine
// x-cpu is more useful: the same in CPU time, without the database and the S3
// service.
func BenchmarkRate(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // like the command line and the service
	background.MakeRoom()                             // like the service
	list := people(signingtest.Size(50_000))
	for name, open := range map[string]func(b *testing.B) *rig{
		"sqlite/folder": func(b *testing.B) *rig { return newRig(b, storetest.SQLite(b), filepath.Join(b.TempDir(), "archive")) },
		"postgres/folder": func(b *testing.B) *rig {
			return newRig(b, storetest.Postgres(b), filepath.Join(b.TempDir(), "archive"))
		},
		"postgres/s3": func(b *testing.B) *rig {
			service := blobtest.Start(b)
			service.Setenv(b)
			r := newRigWith(b, storetest.Postgres(b), service.Address("batches"), blob.S3Options{Endpoint: service.URL})
			return r
		},
	} {
		b.Run(name, func(b *testing.B) {
			r := open(b)
			r.work(b)
			r.offline(b, people(2000)) // warm
			var offline, made signingtest.Spent
			for b.Loop() {
				runtime.GC() // neither pays for the other
				offline.Add(b, func() { r.offline(b, list) })
				runtime.GC()
				made.Add(b, func() {
					batch := r.create(b, owner(), list, batches.Choice{})
					r.want(b, batch.ID, batches.Ready)
					r.start(b, owner(), batch.ID)
					r.want(b, batch.ID, batches.Done)
				})
			}
			offline.Report(b, "x-offline", made)
		})
	}
}
