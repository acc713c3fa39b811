package signingtest

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"testing"
	"time"
)

// round is how many operations are timed at a stretch.
const round = 32

// Ratio reports how long op takes, as a multiple of one raw signature with
// key, both done by so many goroutines. The two are timed in turns, so that a
// machine whose speed drifts slows both.
func Ratio(b *testing.B, key crypto.Signer, goroutines int, op func() error) {
	b.Helper()
	digest := sha256.Sum256([]byte("raw"))
	raw := func() error {
		_, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
		return err
	}
	var whole, floor time.Duration
	stretch(b, goroutines, op) // warm
	for b.Loop() {
		whole += stretch(b, goroutines, op)
		floor += stretch(b, goroutines, raw)
	}
	b.ReportMetric(0, "ns/op") // a bare time says nothing about another machine
	b.ReportMetric(float64(whole)/float64(floor), "x-raw")
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
