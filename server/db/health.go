package db

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
)

// probeEvery is how often to try a write while it is in doubt whether writes
// work.
const probeEvery = 10 * time.Second

// touch is a write that changes nothing but has to reach the disk.
const touch = `UPDATE installation SET mail = mail`

// A health tracks whether writes work.
type health struct {
	soon time.Duration // of a write that ends the doubt
	mu   sync.Mutex
	// doubt is why the last write failed if none has worked since, or nil.
	doubt  error
	probed time.Time
}

// note records the result of a write that began at a time.
func (h *health) note(began time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case fault.Is(err, fault.StorageFull), fault.Is(err, fault.DatabaseUnavailable):
		h.doubt = err
	case err == nil && time.Since(began) < h.soon:
		h.doubt = nil
	}
}

// due reports whether it is time to try a write.
func (h *health) due() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.doubt == nil || time.Since(h.probed) < probeEvery {
		return false
	}
	h.probed = time.Now()
	return true
}

// Writes returns nil, or why the last write failed if none has worked since.
func (d *DB) Writes() error {
	d.health.mu.Lock()
	defer d.health.mu.Unlock()
	return d.health.doubt
}

// Check returns an error if the database doesn't answer, on a connection that
// nothing else uses, or if writes don't work. While that is in doubt it tries
// one, at most every ten seconds.
func (d *DB) Check(ctx context.Context) error {
	if err := d.kind.ping(ctx); err != nil {
		return fmt.Errorf("ping: %w", d.Diagnose(because(ctx, err)))
	}
	if d.health.due() {
		_ = d.TryWrite(ctx) // Writes knows the result
	}
	if err := d.Writes(); err != nil {
		return fmt.Errorf("writes don't work: %w", err)
	}
	return nil
}

// TryWrite writes what changes nothing, and returns why that failed.
func (d *DB) TryWrite(ctx context.Context) error {
	began := time.Now()
	err := d.Diagnose(because(ctx, d.kind.touch(ctx)))
	d.health.note(began, err)
	return err
}
