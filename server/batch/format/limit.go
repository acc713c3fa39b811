package format

import (
	"errors"
	"io"
)

// A Limited reader gives so many bytes and then an error, so that a row without
// an end isn't read into memory.
type Limited struct {
	R    io.Reader
	Left int
}

// ErrTooLong is the error of a Limited reader that has given all.
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
