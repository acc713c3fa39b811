package format

import (
	"errors"
	"io"
)

// A Limited reader returns an error after a number of bytes, so that a row
// without an end isn't read into memory.
type Limited struct {
	R    io.Reader
	Left int
}

// ErrTooLong is the error of a Limited reader that has reached its limit.
var ErrTooLong = errors.New("too long")

// Read reads from R.
func (l *Limited) Read(p []byte) (int, error) {
	if l.Left <= 0 {
		return 0, ErrTooLong
	}
	n, err := l.R.Read(p[:min(len(p), l.Left)])
	l.Left -= n
	return n, err
}
