package signingtest

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"sync"
	"testing"
	"time"
)

// round is the number of operations timed together.
const round = 32

// Ratio reports how long op takes, as a multiple of one raw signature with key,
// both in this many goroutines: x-raw. With several goroutines it also reports
// how much faster they are than one: x-one. The measurements alternate, so that
// a drifting machine speed affects all of them. The median is reported, which
// ignores bursts of other work.
func Ratio(b *testing.B, key crypto.Signer, goroutines int, op func() error) {
	b.Helper()
	digest := sha256.Sum256([]byte("raw"))
	raw := func() error {
		_, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		return err
	}
	var toRaw, toOne []float64
	stretch(b, goroutines, op) // warm
	for b.Loop() {
		whole := stretch(b, goroutines, op)
		toRaw = append(toRaw, float64(whole)/float64(stretch(b, goroutines, raw)))
		if goroutines > 1 {
			toOne = append(toOne, float64(goroutines)*float64(stretch(b, 1, op))/float64(whole))
		}
	}
	b.ReportMetric(0, "ns/op") // absolute times don't apply to other machines
	b.ReportMetric(median(toRaw), "x-raw")
	if goroutines > 1 {
		b.ReportMetric(median(toOne), "x-one")
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// stretch times a round of op in each goroutine.
func stretch(b *testing.B, goroutines int, op func() error) time.Duration {
	b.Helper()
	var wg sync.WaitGroup
	start := time.Now()
	for range goroutines {
		wg.Go(func() {
			for range round {
				if err := op(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
