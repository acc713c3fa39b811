package account

import (
	"context"
	"errors"
	"net/netip"

	"github.com/updatecase/mobileconfig/server/account/passkey"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// A Ceremony is what a browser needs to ask for a passkey.
type Ceremony struct {
	ID      string
	Options []byte // JSON for navigator.credentials
}

// errNoPasskeys refuses a ceremony if browsers can't use passkeys here.
func errNoPasskeys() error {
	return fault.New(fault.PasskeyRefused, "Passkeys require https and a host name. Use a code instead.")
}

// storeCeremony stores what the second half of a ceremony needs.
func (v *Vault) storeCeremony(ctx context.Context, store CeremonyStore, options, state []byte, err error) (Ceremony, error) {
	if err != nil {
		return Ceremony{}, err
	}
	c := Ceremony{ID: id.New("cer"), Options: options}
	return c, store.KeepCeremony(ctx, c.ID, state, v.now().Add(passkey.Life))
}

// BeginPasskey starts a sign-in with a passkey. It names no member: the browser
// says whose passkey it is.
func (s *Sessions) BeginPasskey(ctx context.Context, from netip.Prefix) (Ceremony, error) {
	if !s.vault.Passkeys() {
		return Ceremony{}, errNoPasskeys()
	}
	limit := admission.Limit{Key: "attempt/passkey/" + from.String(), Max: passkeysPerNetwork, Window: attemptWindow}
	err := s.store.Attempt(ctx, s.vault.now(), limit)
	if err != nil {
		return Ceremony{}, err
	}
	options, state, err := s.vault.passkeys.BeginSignIn()
	return s.vault.storeCeremony(ctx, s.store, options, state, err)
}

// FinishPasskey signs a member in with only a passkey, because it is two
// factors in one: the device and what unlocks it. Any refusal is a
// SignInRefused fault.
func (s *Sessions) FinishPasskey(ctx context.Context, from From, ceremony string, response []byte) (token string, err error) {
	if !s.vault.Passkeys() {
		return "", errNoPasskeys()
	}
	state, err := s.store.TakeCeremony(ctx, ceremony)
	if fault.Is(err, fault.NotFound) {
		return "", s.refuse(ctx, from, Member{}, errors.New("no such ceremony"))
	}
	if err != nil {
		return "", err
	}
	var m Member
	var keys []Passkey
	_, used, err := s.vault.passkeys.FinishSignIn(state, response, func(memberID string) (passkey.Member, error) {
		var err error
		if m, keys, err = withPasskeys(ctx, s.store, memberID); err != nil {
			return passkey.Member{}, err
		}
		return passkeyMember(m, keys), nil
	})
	if fault.Is(err, fault.SignInRefused) {
		return "", s.refuse(ctx, from, m, err)
	}
	if err != nil {
		return "", err
	}
	return s.begin(ctx, from, m, proofOf(m, keys, used))
}

// BeginConfirm starts the confirmation of a session with a passkey.
func (s *Sessions) BeginConfirm(ctx context.Context, in In) (Ceremony, error) {
	if !s.vault.Passkeys() {
		return Ceremony{}, errNoPasskeys()
	}
	keys, err := s.store.Passkeys(ctx, in.Member.ID)
	if err != nil {
		return Ceremony{}, err
	}
	options, state, err := s.vault.passkeys.BeginConfirm(passkeyMember(in.Member, keys))
	return s.vault.storeCeremony(ctx, s.store, options, state, err)
}

// FinishConfirm is Confirm with a passkey. Any refusal is a PasskeyRefused
// fault.
func (s *Sessions) FinishConfirm(ctx context.Context, from From, in In, ceremony string, response []byte) (token string, err error) {
	if !s.vault.Passkeys() {
		return "", errNoPasskeys()
	}
	state, err := takeCeremony(ctx, s.store, ceremony)
	if err != nil {
		return "", err
	}
	keys, err := s.store.Passkeys(ctx, in.Member.ID)
	if err != nil {
		return "", err
	}
	used, err := s.vault.passkeys.FinishConfirm(passkeyMember(in.Member, keys), state, response)
	if fault.Is(err, fault.PasskeyRefused) {
		by := audit.Refusal(from.as(in.Member))
		a := memberAction(audit.MemberConfirm, by, in.Member)
		a.Outcome, a.Reason = audit.Refused, string(fault.PasskeyRefused)
		return "", errors.Join(err, s.store.Record(ctx, by, a))
	}
	if err != nil {
		return "", err
	}
	return s.confirm(ctx, from, in, proofOf(in.Member, keys, used))
}

// takeCeremony is TakeCeremony for a signed-in member.
func takeCeremony(ctx context.Context, store CeremonyStore, ceremony string) ([]byte, error) {
	state, err := store.TakeCeremony(ctx, ceremony)
	if fault.Is(err, fault.NotFound) {
		return nil, fault.New(fault.PasskeyRefused, "This took too long, or was done before. Start again.")
	}
	return state, err
}

func withPasskeys(ctx context.Context, store MemberReader, member string) (Member, []Passkey, error) {
	m, err := store.Member(ctx, member)
	if err != nil {
		return Member{}, nil, err
	}
	keys, err := store.Passkeys(ctx, member)
	return m, keys, err
}

func passkeyMember(m Member, keys []Passkey) passkey.Member {
	p := passkey.Member{ID: m.ID, Name: m.Email}
	for _, k := range keys {
		p.Credentials = append(p.Credentials, passkey.Credential{ID: k.Credential, Data: k.Data})
	}
	return p
}

// proofOf returns the use of a passkey as a proof. The store saves its new
// counter.
func proofOf(m Member, keys []Passkey, used passkey.Credential) Used {
	proof := m.used(Used{Method: ByPasskey})
	for _, k := range keys {
		if string(k.Credential) == string(used.ID) {
			k.Data = used.Data
			proof.Key = k
		}
	}
	return proof
}
