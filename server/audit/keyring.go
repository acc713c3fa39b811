package audit

import (
	"sync"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
)

// Key returns the key if it is meant.
func (k *LogKey) Key(id string) (*LogKey, error) {
	if id != "" && id != k.id {
		return nil, errNoKey(id)
	}
	return k, nil
}

func errNoKey(id string) error {
	f := fault.New(fault.LogKeyUnavailable, "The action log is signed by the key %s, and this server doesn't have it.", id)
	f.RetryAfter = time.Minute
	return f
}

// A Keyring has the keys in files that may be replaced while it is in use. It is
// safe for concurrent use.
type Keyring struct {
	load func() (seeds [][]byte, err error)

	mu    sync.Mutex
	first *LogKey
	known map[string]*LogKey
}

// NewKeyring returns the keyring whose seeds load reads: the current key's first,
// and then that of the key that is to replace it, if there is one. It reads them
// when it needs them: once, and again for a key that it doesn't know.
func NewKeyring(load func() ([][]byte, error)) *Keyring {
	return &Keyring{load: load, known: map[string]*LogKey{}}
}

// Key returns the key with the id. A key that was known stays so, also when its
// file is gone: logs may still wait for their replacement.
func (r *Keyring) Key(id string) (*LogKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.find(id); k != nil {
		return k, nil
	}
	seeds, err := r.load()
	if err != nil {
		return nil, err
	}
	for _, seed := range seeds {
		k, err := NewLogKey(seed)
		if err != nil {
			return nil, err
		}
		if r.first == nil {
			r.first = k
		}
		r.known[k.id] = k
	}
	if k := r.find(id); k != nil {
		return k, nil
	}
	return nil, errNoKey(id)
}

func (r *Keyring) find(id string) *LogKey {
	if id == "" {
		return r.first
	}
	return r.known[id]
}
