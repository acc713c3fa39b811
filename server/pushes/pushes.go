// Package pushes brings the batches of accounts to the devices that their NanoMDM
// manages: which server that is, what was sent to which device, and what became of
// it.
//
// A push is planned by a job, and each profile is sent to each device by a job of
// its own, which any server may do: the ID of the command is kept before it is
// sent, so that NanoMDM takes it once. What devices answer comes by NanoMDM's
// webhook.
package pushes

import (
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/push"
)

// A Server is the NanoMDM that an account has connected.
type Server struct {
	Account string
	URL     string
	// Key is that of its API, encrypted.
	Key []byte
	// Hook is the last part of the address that its webhook calls, and Secret is
	// the key that signs what it tells, encrypted.
	Hook    string
	Secret  []byte
	Heard   time.Time // when its webhook called last; zero: never
	Created time.Time
	Updated time.Time
}

// An Enrollment is a device, or a user on a Mac, that NanoMDM has told of.
type Enrollment struct {
	Account string
	ID      string
	UDID    string // of the device
	Serial  string // empty for a user
	Heard   time.Time
}

// The states of a delivery beside those of [push.State].
const (
	Waiting  push.State = "waiting"  // it will be sent
	Replaced push.State = "replaced" // a later push has put another profile in its place
)

// States are all states of a delivery.
func States() []push.State {
	return []push.State{Waiting, push.Queued, push.NotNow, push.Installed, push.Refused, push.Failed, Replaced}
}

// A Delivery is a profile of a batch on its way to a device. There is one for each
// device and profile identifier of a batch.
type Delivery struct {
	ID         string
	Account    string
	Batch      string
	Enrollment string
	Identifier string // of the profile
	Email      string
	Mailbox    string // the folded address
	Digest     string // the SHA-256 of the file, in hex
	// Archive is the number of the archive that holds the file, from Offset on.
	Archive int
	Offset  int64
	Size    int64
	// Command is the ID of the command that brings it, and Attempt counts the
	// commands: a device that refuses one gets it again.
	Command string
	Attempt int
	Tries   int // to give NanoMDM this command
	State   push.State
	Detail  string // what NanoMDM or the device said
	Created time.Time
	Updated time.Time
}

// A Push is the work of bringing a batch to devices. A batch has one at most.
type Push struct {
	Batch   string
	Account string
	// Planned says that each device has its delivery. Detail says why it could
	// not be, and is empty otherwise.
	Planned bool
	Detail  string
	// By is the right of whoever has asked for it last: what the jobs act by.
	By audit.Grant
	// Round counts how often it was asked for.
	Round    int
	NoDevice int // profiles for which no device is known
	Created  time.Time
	Updated  time.Time
}

// An Overview is a push with its deliveries, counted.
type Overview struct {
	Push
	States map[push.State]int
}

// Devices is how many deliveries there are.
func (o Overview) Devices() (n int) {
	for _, count := range o.States {
		n += count
	}
	return n
}

// A Filter finds deliveries of a batch, in the order of addresses.
type Filter struct {
	State push.State // empty: any
	After string     // the ID of the last delivery of the page before
	Limit int        // 1 to 1,000
}

const (
	// Attempts is how often a device that refuses a profile gets it.
	Attempts = 3
	// tries is how often a command is given to a NanoMDM that doesn't answer: for
	// about two hours.
	tries = 20
	// CallTimeout is how long NanoMDM may take to answer.
	CallTimeout = 30 * time.Second
)
