package push

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// A State is the state of a delivery.
type State string

// The states.
const (
	Failed    State = "failed"    // NanoMDM didn't accept it
	Queued    State = "queued"    // NanoMDM has it, the device hasn't answered yet
	NotNow    State = "not_now"   // the device is busy, and will process it later
	Refused   State = "refused"   // the device reported an error
	Installed State = "installed" // the device has it
)

// Waiting reports whether the device will still answer.
func (s State) Waiting() bool { return s == Queued || s == NotNow }

// A Delivery is the delivery of a profile to a device.
type Delivery struct {
	Enrollment string    `json:"enrollment_id"`
	Email      string    `json:"email"`
	File       string    `json:"file"`
	Identifier string    `json:"profile_identifier"`
	Digest     string    `json:"file_sha256"`
	Command    string    `json:"command_uuid"`
	Attempt    int       `json:"attempt"`
	State      State     `json:"state"`
	Detail     string    `json:"detail,omitempty"` // what NanoMDM or the device said
	At         time.Time `json:"at"`
}

// key identifies a profile on a device: a later delivery replaces an earlier
// one.
func (d *Delivery) key() string { return d.Enrollment + " " + d.Identifier }

// A Journal is a file with a line for each change of a delivery. The last line
// counts. The file may be cut off anywhere. Only one process writes it at a
// time.
type Journal struct {
	mu   sync.Mutex
	file *os.File
	lock *flock.Flock // name.lock
	last map[string]Delivery
}

// OpenJournal reads and continues a journal, or creates one. It refuses a
// journal that is already open.
func OpenJournal(name string) (*Journal, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{file: f, lock: flock.New(name + ".lock"), last: map[string]Delivery{}}
	locked, err := j.lock.TryLock()
	if err == nil && !locked {
		err = errors.New("another push is writing it; wait until that has finished")
	}
	if err == nil {
		err = j.read()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), j.Close())
	}
	return j, nil
}

// read reads all complete lines, and positions the next write after them.
func (j *Journal) read() error {
	r, whole := bufio.NewReader(j.file), int64(0)
	for n := 1; ; n++ {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			if err := j.file.Truncate(whole); err != nil {
				return err
			}
			_, err := j.file.Seek(whole, io.SeekStart)
			return err
		}
		if err != nil {
			return err
		}
		var d Delivery
		if err := json.Unmarshal(line, &d); err != nil || d.Enrollment == "" || d.Identifier == "" {
			return fmt.Errorf("line %d isn't from a push journal; choose another file", n)
		}
		whole += int64(len(line))
		j.last[d.key()] = d
	}
}

// Close closes the file.
func (j *Journal) Close() error { return errors.Join(j.file.Close(), j.lock.Close()) }

// find returns the last delivery of a profile to a device.
func (j *Journal) find(enrollment, identifier string) (Delivery, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	d, ok := j.last[enrollment+" "+identifier]
	return d, ok
}

// write appends the delivery, unless allowed refuses the last one.
func (j *Journal) write(d Delivery, allowed func(last Delivery) bool) (bool, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !allowed(j.last[d.key()]) {
		return false, nil
	}
	line, err := json.Marshal(d)
	if err != nil {
		return false, err
	}
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return false, fmt.Errorf("push: the journal: %w", err)
	}
	j.last[d.key()] = d
	return true, nil
}
