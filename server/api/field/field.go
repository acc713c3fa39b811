// Package field has types for single fields of the API: enumerations and times.
package field

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/profile/mdm"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Enumerations in the document.
type (
	Scope          string // of a key
	Preset         string // of scopes
	Event          string // that a webhook can subscribe to
	DeliveryEvent  string // that a webhook is called for
	DeliveryState  string
	DeliveryReason string // why an attempt failed
	DisabledReason string // why a webhook is disabled
	LinkState      string
	LinkOrder      string // of a list
	ServerState    string // of a mail server
	ActionName     string
	Code           string // of a problem
	Vendor         string // a device management service
)

// Schema describes the type to huma; so do those below.
func (Scope) Schema(huma.Registry) *huma.Schema { return oneOf(account.Scopes()...) }

// Schema lists the presets.
func (Preset) Schema(huma.Registry) *huma.Schema { return oneOf(account.Presets()...) }

// Schema lists the events.
func (Event) Schema(huma.Registry) *huma.Schema { return oneOf(notify.Types()...) }

// Schema lists the events and that of a test.
func (DeliveryEvent) Schema(huma.Registry) *huma.Schema {
	return oneOf(append(notify.Types(), notify.TestEvent)...)
}

// Schema lists the states that calls of webhooks have.
func (DeliveryState) Schema(huma.Registry) *huma.Schema {
	return oneOf(notify.Waiting, notify.Sent, notify.GivenUp, notify.Dropped)
}

// Schema lists the reasons.
func (DeliveryReason) Schema(huma.Registry) *huma.Schema { return oneOf(notify.Failures()...) }

// Schema lists the reasons.
func (DisabledReason) Schema(huma.Registry) *huma.Schema {
	return oneOf(notify.EndpointGone, notify.Exhausted, notify.ByOwner)
}

// Schema lists the states.
func (LinkState) Schema(huma.Registry) *huma.Schema { return oneOf(setup.States()...) }

// Schema lists the orders.
func (LinkOrder) Schema(huma.Registry) *huma.Schema { return oneOf(setup.Orders()...) }

// Schema lists the states.
func (ServerState) Schema(huma.Registry) *huma.Schema { return oneOf(probe.States()...) }

// Schema lists the names.
func (Vendor) Schema(huma.Registry) *huma.Schema { return oneOf(mdm.Names()...) }

// Schema lists the names.
func (ActionName) Schema(huma.Registry) *huma.Schema { return oneOf(audit.Names()...) }

// Schema lists the codes.
func (Code) Schema(huma.Registry) *huma.Schema {
	var all []fault.Code
	for _, m := range fault.Codes() {
		all = append(all, m.Code)
	}
	return oneOf(all...)
}

func oneOf[T ~string](all ...T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString}
	for _, word := range all {
		s.Enum = append(s.Enum, string(word))
	}
	return s
}

// Words converts strings to another type.
func Words[To, From ~string](all []From) []To {
	out := make([]To, len(all))
	for i, one := range all {
		out[i] = To(one)
	}
	return out
}
