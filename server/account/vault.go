package account

import (
	"context"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account/passkey"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// A Vault holds what sign-ins are checked with. An installation's Members,
// Factors and Sessions share one.
type Vault struct {
	secrets   *secrets
	passwords *passwords
	refusals  *admission.Tally // of sign-ins of unknown members
	// passkeys is nil if browsers can't use passkeys with the base URL.
	passkeys *passkey.Ceremonies
	// issuer is the installation's name in an authenticator app.
	issuer string
	now    func() time.Time
}

// NewVault returns the vault of an installation.
func NewVault(secret *crypt.Secret, base *url.URL, now func() time.Time) (v *Vault, err error) {
	v = &Vault{secrets: newSecrets(secret), passwords: newPasswords(), refusals: admission.NewTally(now), issuer: base.Hostname(), now: now}
	if passkey.Supported(base) {
		v.passkeys, err = passkey.New(base, now)
	}
	return v, err
}

// Passkeys reports whether this installation supports passkeys: browsers
// require https and a host name, or localhost.
func (v *Vault) Passkeys() bool { return v.passkeys != nil }

// How often someone may try to sign in.
const (
	attemptWindow      = 15 * time.Minute
	attemptsPerMember  = 10
	attemptsPerNetwork = 30
	// A passkey can't be guessed; this only limits how much is stored.
	passkeysPerNetwork = 120
)

// An AttemptStore counts attempts.
type AttemptStore interface {
	// Attempt uses each of the limits once, or none if one of them is used up.
	// Then the error is a Limited fault that says how long to wait.
	Attempt(ctx context.Context, at time.Time, limits ...admission.Limit) error
}

// attempt counts a sign-in attempt of a stranger, for its network and for the
// named member, whether or not that exists. A network that has used up its own
// attempts can't use up those of others.
func (v *Vault) attempt(ctx context.Context, store AttemptStore, whom string, from netip.Prefix) error {
	network := admission.Limit{Key: "attempt/network/" + admission.Near(from.Addr()).String(), Max: attemptsPerNetwork, Window: attemptWindow}
	return store.Attempt(ctx, v.now(), network, v.memberLimit("sign-in", whom))
}

// ownAttempt counts an attempt that no stranger can make: from a session, or
// from a device on which the member has signed in before.
func (v *Vault) ownAttempt(ctx context.Context, store AttemptStore, what, whom string) error {
	return store.Attempt(ctx, v.now(), v.memberLimit(what, whom))
}

func (v *Vault) memberLimit(what, whom string) admission.Limit {
	return admission.Limit{Key: "attempt/" + what + "/" + v.secrets.attempts.Code(whom), Max: attemptsPerMember, Window: attemptWindow}
}

// device returns the mark for a device on which the member has signed in. The
// mark doesn't sign anyone in: attempts from that device only don't wait for
// those of strangers.
func (v *Vault) device(m Member) string {
	name := id.New("dev")
	return name + "." + v.secrets.devices.Code(m.ID+" "+name)
}

// knows reports whether the mark belongs to a device of the member.
func (v *Vault) knows(m Member, mark string) bool {
	name, code, ok := strings.Cut(mark, ".")
	return ok && m.ID != "" && v.secrets.devices.Valid(m.ID+" "+name, code)
}

// code checks a code that a member has typed and returns what it uses up. A
// recovery code is only checked when it is used up.
func (v *Vault) code(m Member, typed string) (Used, bool) {
	typed = strings.TrimSpace(typed)
	if compact := strings.ReplaceAll(typed, " ", ""); len(compact) == 6 {
		seed, err := v.seed(m)
		if err != nil {
			return Used{}, false
		}
		step, ok := totpMatch(seed, compact, v.now())
		return m.used(Used{Method: ByTOTP, Step: step}), ok && step > m.TOTPStep
	}
	if typed == "" || m.CodesLeft == 0 {
		return Used{}, false
	}
	return m.used(Used{Method: ByRecovery, Codes: v.secrets.keptCodes(m.ID, typed)}), true
}

func (v *Vault) seed(m Member) (string, error) {
	seed, err := v.secrets.seeds.Decrypt(m.TOTP, m.ID)
	return string(seed), err
}

// fold converts a typed address to the form in which members are stored. Text
// that isn't an address becomes one that no member has.
func fold(email string) string {
	address, err := profile.ParseAddress(email)
	if err != nil {
		return strings.ToLower(strings.TrimSpace(email))
	}
	return address.Folded()
}

// parseEmail is fold for an address that is to be stored.
func parseEmail(email string) (string, error) {
	address, err := profile.ParseAddress(email)
	if err != nil {
		return "", fault.OnText("email", err, fault.AddressMalformed, "Enter an email address, for example jane@example.com.")
	}
	return address.Folded(), nil
}
