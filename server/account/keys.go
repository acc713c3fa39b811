package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

// How a key is written: prefix, id, secret.
const (
	keyPrefix  = "mck_"
	testPrefix = "test_" // behind keyPrefix, of a test key
	keyIDSize  = 16      // characters
	secretSize = 32      // bytes
)

// touchEvery is how exactly the last use of a key is kept.
const touchEvery = time.Minute

// maxKeyName is the longest name of a key in characters.
const maxKeyName = 100

// A KeyStore keeps keys.
type KeyStore interface {
	// CreateKey keeps k and a.
	CreateKey(ctx context.Context, by audit.Grant, k Key, a audit.Action) error
	// Key returns a key in whatever state, or a NotFound fault: also if its
	// account is suspended.
	Key(ctx context.Context, id string) (Key, error)
	// Keys returns the keys of an account, the newest first.
	Keys(ctx context.Context, account string) ([]Key, error)
	// KeysOf returns the keys of an account that a member created, those that
	// were created by these keys, and so on: as many as work at the time, the
	// newest first.
	KeysOf(ctx context.Context, account, member string, at time.Time) ([]Key, error)
	// RevokeKey revokes a key of the account and keeps a. One that is not the
	// account's, or is revoked already, is a NotFound fault.
	RevokeKey(ctx context.Context, by audit.Grant, account, id string, at time.Time, a audit.Action) error
	// ChangeKey gives the key of the account the name and the end of what
	// change makes of it as it is, and keeps the action that change returns. If
	// that has no changes, it keeps nothing. One that is not the account's is a
	// NotFound fault. Change may be called more than once.
	ChangeKey(ctx context.Context, by audit.Grant, account, id string, change func(Key) (Key, audit.Action, error)) error
	// RotateKey gives the key of the account the end of the first key that
	// rotate makes of it as it is, keeps the second one, and the actions. One
	// that is not the account's is a NotFound fault. Rotate may be called more
	// than once.
	RotateKey(ctx context.Context, by audit.Grant, account, id string, rotate func(Key) (ends, made Key, all []audit.Action, err error)) error
	// TouchKey notes that a key was used. If it was used from other networks
	// before and never from this one, it keeps a, once, for the first networks of
	// a key.
	TouchKey(ctx context.Context, by audit.Grant, use KeyUse, a audit.Action) error
}

// Keys makes and checks keys.
type Keys struct {
	store KeyStore
	now   func() time.Time

	mu      sync.Mutex
	touched map[touch]time.Time // when they were noted last
}

// NewKeys returns Keys that are kept in the store.
func NewKeys(store KeyStore, now func() time.Time) *Keys {
	return &Keys{store: store, now: now, touched: map[touch]time.Time{}}
}

// A KeySpec says which key to make.
type KeySpec struct {
	Account  string
	Name     string
	Scopes   []string
	Domains  []string
	Networks []netip.Prefix
	Life     time.Duration // zero: for ever
	Test     bool
}

// Create makes a key and returns it as it is shown once: only its hash is
// kept.
func (k *Keys) Create(ctx context.Context, by audit.Grant, spec KeySpec) (Key, string, error) {
	key, err := k.build(spec)
	if err != nil {
		return Key{}, "", err
	}
	return k.keep(ctx, by, key)
}

// keep gives the key its secret and keeps the hash. What a test key creates is
// a test.
func (k *Keys) keep(ctx context.Context, by audit.Grant, key Key) (Key, string, error) {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	key.Hash = hash(secret)
	key.Test = key.Test || by.Actor.Test
	key.CreatedBy = Creator{by.Actor.Kind, by.Actor.ID, by.Actor.Name}
	if err := k.store.CreateKey(ctx, by, key, keyAction(audit.KeyCreate, by, key)); err != nil {
		return Key{}, "", err
	}
	return key, key.token(secret), nil
}

// token is the key as its program sends it.
func (k Key) token(secret []byte) string {
	prefix := keyPrefix
	if k.Test {
		prefix += testPrefix
	}
	return prefix + strings.TrimPrefix(k.ID, "key_") + encode(secret)
}

// CreateBelow is Create by another key: the new one may do no more than its
// parent, for no other domains, from no other networks, and for no longer. A
// test key makes test keys alone.
func (k *Keys) CreateBelow(ctx context.Context, parent Key, by audit.Grant, spec KeySpec) (Key, string, error) {
	key, err := k.build(spec)
	if err != nil {
		return Key{}, "", err
	}
	if err := parent.covers(key); err != nil {
		return Key{}, "", err
	}
	return k.keep(ctx, by, key)
}

