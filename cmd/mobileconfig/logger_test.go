package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// serveLog returns the log of serve after one message at each level.
func serveLog(t *testing.T, args ...string) string {
	t.Helper()
	var c commands
	parser, err := kong.New(&c, kong.DefaultEnvars("MOBILECONFIG"), variables())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse(append([]string{"serve", "--data", filepath.Join(t.TempDir(), "data")}, args...)); err != nil {
		t.Fatal(err)
	}
	var out, log bytes.Buffer
	config, err := c.Serve.config(streams{&out, &log})
	if err != nil {
		t.Fatal(err)
	}
	log.Reset() // for serve's own messages at the start
	config.Log.Debug("a debug line", "count", 1)
	config.Log.Info("an info line", "count", 2)
	config.Log.Warn("a warning", "count", 3)
	config.Log.Error("an error", "count", 4)
	return log.String()
}

func TestLogFlags(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		env  map[string]string
		text bool
		want []string
	}{
		{"default", nil, nil, false, []string{"INFO", "WARN", "ERROR"}},
		{"debug", []string{"--log-level", "debug"}, nil, false, []string{"DEBUG", "INFO", "WARN", "ERROR"}},
		{"info", []string{"--log-level", "info"}, nil, false, []string{"INFO", "WARN", "ERROR"}},
		{"warn", []string{"--log-level", "warn"}, nil, false, []string{"WARN", "ERROR"}},
		{"error", []string{"--log-level", "error"}, nil, false, []string{"ERROR"}},
		{"json", []string{"--log-format", "json"}, nil, false, []string{"INFO", "WARN", "ERROR"}},
		{"text", []string{"--log-format", "text", "--log-level", "warn"}, nil, true, []string{"WARN", "ERROR"}},
		{"environment", nil, map[string]string{"MOBILECONFIG_LOG_LEVEL": "error", "MOBILECONFIG_LOG_FORMAT": "text"}, true, []string{"ERROR"}},
		{"flag before environment", []string{"--log-level", "warn"}, map[string]string{"MOBILECONFIG_LOG_LEVEL": "error"}, false, []string{"WARN", "ERROR"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			lines := strings.Split(strings.TrimSpace(serveLog(t, tt.args...)), "\n")
			if len(lines) != len(tt.want) {
				t.Fatalf("%d lines, want %d:\n%s", len(lines), len(tt.want), strings.Join(lines, "\n"))
			}
			for i, line := range lines {
				var entry struct{ Level string }
				isJSON := json.Unmarshal([]byte(line), &entry) == nil
				if isJSON == tt.text {
					t.Errorf("wrong format: %s", line)
				}
				if got := entry.Level; isJSON && got != tt.want[i] {
					t.Errorf("level %s, want %s", got, tt.want[i])
				}
				if tt.text && !strings.Contains(line, " level="+tt.want[i]+" ") {
					t.Errorf("want level %s: %s", tt.want[i], line)
				}
			}
		})
	}
}
