// Package reload holds values read from files that change while the program
// runs, such as renewed certificates.
package reload

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// checkEvery is the shortest time between two checks of the files.
const checkEvery = time.Second

// A Value is read from files, and read again when one of them changes. If the
// new files can't be used, the old value stays: a renewal writes certificate
// and key one after the other.
type Value[T any] struct {
	files   []string
	load    func() (T, error)
	changed func(error)

	mu      sync.Mutex
	current T
	tried   string // the state of the files at the last attempt
	err     error  // of the last attempt
	checked time.Time
}

// New reads the value for the first time. It calls changed, if not nil, for
// every later change: with nil after the new files were read, or with the
// reason why they can't be used.
func New[T any](files []string, load func() (T, error), changed func(error)) (*Value[T], error) {
	v := &Value[T]{files: files, load: load, changed: changed, checked: time.Now()}
	v.tried = v.state()
	var err error
	v.current, err = load()
	return v, err
}

// Current returns the newest value that could be read.
func (v *Value[T]) Current() T {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.look()
	return v.current
}

// Err returns why the newest files can't be used, or nil.
func (v *Value[T]) Err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.look()
	return v.err
}

// look reads the files again if their state differs from that at the last
// attempt. A state that can't be compared is always read again.
func (v *Value[T]) look() {
	if time.Since(v.checked) < checkEvery {
		return
	}
	v.checked = time.Now()
	state := v.state()
	if state == v.tried {
		return
	}
	// The state from before reading: changes made meanwhile are read next
	// time.
	v.tried = state
	fresh, err := v.load()
	if err == nil {
		v.current = fresh
	}
	v.err = err
	if v.changed != nil {
		v.changed(err)
	}
}

// state identifies a version of the files.
func (v *Value[T]) state() string {
	var b strings.Builder
	for _, file := range v.files {
		info, err := os.Stat(file)
		if err != nil {
			b.WriteString("absent\n")
			continue
		}
		fmt.Fprintln(&b, info.ModTime().UnixNano(), info.Size())
	}
	return b.String()
}
