package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/setup"
)

// Texts that are one of some words, which the document lists.
type (
	scope          string // of a key
	event          string // that a webhook can ask for
	deliveryEvent  string // that a webhook is called for
	deliveryState  string
	deliveryReason string // why a try failed
	disabledReason string // why a webhook is disabled
	linkState      string
	serverState    string // of a mail server
	actionName     string
	code           string // of a problem
)

// Schema describes the type to huma; so do those below.
func (scope) Schema(huma.Registry) *huma.Schema { return oneOf(account.Scopes()...) }

// Schema lists the events.
func (event) Schema(huma.Registry) *huma.Schema { return oneOf(notify.Types()...) }

// Schema lists the events and that of a test.
func (deliveryEvent) Schema(huma.Registry) *huma.Schema {
	return oneOf(append(notify.Types(), notify.TestEvent)...)
}

// Schema lists the states that calls of webhooks have.
func (deliveryState) Schema(huma.Registry) *huma.Schema {
	return oneOf(notify.Waiting, notify.Sent, notify.GivenUp, notify.Dropped)
}

// Schema lists the reasons.
func (deliveryReason) Schema(huma.Registry) *huma.Schema { return oneOf(notify.Failures()...) }

// Schema lists the reasons.
func (disabledReason) Schema(huma.Registry) *huma.Schema {
	return oneOf(notify.EndpointGone, notify.Exhausted, notify.ByOwner)
}

// Schema lists the states.
func (linkState) Schema(huma.Registry) *huma.Schema { return oneOf(setup.States()...) }

// Schema lists the states.
func (serverState) Schema(huma.Registry) *huma.Schema { return oneOf(probe.States()...) }

// Schema lists the names.
func (actionName) Schema(huma.Registry) *huma.Schema { return oneOf(audit.Names()...) }

// Schema lists the codes.
func (code) Schema(huma.Registry) *huma.Schema {
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

// texts turns words into those of another type.
func texts[To, From ~string](all []From) []To {
	out := make([]To, len(all))
	for i, one := range all {
		out[i] = To(one)
	}
	return out
}
