package account

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/updatecase/mobileconfig/server/account/guess"
	"github.com/updatecase/mobileconfig/server/account/internal/hashing"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/fault"
)

// The minimum length of a password (NIST SP 800-63B-4, 3.1.1.2).
const (
	MinPassword           = 15 // characters, if it is the only factor
	MinPasswordWithFactor = 8  // characters, with a second factor
	maxPassword           = 1024
)

// minGuesses is how many guesses a password must withstand. A number of nine
// digits, or two words together, isn't enough.
const minGuesses = 2e9

// scored is how many characters of a password are scored, because the time
// grows faster than the length.
const scored = 64

// Hashing takes memory and time, so only a few may hash at once and only a few
// may wait. Some places are reserved for devices from which a member has signed
// in before, and the strangers of one network can't take all others.
const (
	mostHashers     = 2 // or the number of cores minus one, if that is less
	keptHashers     = 1
	queue           = 32
	queuePerNetwork = 4
)

// passwords hashes and checks passwords, a few at a time.
type passwords struct{ budget *admission.Budget }

func newPasswords() *passwords {
	return &passwords{admission.NewBudget(max(1, min(mostHashers, runtime.NumCPU()-1)), keptHashers, queue, queuePerNetwork)}
}

// insider is someone who has already shown that they belong here: by a session,
// an invitation, or a known device.
var insider = admission.Guest{Known: true}

// hash returns the PHC hash of a password that a member chooses, or the
// PasswordWeak fault of [checkPassword]. The check is queued too, because it
// takes time.
func (p *passwords) hash(ctx context.Context, password string, withFactor bool, known ...string) (hash string, err error) {
	leave, err := p.enter(ctx, insider)
	if err != nil {
		return "", err
	}
	defer leave()
	if err := checkPassword(password, withFactor, known...); err != nil {
		return "", err
	}
	return hashing.Create(norm.NFC.String(password))
}

// check reports whether the hash is the password's. Without a hash it is false,
// after the same time.
func (p *passwords) check(ctx context.Context, who admission.Guest, password, hash string) (bool, error) {
	leave, err := p.enter(ctx, who)
	if err != nil {
		return false, err
	}
	defer leave()
	if hash == "" {
		hash = hashing.Absent()
	}
	if len(password) > maxPassword {
		password = ""
	}
	return hashing.Check(norm.NFC.String(password), hash)
}

func (p *passwords) enter(ctx context.Context, who admission.Guest) (leave func(), err error) {
	leave, err = p.budget.Enter(ctx, who)
	if errors.Is(err, admission.ErrCrowded) {
		f := fault.New(fault.Limited, "Too many people are signing in right now. Try again in a few seconds.")
		f.RetryAfter = 2 * time.Second
		return nil, f
	}
	return leave, err
}

// checkPassword refuses a password that is too short, or easy to guess, also
// with what is known about the member.
func checkPassword(password string, withFactor bool, known ...string) error {
	least := MinPassword
	if withFactor {
		least = MinPasswordWithFactor
	}
	switch {
	case !utf8.ValidString(password) || len(password) > maxPassword:
		return fault.On("password", fault.PasswordWeak, "Choose a password of up to %d bytes.", maxPassword)
	case utf8.RuneCountInString(norm.NFC.String(password)) < least:
		return fault.On("password", fault.PasswordWeak, "Choose a password of at least %d characters. Four or more words work well.", least)
	case guesses(password, known) < minGuesses:
		return fault.On("password", fault.PasswordWeak, "This password is easy to guess. Choose four or more unrelated words.")
	}
	return nil
}

func guesses(password string, known []string) float64 {
	var words []string
	for _, k := range append(known, "mobileconfig") {
		words = append(words, k)
		words = append(words, strings.FieldsFunc(k, func(r rune) bool { return strings.ContainsRune("@.-_+ ", r) })...)
	}
	if r := []rune(password); len(r) > scored {
		password = string(r[:scored])
	}
	return guess.Count(password, words)
}
