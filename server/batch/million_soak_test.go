//go:build soak && !race

package batch_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// TestSoakMillion creates the archives of a million people, and compares the
// rate with that of the same profiles without archives, and with a tenth of the
// people: time must be linear. Every archive is verified.
func TestSoakMillion(t *testing.T) {
	rows := soak.Count(20_000, 1_000_000)
	r := newRig(t, "p256")
	r.issue(t, 2000, settings.Mail) // warm
	var issued, few, many signingtest.Spent
	issued.Add(t, func() { r.issue(t, rows/10, settings.Mail) })
	r.made(t, rows/10, &few)
	r.made(t, rows, &many)
	issued.Add(t, func() { r.issue(t, rows/10, settings.Mail) })
	soak.Figure(t, fmt.Sprintf("%d people, rate against in-process profiles, by the clock", rows), fmt.Sprintf("%.2f", 5*float64(issued.Clock)/float64(many.Clock)), "≥ 0.8")
	soak.Figure(t, "the same by the processor", fmt.Sprintf("%.2f", 5*float64(issued.CPU)/float64(many.CPU)), "≥ 0.8")
	soak.Figure(t, "time for each of them against a tenth of the people", fmt.Sprintf("%.2f", float64(many.Clock)/10/float64(few.Clock)), "about 1")
	soak.Figure(t, "seconds", many.Clock.Seconds(), "-")
}

// made creates a batch, which is measured, checks it and deletes it.
func (r *rig) made(t *testing.T, rows int, time *signingtest.Spent) {
	var plan *batch.Plan
	var archives []string
	time.Add(t, func() { plan, archives = r.run(t, output(t), people(rows), choice{}) })
	files := 0
	for _, archive := range archives {
		checkRules(t, archive)
		_, contents := members(t, archive)
		files += checkManifests(t, contents)
		if err := os.Remove(archive); err != nil {
			t.Fatal(err)
		}
	}
	if plan.Rows != rows || files != rows {
		t.Errorf("%d rows, %d files, want %d", plan.Rows, files, rows)
	}
}

// TestSoakVerifyScriptSeesEachByte changes each byte of verify.sh, and many of
// the other files, to several values.
func TestSoakVerifyScriptSeesEachByte(t *testing.T) {
	dir := newRig(t, "p256").small(t)
	step := soak.Count(600, 1)
	changeBytes(t, dir, func(size int) (places []int) {
		for at := 0; at < size; at += max(step, size/2000) {
			places = append(places, at)
		}
		return places
	}, func(at int) []byte { return []byte("#0 \n;")[at%5 : at%5+1] })
}

// TestSoakResumeDamaged is TestResumeDamaged, many times.
func TestSoakResumeDamaged(t *testing.T) { resumeDamaged(t, soak.Count(1, 200)) }

// TestSoakMalformed is TestMalformed with more inputs, and with 100 MB of rows
// that are too small, too many or bad.
func TestSoakMalformed(t *testing.T) {
	checkMalformed(t, soak.Count(2000, 200_000))
	checkHuge(t, soak.Count(2<<20, 100<<20))
}

// TestSoakOpenSSL verifies all files of an archive with OpenSSL.
func TestSoakOpenSSL(t *testing.T) {
	r := newRig(t, "p256")
	rows := soak.Count(500, 16_000)
	_, archives := r.run(t, output(t), people(rows), choice{Defaults: everything})
	r.otherReaders(t, archives[0], 3*rows)
}
