package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account/passkey"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// A FactorStore stores what members sign in with. Each change ends the member's
// other sessions; keep is the one that stays.
type FactorStore interface {
	MemberReader
	CeremonyStore
	// SetPassword stores the hash and records a.
	SetPassword(ctx context.Context, by audit.Grant, member, hash string, at time.Time, keep string, a audit.Action) error
	// SetTOTP stores the member's authenticator app and records a. The session
	// that stays counts as confirmed.
	SetTOTP(ctx context.Context, by audit.Grant, member string, app TOTP, keep string, a audit.Action) error
	// RemoveTOTP removes the authenticator app and records a. If it is the last
	// factor, it returns a LastFactor fault.
	RemoveTOTP(ctx context.Context, by audit.Grant, member, keep string, a audit.Action) error
	// AddPasskey stores p and records a. The session that stays counts as
	// confirmed.
	AddPasskey(ctx context.Context, by audit.Grant, p Passkey, keep string, a audit.Action) error
	// RemovePasskey removes a passkey of the member and records a. If it is the
	// last factor, it returns a LastFactor fault.
	RemovePasskey(ctx context.Context, by audit.Grant, member, passkey, keep string, a audit.Action) error
	// SetCodes replaces the hashes of the recovery codes and records a.
	SetCodes(ctx context.Context, by audit.Grant, member string, hashes [][]byte, at time.Time, keep string, a audit.Action) error
	// ResetFactors removes all second factors and sessions and records a.
	ResetFactors(ctx context.Context, by audit.Grant, member string, a audit.Action) error
}

// Factors manages what members sign in with.
type Factors struct {
	vault *Vault
	store FactorStore
}

// NewFactors returns Factors that use the store.
func NewFactors(vault *Vault, store FactorStore) *Factors { return &Factors{vault, store} }

// SetPassword changes the member's own password. It requires the current one,
// even in a confirmed session.
func (s *Factors) SetPassword(ctx context.Context, by audit.Grant, in In, current, password string) error {
	known, err := s.vault.passwords.check(ctx, insider, current, in.Member.Password)
	if err != nil {
		return err
	}
	if !known {
		return fault.On("current", fault.CodeWrong, "That isn't your current password. Try again.")
	}
	hash, err := s.vault.passwords.hash(ctx, password, in.Member.HasFactor(), in.Member.Email, in.Member.Name)
	if err != nil {
		return err
	}
	return s.store.SetPassword(ctx, by, in.Member.ID, hash, s.vault.now(), in.Session.ID,
		memberAction(audit.MemberPassword, by, in.Member))
}

// A TOTP is a stored authenticator app.
type TOTP struct {
	Encrypted []byte // the seed
	Step      int64  // of the code that confirmed it
	Since     time.Time
}

// A TOTPSetup is an authenticator app that is being enrolled.
type TOTPSetup struct {
	// Secret is the seed in base32, to type where no camera can be used.
	Secret string
	// URI is the content of the QR code.
	URI string
	// Encrypted is sent back with the code: nothing is stored until then.
	Encrypted string
}

// setupLife is how long an enrollment may take.
const setupLife = 30 * time.Minute

// totpSetup is what TOTPSetup.Encrypted holds.
type totpSetup struct {
	Seed    string `json:"seed"`
	Expires int64  `json:"expires"`
}

// setupContext binds an encrypted setup to the member, and separates it from
// stored seeds.
func setupContext(member string) string { return "setup " + member }

// NewTOTP returns a new seed for the member's authenticator app.
func (s *Factors) NewTOTP(m Member) (TOTPSetup, error) {
	return s.totp(m, totpSetup{newSeed(), s.vault.now().Add(setupLife).Unix()})
}

func (s *Factors) totp(m Member, setup totpSetup) (TOTPSetup, error) {
	text, err := json.Marshal(setup)
	if err != nil {
		return TOTPSetup{}, err
	}
	return TOTPSetup{
		Secret:    grouped(setup.Seed, 4, " "),
		URI:       totpURI(setup.Seed, s.vault.issuer, m.Email),
		Encrypted: base64.RawURLEncoding.EncodeToString(s.vault.secrets.seeds.Encrypt(text, setupContext(m.ID))),
	}, nil
}

// ResumeTOTP returns a setup that NewTOTP created, or a new one if it has
// expired.
func (s *Factors) ResumeTOTP(m Member, encrypted string) (TOTPSetup, error) {
	setup, err := s.decryptSetup(m, encrypted)
	if err != nil {
		return s.NewTOTP(m)
	}
	return s.totp(m, setup)
}

func (s *Factors) decryptSetup(m Member, encrypted string) (totpSetup, error) {
	over := fault.On("code", fault.CodeWrong, "This took too long. Scan the new QR code and enter a code.")
	var setup totpSetup
	raw, err := base64.RawURLEncoding.DecodeString(encrypted)
	if err != nil {
		return setup, over
	}
	text, err := s.vault.secrets.seeds.Decrypt(raw, setupContext(m.ID))
	if err != nil {
		return setup, over
	}
	if err := json.Unmarshal(text, &setup); err != nil || s.vault.now().Unix() >= setup.Expires {
		return setup, over
	}
	return setup, nil
}