// covers refuses a key that may do what its parent may not.
func (k Key) covers(child Key) error {
	for _, s := range child.Scopes {
		if err := k.Permit(s); err != nil {
			return err
		}
	}
	switch {
	case len(k.Domains) > 0 && (len(child.Domains) == 0 || !subset(child.Domains, k.Domains)):
		return fault.On("domains", fault.Forbidden, "A new key may act for domains of this key alone. Name them.")
	case len(k.Networks) > 0 && (len(child.Networks) == 0 || !subset(child.Networks, k.Networks)):
		return fault.On("networks", fault.Forbidden, "A new key may come from networks of this key alone. Name them.")
	case !k.Expires.IsZero() && (child.Expires.IsZero() || child.Expires.After(k.Expires)):
		return fault.On("expires_in", fault.Forbidden, "A new key may live no longer than this key.")
	case k.Test && !child.Test:
		return fault.On("test", fault.Forbidden, "A test key makes test keys alone.")
	}
	return nil
}

func subset[T comparable](some, all []T) bool {
	return !slices.ContainsFunc(some, func(t T) bool { return !slices.Contains(all, t) })
}

// build makes a key of the spec. The error holds a fault for each field that
// cannot be taken.
func (k *Keys) build(spec KeySpec) (Key, error) {
	key := Key{ID: id.New("key"), Account: spec.Account, Networks: spec.Networks, Test: spec.Test, Created: k.now()}
	bad := make([]error, 3, 4)
	key.Scopes, bad[0] = ParseScopes(spec.Scopes)
	key.Name, bad[1] = parseKeyName(spec.Name)
	key.Domains, bad[2] = parseKeyDomains(spec.Domains)
	if spec.Life < 0 {
		bad = append(bad, fault.On("expires_in", fault.Invalid, "A key lives for some seconds, or for ever with 0."))
	}
	if spec.Life > 0 {
		key.Expires = key.Created.Add(spec.Life)
	}
	return key, errors.Join(bad...)
}

func parseKeyName(name string) (string, error) {
	name = profile.Plain(name)
	if err := profile.CheckLine(name); err != nil || name == "" || utf8.RuneCountInString(name) > maxKeyName {
		return "", fault.OnText("name", err, fault.NameInvalid, "Name the program that will have the key, in up to %d characters.", maxKeyName)
	}
	return name, nil
}

func parseKeyDomains(names []string) ([]string, error) {
	var domains []string
	for _, name := range names {
		domain, err := profile.ParseHost(name)
		if err != nil {
			return nil, fault.On("domains", fault.Invalid, "Name domains such as example.com.")
		}
		domains = append(domains, domain)
	}
	return domains, nil
}

// Authenticate returns the key of a token that comes from the address. A
// token that is unknown, expired, revoked or from elsewhere is Unauthorized:
// the answer is the same. A key is read each time, so that a revoked one is
// dead at once, on every server.
func (k *Keys) Authenticate(ctx context.Context, token string, from netip.Addr) (Key, error) {
	refused := fault.New(fault.Unauthorized, "Send a valid key: Authorization: Bearer mck_…")
	keyID, secret, test, ok := split(token)
	if !ok {
		return Key{}, refused
	}
	key, err := k.store.Key(ctx, keyID)
	if fault.Is(err, fault.NotFound) {
		return Key{}, refused
	}
	if err != nil {
		return Key{}, err
	}
	now := k.now()
	alive := key.Revoked.IsZero() && (key.Expires.IsZero() || now.Before(key.Expires))
	near := len(key.Networks) == 0 || slices.ContainsFunc(key.Networks, func(p netip.Prefix) bool { return p.Contains(from) })
	if subtle.ConstantTimeCompare(hash(secret), key.Hash) != 1 || key.Test != test || !alive || !near {
		return Key{}, refused
	}
	return key, k.touch(ctx, key, from, now)
}

// A KeyUse is the use of a key.
type KeyUse struct {
	Key     string
	Network netip.Prefix // as KeyNetwork returns it
	At      time.Time
	// Networks is how many networks of a key are kept.
	Networks int
}

// keyNetworks is how many networks of a key are kept.
const keyNetworks = 10

// A touch is a key that was used from a network.
type touch struct {
	key     string
	network netip.Prefix
}

// maxTouched bounds how many touches are remembered.
const maxTouched = 10_000

// touch notes that the key was used, once a minute for each network.
func (k *Keys) touch(ctx context.Context, key Key, from netip.Addr, now time.Time) error {
	t := touch{key.ID, KeyNetwork(from)}
	if now.Sub(key.LastUsed) < touchEvery && key.LastNetwork == t.network || !k.due(t, now) {
		return nil
	}
	by := audit.ByProgram()
	by.Actor = audit.Actor{Kind: audit.KeyActor, ID: key.ID, Name: key.Name, IP: from.String(), Interface: audit.API, Test: key.Test}
	return k.store.TouchKey(ctx, by, KeyUse{key.ID, t.network, now, keyNetworks}, audit.Action{
		Account: key.Account,
		Name:    audit.KeyNewNetwork,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.KeyTarget, ID: key.ID, Name: key.Name},
		Changes: []audit.Change{{Field: "network", New: t.network.String()}},
	})
}

