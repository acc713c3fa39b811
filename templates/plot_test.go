package templates

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestPlot(t *testing.T) {
	start := time.Date(2026, time.November, 9, 0, 0, 0, 0, time.UTC)
	p := newPlot()
	for i, n := range []int{0, 3, 41, 12} {
		p = p.With(start.AddDate(0, 0, i), n+1, n)
	}
	d := p.Draw()
	if d.Links != 60 || d.Downloads != 56 || d.Days() != 4 || !d.From.Equal(start) || !d.To.Equal(start.AddDate(0, 0, 3)) {
		t.Errorf("got %+v", d)
	}
	if d.Most.Downloads != 41 || !d.Most.Day.Equal(start.AddDate(0, 0, 2)) {
		t.Errorf("most: got %+v", d.Most)
	}
	if len(d.Lines) != 3 || d.Lines[0] != (plotLine{0, plotBottom}) || d.Lines[1].Value != 30 || d.Lines[2] != (plotLine{60, plotTop}) {
		t.Errorf("lines: got %v", d.Lines)
	}
	if d.Bars[0].DownloadsPath != "" || d.Bars[0].LinksPath == "" {
		t.Errorf("a day without downloads: got %+v", d.Bars[0])
	}
	// 41 of 60, on 132 units, minus the corner.
	if !strings.Contains(d.Most.DownloadsPath, " 150v-88.2q0-2 2-2h") {
		t.Errorf("got %s", d.Most.DownloadsPath)
	}
	for i, bar := range d.Bars {
		if bar.Label != (i%2 == 0) {
			t.Errorf("bar %d: label %t", i, bar.Label)
		}
		for _, path := range []string{bar.LinksPath, bar.DownloadsPath} {
			var left float64
			if path == "" {
				continue
			}
			if _, err := fmt.Sscanf(path, "M%f ", &left); err != nil || left < plotLeft || left > plotRight {
				t.Errorf("bar %d begins at %s", i, path)
			}
		}
	}
}

// TestPlotOfLittle checks that there is a chart without data, and that the
// smallest value is visible next to a large one.
func TestPlotOfLittle(t *testing.T) {
	if d := newPlot().Draw(); len(d.Lines) != 3 || len(d.Bars) != 0 {
		t.Errorf("got %+v", d)
	}
	now := time.Now()
	d := newPlot().With(now, 1, 0).With(now, 100000, 0).Draw()
	if !strings.Contains(d.Bars[0].LinksPath, "v-2.0q0-2") {
		t.Errorf("got %s", d.Bars[0].LinksPath)
	}
	if d.Most.Links != 100000 {
		t.Errorf("most: got %+v", d.Most)
	}
	for highest, want := range map[int]int{0: 2, 1: 2, 2: 2, 3: 4, 5: 6, 7: 10, 11: 20, 41: 60, 61: 100, 101: 200, 999: 1000, 1001: 2000} {
		if got := scaleTop(highest); got != want || got%2 != 0 {
			t.Errorf("%d: got %d, want %d", highest, got, want)
		}
	}
}
