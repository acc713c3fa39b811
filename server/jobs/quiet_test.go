package jobs

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestQuiet checks that River's debugging records are dropped, whatever it adds
// to its logger, but no warnings or errors.
func TestQuiet(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	river := slog.New(quiet{log.Handler()})
	for _, l := range []*slog.Logger{river, river.With("queue", "mail"), river.WithGroup("job")} {
		l.Debug("a run loop started")
		l.Info("the jobs of five seconds")
		l.Warn("a job was slow", "id", 1)
		l.Error("a job failed")
	}
	if got := out.String(); strings.Contains(got, "run loop") || strings.Contains(got, "five seconds") || strings.Count(got, "\n") != 6 || !strings.Contains(got, "queue=mail") || !strings.Contains(got, "job.id=1") {
		t.Errorf("got:\n%s", got)
	}
}
