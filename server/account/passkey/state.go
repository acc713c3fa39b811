package passkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/updatecase/mobileconfig/server/fault"
)

// maxResponse is the maximum size of a browser's answer, in bytes. Real ones
// have less than two thousand.
const maxResponse = 64 << 10

// A kind is a kind of ceremony.
type kind string

const (
	enroll  kind = "enroll"
	signIn  kind = "sign-in"
	confirm kind = "confirm"
)

// A state is what the second half of a ceremony needs from the first. The
// member is in the session; a sign-in has none.
type state struct {
	Kind    kind                 `json:"kind"`
	Expires time.Time            `json:"expires"`
	Session webauthn.SessionData `json:"session"`
}

// begin returns the options for the browser, and the state.
func (c *Ceremonies) begin(
	k kind, options any, session *webauthn.SessionData,
) (browser, kept []byte, err error) {
	browser, err = json.Marshal(options)
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: options: %w", err)
	}
	kept, err = json.Marshal(state{Kind: k, Expires: c.now().Add(Life), Session: *session})
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: state: %w", err)
	}
	return browser, kept, nil
}

// resume returns the session of a ceremony that was begun as this kind for this
// member and hasn't expired.
func (c *Ceremonies) resume(
	k kind, memberID string, kept, response []byte,
) (webauthn.SessionData, error) {
	var s state
	if err := json.Unmarshal(kept, &s); err != nil {
		return s.Session, fmt.Errorf("the state: %w", err)
	}
	switch {
	case s.Kind != k:
		return s.Session, fmt.Errorf("the ceremony was begun to %s", s.Kind)
	case string(s.Session.UserID) != memberID:
		return s.Session, errors.New("the ceremony was begun for another member")
	case c.now().After(s.Expires):
		return s.Session, errors.New("the ceremony has expired")
	case len(response) > maxResponse:
		return s.Session, fmt.Errorf("the response has %d bytes", len(response))
	}
	// The library requires user verification only if the session says so.
	s.Session.UserVerification = protocol.VerificationRequired
	return s.Session, nil
}

// refuse returns the fault of a ceremony, with the reason as its cause. Its
// text doesn't depend on the reason.
func (k kind) refuse(reason error) error {
	// The library separates the details from its message, often with a part of
	// the response. A challenge in it has been used up.
	if e, ok := errors.AsType[*protocol.Error](reason); ok && e.DevInfo != "" {
		reason = fmt.Errorf("%w: %.200q", reason, e.DevInfo)
	}
	return k.refusal().Because(reason)
}

func (k kind) refusal() *fault.Fault {
	switch k {
	case signIn:
		return fault.New(fault.SignInRefused,
			"This passkey can't be used here. Try again, or sign in another way.")
	case enroll:
		return fault.New(fault.PasskeyRefused,
			"The passkey wasn't added. Start again, and unlock the device when it asks.")
	default:
		return fault.New(fault.PasskeyRefused,
			"The passkey wasn't accepted. Start again with one of your own passkeys.")
	}
}
