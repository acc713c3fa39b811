package main

import (
	"io"
	"log/slog"
)

// loggerFlags configure the program's own log. The action log is separate: it's
// in the database.
type loggerFlags struct {
	LogLevel  string `enum:"debug,info,warn,error" default:"info" placeholder:"L" help:"Minimum log level: debug, info, warn or error (default: info)."`
	LogFormat string `enum:"json,text" default:"json" placeholder:"F" help:"Log format: json for programs, text for people (default: json)."`
}

// logger returns a logger that writes to w. kong has validated the flags.
func (f *loggerFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.LogLevel)); err != nil {
		return nil, flagError("--log-level", err)
	}
	options := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "text" {
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return slog.New(slog.NewJSONHandler(w, options)), nil
}
