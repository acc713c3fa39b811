package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestBar checks progress, rate and remaining time. Rate and remaining time
// only count the work of this process.
func TestBar(t *testing.T) {
	var out bytes.Buffer
	clock := time.Unix(0, 0)
	tell := reporter{streams: streams{err: &out}, terminal: true}
	bar := tell.bar(10_000)
	bar.now = func() time.Time { return clock }
	bar.update(4000) // done before the crash
	clock = clock.Add(50 * time.Millisecond)
	bar.update(4500) // too soon to show
	clock = clock.Add(950 * time.Millisecond)
	bar.update(6000)
	lines := strings.Split(out.String(), "\r")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %q", len(lines)-1, out.String())
	}
	if want := "[############..................] 4000 of 10000\x1b[K"; lines[1] != want {
		t.Errorf("got %q, want %q", lines[1], want)
	}
	if want := "[##################............] 6000 of 10000, 2000 rows/s, 2s left\x1b[K"; lines[2] != want {
		t.Errorf("got %q, want %q", lines[2], want)
	}
	bar.clear()
	if !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("the bar wasn't cleared: %q", out.String())
	}
	out.Reset()
	tell.terminal = false
	quiet := tell.bar(10)
	quiet.update(5)
	quiet.clear()
	if out.Len() > 0 {
		t.Errorf("without a terminal: %q", out.String())
	}
}
