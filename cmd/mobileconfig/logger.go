package main

import (
	"io"
	"log/slog"
)

// loggerFlags say what the program's own log holds and how it looks. The
// action log is another thing: it is in the database.
type loggerFlags struct {
	LogLevel  string `enum:"debug,info,warn,error" default:"info" placeholder:"L" help:"Least level that is logged: debug, info, warn or error (default: info)."`
	LogFormat string `enum:"json,text" default:"json" placeholder:"F" help:"Format of the log: json for programs, text for people (default: json)."`
}

// logger returns a logger that writes to w. The flags are valid: kong has
// checked them.
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
