package field

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// A Moment is a time in the API: RFC 3339 in UTC, to the millisecond.
type Moment struct{ time.Time }

const momentLayout = "2006-01-02T15:04:05.000Z"

// At converts a time.
func At(t time.Time) Moment { return Moment{t} }

// AtOrNil returns nil for the zero time.
func AtOrNil(t time.Time) *Moment {
	if t.IsZero() {
		return nil
	}
	return &Moment{t}
}

// MarshalJSON writes the time.
func (m Moment) MarshalJSON() ([]byte, error) {
	return json.Marshal(m.UTC().Format(momentLayout))
}

// Schema describes a Moment to huma.
func (Moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-11-24T09:30:00.120Z"}}
}