// EnrollTOTP enrolls the app of the setup, once a code shows that it has the
// seed. It replaces an earlier app.
func (s *Factors) EnrollTOTP(ctx context.Context, by audit.Grant, in In, encrypted, code string) error {
	m := in.Member
	setup, err := s.decryptSetup(m, encrypted)
	if err != nil {
		return err
	}
	step, ok := totpMatch(setup.Seed, strings.ReplaceAll(strings.TrimSpace(code), " ", ""), s.vault.now())
	if !ok {
		return fault.On("code", fault.CodeWrong, "This code isn't right. Enter the one that the app shows now, and check the phone's clock.")
	}
	app := TOTP{s.vault.secrets.seeds.Encrypt([]byte(setup.Seed), m.ID), step, s.vault.now()}
	return s.store.SetTOTP(ctx, by, m.ID, app, in.Session.ID, memberAction(audit.TOTPAdd, by, m))
}

// RemoveTOTP removes the member's authenticator app. If it is the last factor,
// it returns a LastFactor fault.
func (s *Factors) RemoveTOTP(ctx context.Context, by audit.Grant, in In) error {
	return s.store.RemoveTOTP(ctx, by, in.Member.ID, in.Session.ID, memberAction(audit.TOTPRemove, by, in.Member))
}

// Passkeys returns the passkeys of the member, the oldest first.
func (s *Factors) Passkeys(ctx context.Context, m Member) ([]Passkey, error) {
	return s.store.Passkeys(ctx, m.ID)
}

// BeginPasskey starts the enrollment of a passkey.
func (s *Factors) BeginPasskey(ctx context.Context, in In) (Ceremony, error) {
	if !s.vault.Passkeys() {
		return Ceremony{}, errNoPasskeys()
	}
	keys, err := s.store.Passkeys(ctx, in.Member.ID)
	if err != nil {
		return Ceremony{}, err
	}
	options, state, err := s.vault.passkeys.BeginEnroll(passkeyMember(in.Member, keys))
	return s.vault.storeCeremony(ctx, s.store, options, state, err)
}

// maxPasskeyName is the longest name of a passkey in characters.
const maxPasskeyName = 60

// EnrollPasskey adds a passkey to the member. Any refusal is a PasskeyRefused
// fault, or a fault of the field "name".
func (s *Factors) EnrollPasskey(ctx context.Context, by audit.Grant, in In, name, ceremony string, response []byte) error {
	if !s.vault.Passkeys() {
		return errNoPasskeys()
	}
	m := in.Member
	name = profile.Plain(name)
	if name == "" {
		name = by.Actor.Client
	}
	if err := profile.CheckLine(name); err != nil || utf8.RuneCountInString(name) > maxPasskeyName {
		return fault.OnText("name", err, fault.NameInvalid, "Enter a passkey name of up to %d characters.", maxPasskeyName)
	}
	state, err := takeCeremony(ctx, s.store, ceremony)
	if err != nil {
		return err
	}
	made, err := s.vault.passkeys.FinishEnroll(passkeyMember(m, nil), state, response)
	if err != nil {
		return err
	}
	p := Passkey{ID: id.New("psk"), Member: m.ID, Name: name, Credential: made.ID, Data: made.Data, Created: s.vault.now()}
	return s.store.AddPasskey(ctx, by, p, in.Session.ID, passkeyAction(audit.PasskeyAdd, by, m, p))
}

// RemovePasskey removes a passkey of the member. If it is the last factor, it
// returns a LastFactor fault.
func (s *Factors) RemovePasskey(ctx context.Context, by audit.Grant, in In, passkey string) error {
	return s.store.RemovePasskey(ctx, by, in.Member.ID, passkey, in.Session.ID,
		passkeyAction(audit.PasskeyRemove, by, in.Member, Passkey{ID: passkey}))
}

func passkeyAction(name audit.Name, by audit.Grant, m Member, p Passkey) audit.Action {
	a := memberAction(name, by, m)
	a.Target = audit.Target{Kind: audit.PasskeyTarget, ID: p.ID, Name: p.Name}
	return a
}

// NewCodes creates recovery codes, which replace earlier ones. They are shown
// only this once.
func (s *Factors) NewCodes(ctx context.Context, by audit.Grant, in In) ([]string, error) {
	codes, hashes := s.vault.secrets.newCodes(in.Member.ID)
	err := s.store.SetCodes(ctx, by, in.Member.ID, hashes, s.vault.now(), in.Session.ID,
		memberAction(audit.RecoveryCreate, by, in.Member))
	return codes, err
}

// Reset removes all second factors and sessions of a member who has lost them.
// The password then leads to a new enrollment.
func (s *Factors) Reset(ctx context.Context, by audit.Grant, m Member) error {
	return s.store.ResetFactors(ctx, by, m.ID, memberAction(audit.FactorReset, by, m))
}

// Synced reports whether the passkey is synced between devices, or bound to
// one.
func (p Passkey) Synced() bool { return passkey.Credential{ID: p.Credential, Data: p.Data}.Synced() }
