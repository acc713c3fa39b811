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

// A Vault holds what sign-ins are checked with. One serves an installation's
// Members, Factors and Sessions.
type Vault struct {
	secrets   *secrets
	passwords *passwords
	refusals  *admission.Tally // of sign-ins of nobody
	// passkeys is nil where browsers can have none for the base URL.
	passkeys *passkey.Ceremonies
	// issuer is how an authenticator app names the installation.
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

// Passkeys reports whether this installation can have passkeys: browsers want
// https and a host name for them, or localhost.
func (v *Vault) Passkeys() bool { return v.passkeys != nil }

// How often anybody may try to sign in.
const (
	attemptWindow      = 15 * time.Minute
	attemptsPerMember  = 10
	attemptsPerNetwork = 30
	// A passkey cannot be guessed; this only bounds what is kept.
	passkeysPerNetwork = 120
)

// An AttemptStore counts attempts.
type AttemptStore interface {
	// Attempt counts one use of the limit with the key. Where it was used
	// most times within the window, the fault is Limited and says how long to
	// wait.
	Attempt(ctx context.Context, key string, most int, window time.Duration, at time.Time) error
}

// attempt counts a try of a stranger to sign in, for the network that it comes
// from, and then for whoever is named, member or not: a network that has used
// up its own tries uses up nobody else's.
func (v *Vault) attempt(ctx context.Context, store AttemptStore, whom string, from netip.Prefix) error {
	err := store.Attempt(ctx, "attempt/network/"+admission.Near(from.Addr()).String(), attemptsPerNetwork, attemptWindow, v.now())
	if err != nil {
		return err
	}
	return v.ownAttempt(ctx, store, "sign-in", whom)
}

// ownAttempt counts a try that no stranger can make: of a session, or of a
// device from which the member has signed in before.
func (v *Vault) ownAttempt(ctx context.Context, store AttemptStore, what, whom string) error {
	return store.Attempt(ctx, "attempt/"+what+"/"+v.secrets.attempts.Code(whom), attemptsPerMember, attemptWindow, v.now())
}

// device marks a device from which the member has signed in. The mark lets
// nobody in: tries from that device only don't wait for those of strangers.
func (v *Vault) device(m Member) string {
	name := id.New("dev")
	return name + "." + v.secrets.devices.Code(m.ID+" "+name)
}

// knows reports whether the mark is that of a device of the member.
func (v *Vault) knows(m Member, mark string) bool {
	name, code, ok := strings.Cut(mark, ".")
	return ok && m.ID != "" && v.secrets.devices.Valid(m.ID+" "+name, code)
}

// code checks a code that a member has typed and returns what is to be used
// up for it. Whether a recovery code is right shows when it is used up.
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

// fold brings an address that a person has typed into the form in which
// members are kept. What is no address folds to a text that no member has.
func fold(email string) string {
	address, err := profile.ParseAddress(email)
	if err != nil {
		return strings.ToLower(strings.TrimSpace(email))
	}
	return address.Folded()
}

// parseEmail is fold for an address that is to be kept.
func parseEmail(email string) (string, error) {
	address, err := profile.ParseAddress(email)
	if err != nil {
		return "", fault.OnText("email", err, fault.AddressMalformed, "Write a mail address such as jane@example.com.")
	}
	return address.Folded(), nil
}
