package db

import (
	"fmt"
	"strings"
)

// A Where collects conditions and their arguments.
type Where struct {
	conditions []string
	args       []any
}

// Add adds a condition with a question mark for each argument.
func (w *Where) Add(condition string, args ...any) {
	w.conditions = append(w.conditions, w.numbered(condition, args))
}

// Arg returns the placeholder of another argument.
func (w *Where) Arg(arg any) string { return w.numbered(`?`, []any{arg}) }

// numbered takes the arguments and numbers their placeholders.
func (w *Where) numbered(text string, args []any) string {
	for _, arg := range args {
		w.args = append(w.args, arg)
		text = strings.Replace(text, "?", fmt.Sprintf("$%d", len(w.args)), 1)
	}
	return text
}

// Query returns the statement between head and tail. It must be the last call.
func (w *Where) Query(head, tail string, args ...any) (string, []any) {
	tail = w.numbered(tail, args)
	return head + ` WHERE ` + strings.Join(w.conditions, ` AND `) + ` ` + tail, w.args
}
