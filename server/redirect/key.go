// Package redirect lets hosting panels send people here without a call: the
// panel signs whose mailbox it is, the person's browser brings that along, and
// it becomes a setup link once.
package redirect

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// Longest texts of a key.
const (
	maxName    = 100  // characters
	maxPEM     = 4096 // bytes
	maxDomains = 100
	maxID      = 40 // bytes
)

// A Key is a public key of a hosting panel. What its private half has signed
// makes links for the account.
type Key struct {
	ID      string // the "kid" of what it signs
	Account string // the "iss"
	// Name tells people which program signs.
	Name string
	// Public is the key as SubjectPublicKeyInfo in DER.
	Public []byte
	// Domains are the mail domains that it may sign for, as lower-case
	// A-labels. None: all of the account's.
	Domains  []string
	Created  time.Time
	Expires  time.Time // zero: never
	LastUsed time.Time // to the minute; zero: never
}

// Algorithm is the one name that "alg" may have, EdDSA or ES256, and empty if
// the key is of no kind that may sign.
func (k Key) Algorithm() string {
	_, algorithm := k.public()
	return algorithm
}

func (k Key) public() (key crypto.PublicKey, algorithm string) {
	key, err := x509.ParsePKIXPublicKey(k.Public)
	if err != nil {
		return nil, ""
	}
	switch p := key.(type) {
	case ed25519.PublicKey:
		return key, edDSA
	case *ecdsa.PublicKey:
		if p.Curve == elliptic.P256() {
			return key, es256
		}
	}
	return nil, ""
}

// PEM is the key as text.
func (k Key) PEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: k.Public}))
}

// Fingerprint is the SHA-256 of Public, in hex.
func (k Key) Fingerprint() string {
	sum := sha256.Sum256(k.Public)
	return hex.EncodeToString(sum[:])
}

// UseGrain is how exactly it is kept when a key was used last.
const UseGrain = time.Minute

// Live reports whether what the key signs is taken at the time.
func (k Key) Live(now time.Time) bool { return k.Expires.IsZero() || now.Before(k.Expires) }

// signsFor reports whether the key may sign for mailboxes of the domain.
func (k Key) signsFor(domain string) bool {
	return len(k.Domains) == 0 || slices.Contains(k.Domains, domain)
}

// A KeyStore keeps keys. Each method that writes keeps the change and its
// action, or neither.
type KeyStore interface {
	// CreateRedirectKey keeps k.
	CreateRedirectKey(ctx context.Context, by audit.Grant, k Key, a audit.Action) error
	// RedirectKey returns a key, or a NotFound fault: also if its account is
	// suspended.
	RedirectKey(ctx context.Context, id string) (Key, error)
	// RedirectKeys returns the keys of an account, the newest first.
	RedirectKeys(ctx context.Context, account string) ([]Key, error)
	// ChangeRedirectKey gives the key of the account the name and the domains
	// of what change makes of it as it is, and keeps the action that change
	// returns. If that has no changes, it keeps nothing. One that is not the
	// account's is a NotFound fault. Change may be called more than once.
	ChangeRedirectKey(ctx context.Context, by audit.Grant, account, id string, change func(Key) (Key, audit.Action, error)) error
	// DeleteRedirectKey deletes a key of the account, if check has nothing
	// against it as it is. One that is not the account's is a NotFound fault.
	DeleteRedirectKey(ctx context.Context, by audit.Grant, account, id string, check func(Key) error, a audit.Action) error
}

// Keys registers keys.
type Keys struct {
	store KeyStore
	now   func() time.Time
}

// NewKeys returns Keys that are kept in the store.
func NewKeys(store KeyStore, now func() time.Time) *Keys { return &Keys{store, now} }

// A Spec says what a key is to be.
type Spec struct {
	Name    string
	PEM     string // of a new key; one that is there keeps its own
	Domains []string
	Life    time.Duration // of a new key; zero: for ever
}

// Check returns a fault for each field that a new key cannot have.
func (s Spec) Check() error {
	_, err := s.key()
	return err
}

// key is a new key of the spec.
func (s Spec) key() (Key, error) {
	public, err := parsePublic(s.PEM)
	key := Key{Public: public}
	bad := []error{err, key.apply(s)}
	if s.Life < 0 {
		bad = append(bad, fault.On("expires_in", fault.Invalid, "Enter a number of seconds, or 0 for no expiry."))
	}
	return key, errors.Join(bad...)
}

// Create registers a key of the account. The error holds a fault for each field
// that cannot be taken.
func (k *Keys) Create(ctx context.Context, by audit.Grant, account string, spec Spec) (Key, error) {
	key, err := spec.key()
	if err != nil {
		return Key{}, err
	}
	key.ID, key.Account, key.Created = id.New("rdk"), account, k.now()
	if spec.Life > 0 {
		key.Expires = key.Created.Add(spec.Life)
	}
	changes := append(changes(Key{}, key), audit.Change{Field: "public_key", New: key.Fingerprint()})
	return key, k.store.CreateRedirectKey(ctx, by, key, action(audit.RedirectKeyCreate, by, key, changes))
}

