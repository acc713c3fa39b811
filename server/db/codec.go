package db

import (
	"strings"
	"time"
)

// Millis is how a time is stored. No time is 0.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Moment is the time that Millis stored.
func Moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Bit is how a bool is stored.
func Bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// List is how a list of words is stored.
func List[T ~string](words []T) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(string(w))
	}
	return b.String()
}