// due reports whether the touch wasn't noted within the minute, and takes it for
// noted.
func (k *Keys) due(t touch, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if age := now.Sub(k.touched[t]); age >= 0 && age < touchEvery {
		return false
	}
	if len(k.touched) >= maxTouched {
		clear(k.touched)
	}
	k.touched[t] = now
	return true
}

// KeyNetwork is the network by which it is told where a key is used from: the
// /24 in IPv4, the /48 in IPv6.
func KeyNetwork(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := 48
	if ip.Is4() {
		bits = 24
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}

// List returns the keys of the account, the newest first.
func (k *Keys) List(ctx context.Context, account string) ([]Key, error) {
	return k.store.Keys(ctx, account)
}

// ListSeen returns the keys that the key may know of, the newest first. Who
// created one is named only if the key may know of that one too.
func (k *Keys) ListSeen(ctx context.Context, by Key) ([]Key, error) {
	all, err := k.store.Keys(ctx, by.Account)
	if err != nil || len(by.Domains) == 0 {
		return all, err
	}
	all = slices.DeleteFunc(all, func(other Key) bool { return !by.Sees(other) })
	for i := range all {
		creator := &all[i].CreatedBy
		if !slices.ContainsFunc(all, func(other Key) bool { return other.ID == creator.ID }) {
			*creator = Creator{Kind: creator.Kind}
		}
	}
	return all, nil
}

// Of returns the keys that end with a member of the account unless they are
// kept: those that the member created, and those that were created by these.
// The member has seen the former and could ask for the latter.
func (k *Keys) Of(ctx context.Context, account, member string) ([]Key, error) {
	return k.store.KeysOf(ctx, account, member, k.now())
}

// Revoke ends a key of the account for good. Keys that it created stay.
func (k *Keys) Revoke(ctx context.Context, by audit.Grant, account, id string) error {
	return k.store.RevokeKey(ctx, by, account, id, k.now(), keyAction(audit.KeyRevoke, by, Key{ID: id, Account: account}))
}

// RevokeBelow is Revoke by another key: it ends no key that it could not have
// made. One that it may not know of is not found; one that is revoked stays so.
func (k *Keys) RevokeBelow(ctx context.Context, parent Key, by audit.Grant, id string) error {
	key, err := k.Seen(ctx, parent, id)
	if err != nil {
		return err
	}
	if parent.covers(key) != nil {
		return fault.New(fault.Forbidden, "This key may not revoke one that may do more.")
	}
	if !key.Revoked.IsZero() {
		return nil
	}
	return k.Revoke(ctx, by, parent.Account, id)
}

// Grant entitles the key to what needs the scope.
func (k Key) Grant(need Scope) audit.Grant {
	return audit.Grant{
		Actor: audit.Actor{Kind: audit.KeyActor, ID: k.ID, Name: k.Name, Test: k.Test, Interface: audit.API},
		Kind:  audit.KeyGrant, ID: k.ID, Account: k.Account, Need: string(need), Domains: strings.Join(k.Domains, " "), Expires: k.Expires,
	}
}

func keyAction(name audit.Name, by audit.Grant, key Key) audit.Action {
	a := audit.Action{
		Account: key.Account,
		Name:    name,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.KeyTarget, ID: key.ID, Name: key.Name},
	}
	if name == audit.KeyCreate {
		a.Changes = []audit.Change{
			{Field: "scopes", New: joined(key.Scopes)},
			{Field: "domains", New: strings.Join(key.Domains, ", ")},
		}
		if key.Test {
			a.Changes = append(a.Changes, audit.Change{Field: "test", New: yes(true)})
		}
	}
	return a
}

// split takes a token apart.
func split(token string) (keyID string, secret []byte, test, ok bool) {
	rest, found := strings.CutPrefix(token, keyPrefix)
	rest, test = strings.CutPrefix(rest, testPrefix)
	if !found || len(rest) <= keyIDSize || strings.ToLower(rest) != rest {
		return "", nil, false, false
	}
	secret, err := encoding.DecodeString(strings.ToUpper(rest[keyIDSize:]))
	if err != nil || len(secret) != secretSize || encode(secret) != rest[keyIDSize:] { // unused bits must be 0
		return "", nil, false, false
	}
	return "key_" + rest[:keyIDSize], secret, test, true
}

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

func encode(b []byte) string { return strings.ToLower(encoding.EncodeToString(b)) }

// hash needs no salt and no work factor: the secret has 256 random bits.
func hash(secret []byte) []byte {
	sum := sha256.Sum256(secret)
	return sum[:]
}
