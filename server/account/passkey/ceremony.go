package passkey

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/updatecase/mobileconfig/server/fault"
)

// BeginEnroll starts adding a passkey to m. It returns the options for
// navigator.credentials.create, as JSON, and the state.
//
// The caller stores the state of each ceremony on the server, passes it to
// Finish once, and deletes it before that call, so that no answer counts twice.
func (c *Ceremonies) BeginEnroll(m Member) (options, state []byte, err error) {
	u, err := newUser(m)
	if err != nil {
		return nil, nil, err
	}
	exclude := make([]protocol.CredentialDescriptor, len(u.credentials))
	for i := range u.credentials {
		exclude[i] = u.credentials[i].Descriptor()
	}
	creation, session, err := c.authn.BeginRegistration(u,
		webauthn.WithExclusions(exclude), webauthn.WithCredentialParameters(parameters()))
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: %w", err)
	}
	return c.begin(enroll, creation, session)
}

// FinishEnroll returns the passkey that the browser created for m. The caller
// refuses it if another member has one with its ID. Any other answer is a
// PasskeyRefused fault.
func (c *Ceremonies) FinishEnroll(m Member, state, response []byte) (Credential, error) {
	u, err := newUser(m)
	if err != nil {
		return Credential{}, err
	}
	made, err := c.enrolled(u, state, response)
	if err != nil {
		return Credential{}, enroll.refuse(err)
	}
	return save(made)
}

// enrolled checks a new passkey.
func (c *Ceremonies) enrolled(u user, state, response []byte) (*webauthn.Credential, error) {
	session, err := c.resume(enroll, u.member.ID, state, response)
	if err != nil {
		return nil, err
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes(response)
	if err != nil {
		return nil, err
	}
	if err := c.checkOrigin(answer.Response.CollectedClientData); err != nil {
		return nil, err
	}
	if err := checkAttestation(answer.Response.AttestationObject); err != nil {
		return nil, err
	}
	made, err := c.authn.CreateCredential(u, session, answer)
	if err != nil {
		return nil, err
	}
	has := func(old webauthn.Credential) bool { return bytes.Equal(old.ID, made.ID) }
	if slices.ContainsFunc(u.credentials, has) {
		return nil, errors.New("the member already has this passkey")
	}
	return made, checkKey(made.PublicKey)
}

// BeginSignIn starts a sign-in by a member who isn't known yet: the browser
// says whose passkey it is. It returns the options for
// navigator.credentials.get, as JSON, and the state, which the caller stores as
// [Ceremonies.BeginEnroll] says.
func (c *Ceremonies) BeginSignIn() (options, state []byte, err error) {
	assertion, session, err := c.authn.BeginDiscoverableLogin()
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: %w", err)
	}
	return c.begin(signIn, assertion, session)
}

// FinishSignIn returns the ID of the member who signed in, and the passkey with
// its new data, which the caller stores. Find returns the member whose ID is
// the user handle that the browser sent, or a NotFound fault; its other errors
// are returned unchanged. Any refusal is a SignInRefused fault, always with the
// same text.
func (c *Ceremonies) FinishSignIn(
	state, response []byte, find func(memberID string) (Member, error),
) (memberID string, used Credential, err error) {
	session, answer, err := c.answered(signIn, "", state, response)
	if err != nil {
		return "", Credential{}, signIn.refuse(err)
	}
	if err := checkHandle(answer.Response.UserHandle); err != nil {
		return "", Credential{}, signIn.refuse(err)
	}
	memberID = string(answer.Response.UserHandle)
	m, err := find(memberID)
	if fault.Is(err, fault.NotFound) {
		return "", Credential{}, signIn.refuse(err)
	}
	if err != nil {
		return "", Credential{}, err
	}
	u, err := newUser(m)
	if err != nil {
		return "", Credential{}, err
	}
	known := func(_, _ []byte) (webauthn.User, error) { return u, nil }
	_, credential, err := c.authn.ValidatePasskeyLogin(known, session, answer)
	used, err = use(signIn, credential, err)
	if err != nil {
		return "", Credential{}, err
	}
	return memberID, used, nil
}

// BeginConfirm starts a confirmation by m, who is signed in. It returns the
// options for navigator.credentials.get, as JSON, and the state, which the
// caller stores as [Ceremonies.BeginEnroll] says. If m has no passkey, it
// returns a PasskeyRefused fault.
func (c *Ceremonies) BeginConfirm(m Member) (options, state []byte, err error) {
	u, err := newUser(m)
	if err != nil {
		return nil, nil, err
	}
	if len(u.credentials) == 0 {
		return nil, nil, fault.New(fault.PasskeyRefused,
			"There is no passkey to confirm with. Add one, or confirm another way.")
	}
	assertion, session, err := c.authn.BeginLogin(u)
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: %w", err)
	}
	return c.begin(confirm, assertion, session)
}

// FinishConfirm returns the passkey that m confirmed with, with its new data,
// which the caller stores. Any refusal is a PasskeyRefused fault.
func (c *Ceremonies) FinishConfirm(m Member, state, response []byte) (used Credential, err error) {
	u, err := newUser(m)
	if err != nil {
		return Credential{}, err
	}
	session, answer, err := c.answered(confirm, m.ID, state, response)
	if err != nil {
		return Credential{}, confirm.refuse(err)
	}
	credential, err := c.authn.ValidateLogin(u, session, answer)
	return use(confirm, credential, err)
}

// answered parses the use of a passkey, which isn't verified yet.
func (c *Ceremonies) answered(
	k kind, memberID string, state, response []byte,
) (webauthn.SessionData, *protocol.ParsedCredentialAssertionData, error) {
	session, err := c.resume(k, memberID, state, response)
	if err != nil {
		return session, nil, err
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes(response)
	if err != nil {
		return session, nil, err
	}
	return session, answer, c.checkOrigin(answer.Response.CollectedClientData)
}

// use returns a verified passkey as it is to be stored. The library accepts a
// counter that didn't grow, and only leaves a warning.
func use(k kind, c *webauthn.Credential, err error) (Credential, error) {
	if err == nil && c.Authenticator.CloneWarning {
		err = errors.New("the counter didn't grow: there may be a copy of the passkey")
	}
	if err != nil {
		return Credential{}, k.refuse(err)
	}
	return save(c)
}

// checkOrigin requires the exact origin. The library compares only scheme and
// host, and ignores case, path and user.
func (c *Ceremonies) checkOrigin(data protocol.CollectedClientData) error {
	if data.Origin != c.origin {
		return fmt.Errorf("the origin is %.200q", data.Origin)
	}
	return nil
}

// checkHandle refuses what can't be a member's ID before it reaches a database:
// the browser may send any bytes.
func checkHandle(handle []byte) error {
	strange := func(b byte) bool { return b <= ' ' || b > '~' }
	if len(handle) == 0 || len(handle) > protocol.MaximumUserHandleLength ||
		slices.ContainsFunc(handle, strange) {
		return errors.New("the user handle isn't a member's ID")
	}
	return nil
}
