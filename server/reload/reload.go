// Package reload holds what was read from files that change while the program
// runs, such as certificates that are renewed.
package reload

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// checkEvery is how often files are looked at, at most.
const checkEvery = time.Second

// A Value was read from files. It is read again when one of them has changed.
// While the new files cannot be used the old value stays: a renewal writes
// certificate and key one after the other.
type Value[T any] struct {
	files   []string
	load    func() (T, error)
	changed func(error)

	mu      sync.Mutex
	current T
	tried   string // the state of the files at the last try
	err     error  // of the last try
	checked time.Time
}

// New reads the value for the first time. Changed, if not nil, is told of
// every later change: nil after the new files were read, else why they cannot
// be used.
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

// Err says why the newest files cannot be used, or nil.
func (v *Value[T]) Err() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.look()
	return v.err
}

// look reads the files again if they are in another state than at the last
// try. A state that is new every time is tried every time.
func (v *Value[T]) look() {
	if time.Since(v.checked) < checkEvery {
		return
	}
	v.checked = time.Now()
	state := v.state()
	if state == v.tried {
		return
	}
	// The state from before reading: what changes meanwhile is read next time.
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

// state tells two versions of the files apart.
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
