// Package pushes sends the batches of accounts to the devices that their
// NanoMDM manages. It stores the account's server, what was sent to which
// device, and the results.
//
// A job plans a push. Another job sends each profile to each device, on any
// server. The command's ID is stored before it is sent, so that NanoMDM
// accepts it only once. Devices' answers arrive through NanoMDM's webhook.
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
	// Key is its API key, encrypted.
	Key []byte
	// Hook is the last part of the webhook's URL, and Secret is the key that
	// signs its events, encrypted.
	Hook    string
	Secret  []byte
	Heard   time.Time // when its webhook called last; zero: never
	Created time.Time
	Updated time.Time
}

// An Enrollment is a device, or a user on a Mac, that NanoMDM has reported.
type Enrollment struct {
	Account string
	ID      string
	UDID    string // of the device
	Serial  string // empty for a user
	Heard   time.Time
}

// The states of a delivery in addition to those of [push.State].
const (
	Waiting  push.State = "waiting"  // it will be sent
	Replaced push.State = "replaced" // a later push has replaced it with another profile
)

// States are all states of a delivery.
func States() []push.State {
	return []push.State{Waiting, push.Queued, push.NotNow, push.Installed, push.Refused, push.Failed, Replaced}
}

// A Delivery is the delivery of a batch's profile to a device. There is one
// for each device and profile identifier of a batch.
type Delivery struct {
	ID         string
	Account    string
	Batch      string
	Enrollment string
	Identifier string // of the profile
	Email      string
	Mailbox    string // the folded address
	Digest     string // the SHA-256 of the file, in hex
	// Archive is the number of the archive that holds the file, at Offset.
	Archive int
	Offset  int64
	Size    int64
	// Command is the ID of the command that delivers it, and Attempt counts
	// the commands: a device that refuses one gets another.
	Command string
	Attempt int
	Tries   int // to send NanoMDM this command
	State   push.State
	Detail  string // what NanoMDM or the device said
	Created time.Time
	Updated time.Time
}

// A Push delivers a batch to devices. A batch has at most one.
type Push struct {
	Batch   string
	Account string
	// Planned means that each device has its delivery. Detail is why planning
	// failed, or empty.
	Planned bool
	Detail  string
	// By is the authority of the person or key that requested the push last.
	// The jobs act with it.
	By audit.Grant
	// Round counts the requests.
	Round    int
	NoDevice int // profiles without a known device
	Created  time.Time
	Updated  time.Time
}

// An Overview is a push with the numbers of its deliveries.
type Overview struct {
	Push
	States map[push.State]int
}

// Devices returns the number of deliveries.
func (o Overview) Devices() (n int) {
	for _, count := range o.States {
		n += count
	}
	return n
}

// A Filter selects deliveries of a batch, in the order of addresses.
type Filter struct {
	State push.State // empty: any
	After string     // the ID of the last delivery of the previous page
	Limit int        // 1 to 1,000
}

const (
	// Attempts is how often a device that refuses a profile gets it.
	Attempts = 3
	// tries is how often a command is sent to a NanoMDM that doesn't answer:
	// for about two hours.
	tries = 20
	// CallTimeout is how long NanoMDM may take to answer.
	CallTimeout = 30 * time.Second
)
