package mail

import (
	"time"

	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// A nanoPage connects a NanoMDM. Form: url, key.
type nanoPage struct {
	panel.Frame
	Form      web.Form
	Connected bool
	Since     time.Time
	Heard     time.Time // when its webhook called last; zero: never
	Hook      string    // what its webhook calls
	Secret    string    // flags with the secret of the webhook, which are shown this once
}

// A pushPage shows what became of a batch on its way to devices. Form: state.
type pushPage struct {
	panel.Frame
	Form      web.Form
	States    []string
	ID, Name  string // of the batch
	Planned   bool
	Detail    string // why not all devices are in it
	NoDevice  int
	Devices   int
	Installed int
	Waiting   int
	Failed    int
	Asked     time.Time
	Pushable  bool
	Rows      []pushRow
	Next      string // the path of the next part; empty: this is the end
	First     string // the way back to the first part
}

type pushRow struct {
	Email      string
	Enrollment string
	State      string // waiting, queued, not_now, installed, refused, failed, replaced
	Detail     string
	Updated    time.Time
}

// A batchPush says of a batch whether it was pushed to devices, or can be.
type batchPush struct {
	Ready, Pushed      bool
	Devices, Installed int
}
