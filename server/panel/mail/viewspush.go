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
	Hook      string    // the URL that its webhook calls
	Secret    string    // flags with the secret of the webhook, shown once
}

// A pushPage shows the status of a batch's deliveries to devices. Form: state.
type pushPage struct {
	panel.Frame
	Form      web.Form
	States    []string
	ID, Name  string // of the batch
	Planned   bool
	Detail    string // why it doesn't include all devices
	NoDevice  int
	Devices   int
	Installed int
	Waiting   int
	Failed    int
	Asked     time.Time
	Pushable  bool
	Rows      []pushRow
	Next      string // the path of the next page; empty: this is the last
	First     string // the path of the first page
}

type pushRow struct {
	Email      string
	Enrollment string
	State      string // waiting, queued, not_now, installed, refused, failed, replaced
	Detail     string
	Updated    time.Time
}

// A batchPush says whether a batch was pushed to devices, or can be.
type batchPush struct {
	Ready, Pushed      bool
	Devices, Installed int
}
