package templates

import (
	"fmt"
	"time"
)

// A plot is a chart of links and downloads by day: two bars a day, a scale of
// three lines, and a date under every second day.
type plot struct {
	days []plotDay
}

type plotDay struct {
	day              time.Time
	links, downloads int
}

// The geometry, in units of the drawing, whose view box starts at 0 0.
const (
	plotWidth, plotHeight = 620, 180
	plotTop, plotBottom   = 18, 150
	plotLeft, plotRight   = 34, 620
	plotGap               = 3 // between the bars of a day
	plotCorner            = 2
)

// newPlot is {{plot}}: an empty one.
func newPlot() plot { return plot{} }

// With returns p with one day more.
func (p plot) With(day time.Time, links, downloads int) plot {
	return plot{append(p.days[:len(p.days):len(p.days)], plotDay{day, links, downloads})}
}

// A plotBar is a day of a drawn plot.
type plotBar struct {
	Day              time.Time
	Links, Downloads int
	// LinksPath and DownloadsPath are the bars. They are empty if the count is
	// 0.
	LinksPath, DownloadsPath string
	X                        string // the middle
	Label                    bool   // has a date label
}

// A plotLine is a line of the scale.
type plotLine struct {
	Value int
	Y     int
}

// A drawnPlot is the chart, and the numbers in its description.
type drawnPlot struct {
	Width, Height    int
	Left, Right      int
	LabelY           int
	Lines            []plotLine
	Bars             []plotBar
	Links, Downloads int
	From, To         time.Time
	// Most is the day with the most downloads, or the most links if there were
	// no downloads.
	Most plotBar
}

// Draw computes the plot's layout.
func (p plot) Draw() drawnPlot {
	d := drawnPlot{Width: plotWidth, Height: plotHeight, Left: plotLeft, Right: plotRight, LabelY: plotHeight - 8}
	highest := 0
	for _, day := range p.days {
		highest = max(highest, day.links, day.downloads)
	}
	top := scaleTop(highest)
	for _, value := range []int{0, top / 2, top} {
		d.Lines = append(d.Lines, plotLine{value, plotBottom - value*(plotBottom-plotTop)/top})
	}
	for i, day := range p.days {
		slot := float64(plotRight-plotLeft) / float64(len(p.days))
		left := plotLeft + float64(i)*slot
		width := slot/3 - plotGap/2.0
		middle := left + slot/2
		bar := plotBar{
			Day:           day.day,
			Links:         day.links,
			Downloads:     day.downloads,
			LinksPath:     barPath(middle-plotGap/2.0-width, width, day.links, top),
			DownloadsPath: barPath(middle+plotGap/2.0, width, day.downloads, top),
			X:             units(middle),
			Label:         i%2 == 0,
		}
		if bar.Downloads > d.Most.Downloads || d.Most.Downloads == 0 && bar.Links > d.Most.Links && bar.Downloads == 0 {
			d.Most = bar
		}
		d.Links += bar.Links
		d.Downloads += bar.Downloads
		d.Bars = append(d.Bars, bar)
	}
	if len(d.Bars) > 0 {
		d.From, d.To = d.Bars[0].Day, d.Bars[len(d.Bars)-1].Day
	}
	return d
}

// Days returns the number of days.
func (d drawnPlot) Days() int { return len(d.Bars) }

// scaleTop returns a readable even number at or above the highest value.
func scaleTop(highest int) int {
	for power := 1; ; power *= 10 {
		for _, half := range []int{1, 2, 3, 5} {
			if top := 2 * half * power; top >= highest {
				return top
			}
		}
	}
}

// barPath draws a bar with round upper corners. The smallest bar is still
// visible.
func barPath(left, width float64, value, top int) string {
	if value <= 0 {
		return ""
	}
	height := max(float64(value)*(plotBottom-plotTop)/float64(top), 2*plotCorner)
	return fmt.Sprintf("M%s %dv-%sq0-%d %[4]d-%[4]dh%sq%[4]d 0 %[4]d %[4]dv%[3]sz",
		units(left), plotBottom, units(height-plotCorner), plotCorner, units(width-2*plotCorner))
}

func units(n float64) string { return fmt.Sprintf("%.1f", n) }
