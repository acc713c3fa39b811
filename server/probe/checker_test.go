package probe

import (
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
)

// TestChecksRest checks that a domain can be checked again only after a pause,
// and that old entries are deleted.
func TestChecksRest(t *testing.T) {
	var k checks
	start := time.Now()
	for _, tt := range []struct {
		domain string
		after  time.Duration
		wait   time.Duration // zero: it may begin
	}{
		{"a.example", 0, 0},
		{"a.example", 4 * time.Second, 6 * time.Second},
		{"b.example", 4 * time.Second, 0},
		{"a.example", 10*time.Second - 1, 1},
		{"a.example", 10 * time.Second, 0},
		{"b.example", 30 * time.Second, 0},
	} {
		err := k.begin(tt.domain, start.Add(tt.after))
		if err == nil {
			k.end()
		}
		var wait time.Duration
		if f := fault.Of(err); f != nil {
			wait = f.RetryAfter
		}
		if wait != tt.wait || (err == nil) != (tt.wait == 0) {
			t.Errorf("%s after %v: %v, want to wait %v", tt.domain, tt.after, err, tt.wait)
		}
	}
	if len(k.began) != 1 || k.running != 0 {
		t.Errorf("%d domains kept, %d checks running", len(k.began), k.running)
	}
}