// List returns the keys of the account, the newest first.
func (k *Keys) List(ctx context.Context, account string) ([]Key, error) {
	return k.store.RedirectKeys(ctx, account)
}

// Get returns a key of the account, or a NotFound fault.
func (k *Keys) Get(ctx context.Context, account, id string) (Key, error) {
	missing := fault.New(fault.NotFound, "There is no such public key.")
	if len(id) > maxID || !profile.IsLine(id) {
		return Key{}, missing
	}
	key, err := k.store.RedirectKey(ctx, id)
	if err == nil && key.Account != account {
		err = missing
	}
	if err != nil {
		return Key{}, err
	}
	return key, nil
}

// Update gives a key of the account the name and the domains of the spec.
func (k *Keys) Update(ctx context.Context, by audit.Grant, account, id string, spec Spec) (Key, error) {
	return k.Change(ctx, by, account, id, func(Key) (Spec, error) { return spec, nil })
}

// Change is Update by a spec that is made of the key as it is: nobody else
// changes it meanwhile. If change fails, nothing is changed. It may be called
// more than once.
func (k *Keys) Change(ctx context.Context, by audit.Grant, account, id string, change func(Key) (Spec, error)) (Key, error) {
	key, err := k.Get(ctx, account, id)
	if err != nil {
		return Key{}, err
	}
	err = k.store.ChangeRedirectKey(ctx, by, account, key.ID, func(old Key) (Key, audit.Action, error) {
		key = old
		spec, err := change(old)
		if err == nil {
			err = key.apply(spec)
		}
		return key, action(audit.RedirectKeyUpdate, by, key, changes(old, key)), err
	})
	return key, err
}

// Delete deletes a key of the account, if check, which may be nil, has nothing
// against it as it is: its error is Delete's. Nothing that the key has signed is
// taken any more; the links that were made by it stay.
func (k *Keys) Delete(ctx context.Context, by audit.Grant, account, id string, check func(Key) error) error {
	key, err := k.Get(ctx, account, id)
	if err != nil {
		return err
	}
	return k.store.DeleteRedirectKey(ctx, by, account, key.ID, check, action(audit.RedirectKeyDelete, by, key, nil))
}

// apply takes the name and the domains of the spec. The error holds a fault for
// each that cannot be taken.
func (k *Key) apply(spec Spec) error {
	var bad []error
	spec.Name = profile.Plain(spec.Name)
	if err := profile.CheckLine(spec.Name); err != nil || spec.Name == "" || utf8.RuneCountInString(spec.Name) > maxName {
		bad = append(bad, fault.OnText("name", err, fault.NameInvalid, "Name the program that signs, in up to %d characters.", maxName))
	}
	domains, err := parseDomains(spec.Domains)
	if err = errors.Join(append(bad, err)...); err != nil {
		return err
	}
	k.Name, k.Domains = spec.Name, domains
	return nil
}

func parseDomains(names []string) ([]string, error) {
	var domains []string
	for _, name := range names {
		domain, err := profile.ParseHost(name)
		if err != nil {
			return nil, fault.On("domains", fault.Invalid, "Enter domains, for example example.com.")
		}
		if !slices.Contains(domains, domain) {
			domains = append(domains, domain)
		}
	}
	if len(domains) > maxDomains {
		return nil, fault.On("domains", fault.Invalid, "Name up to %d domains, or none for all.", maxDomains)
	}
	return domains, nil
}

const publicBlock = "PUBLIC KEY"

// parsePublic reads a public key that may sign. Of a private key it says only
// that it is one.
func parsePublic(text string) ([]byte, error) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case strings.Contains(text, "PRIVATE KEY"):
		return nil, fault.On("public_key", fault.Invalid, "This is the private key. It must not leave the panel: make a new pair, and send the public key.")
	case len(text) > maxPEM, block == nil, block.Type != publicBlock, strings.TrimSpace(string(rest)) != "":
		return nil, fault.On("public_key", fault.Invalid, "Send one public key as PEM, with the line -----BEGIN PUBLIC KEY-----.")
	case Key{Public: block.Bytes}.Algorithm() == "":
		return nil, fault.On("public_key", fault.Invalid, "The key must be of the kind Ed25519 or ECDSA P-256.")
	}
	return block.Bytes, nil
}

func changes(from, to Key) []audit.Change {
	var all []audit.Change
	for _, c := range []audit.Change{
		{Field: "name", Old: from.Name, New: to.Name},
		{Field: "domains", Old: strings.Join(from.Domains, ", "), New: strings.Join(to.Domains, ", ")},
	} {
		if c.Old != c.New {
			all = append(all, c)
		}
	}
	return all
}

func action(name audit.Name, by audit.Grant, key Key, changes []audit.Change) audit.Action {
	return audit.Action{
		Account: key.Account,
		Name:    name,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.RedirectKeyTarget, ID: key.ID, Name: key.Name},
		Changes: changes,
	}
}
