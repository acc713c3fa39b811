// Package passkey implements the WebAuthn ceremonies in which a member adds a
// passkey, signs in with it and confirms with it. Each has two halves: Begin
// creates the options for the browser, Finish checks what the browser sent
// back.
package passkey

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Life is how long a ceremony may take.
const Life = 5 * time.Minute

// A Member is the owner of the passkeys in a ceremony.
type Member struct {
	// ID is the user handle in a passkey, for example "mem_k3v7…". It says
	// nothing about the person.
	ID string
	// Name is the email address, which the browser shows.
	Name        string
	Credentials []Credential
}

// Ceremonies runs the ceremonies of one installation. It keeps no state between
// the halves and is safe for concurrent use.
type Ceremonies struct {
	origin string
	authn  *webauthn.WebAuthn
	now    func() time.Time
}

// Supported reports whether browsers can use passkeys with the base URL: it has
// https or is on localhost, and its host is a domain name, not an IP address.
func Supported(base *url.URL) bool {
	_, _, err := relyingParty(base)
	return err == nil
}

// New returns the ceremonies of the installation at the base URL, which decides
// which passkeys the browser offers and is the only accepted origin. Now is the
// clock. The error says why base is not [Supported].
func New(base *url.URL, now func() time.Time) (*Ceremonies, error) {
	if now == nil {
		return nil, errors.New("passkey: a clock is needed")
	}
	id, origin, err := relyingParty(base)
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	// The library's expiry uses the clock of the machine, as a second check
	// after that of the state.
	timeout := webauthn.TimeoutConfig{Enforce: true, Timeout: Life, TimeoutUVD: Life}
	authn, err := webauthn.New(&webauthn.Config{
		RPID:                  id,
		RPDisplayName:         id,
		RPOrigins:             []string{origin},
		RPAllowCrossOrigin:    false,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			RequireResidentKey: protocol.ResidentKeyRequired(),
			UserVerification:   protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// Password managers return extensions that weren't requested. They are
		// ignored.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	return &Ceremonies{origin: origin, authn: authn, now: now}, nil
}

// relyingParty returns the host that browsers bind passkeys to, and the origin
// as they write it: lower case, without the default port.
func relyingParty(base *url.URL) (id, origin string, err error) {
	if base == nil {
		return "", "", errors.New("a base URL is needed")
	}
	id = strings.ToLower(base.Hostname())
	standard := map[string]string{"https": "443"}
	if id == "localhost" {
		standard["http"] = "80"
	}
	port, ok := standard[base.Scheme]
	if !ok {
		return "", "", errors.New("the base URL must be https, or on localhost")
	}
	if err := protocol.ValidateRPID(id); err != nil {
		return "", "", fmt.Errorf("the host of the base URL: %w", err)
	}
	origin = base.Scheme + "://" + id
	if p := base.Port(); p != "" && p != port {
		origin += ":" + p
	}
	return id, origin, nil
}
