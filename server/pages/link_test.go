package pages

import (
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/templates"
)

func TestExpiry(t *testing.T) {
	end := time.Date(2026, 11, 24, 19, 0, 0, 0, time.FixedZone("", 3600))
	for tag, want := range map[string]string{
		"en": "Tuesday, 24 November, 18:00 UTC",
		"ja": "2026-11-24, 18:00 UTC",
	} {
		if got := expiry(end, templates.Language{Tag: tag}); got != want {
			t.Errorf("%s: got %q, want %q", tag, got, want)
		}
	}
}
