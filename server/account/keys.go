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

// The format of a key: prefix, ID, secret.
const (
	keyPrefix  = "mck_"
	testPrefix = "test_" // after keyPrefix, of a test key
	keyIDSize  = 16      // characters
	secretSize = 32      // bytes
)

// touchEvery is the precision of a key's last use.
const touchEvery = time.Minute

// maxKeyName is the longest name of a key in characters.
const maxKeyName = 100

// A KeyStore stores keys.
type KeyStore interface {
	// CreateKey stores k and records a.
	CreateKey(ctx context.Context, by audit.Grant, k Key, a audit.Action) error
	// Key returns a key in any state, or a NotFound fault. A key of a suspended
	// account is a NotFound fault too.
	Key(ctx context.Context, id string) (Key, error)
	// Keys returns the keys of an account, the newest first.
	Keys(ctx context.Context, account string) ([]Key, error)
	// KeysOf returns the active keys of an account that a member created, those
	// that these keys created, and so on, the newest first.
	KeysOf(ctx context.Context, account, member string, at time.Time) ([]Key, error)
	// RevokeKey revokes a key of the account and records a. A key of another
	// account, or one that is already revoked, is a NotFound fault.
	RevokeKey(ctx context.Context, by audit.Grant, account, id string, at time.Time, a audit.Action) error
	// ChangeKey applies change to the key of the account, saves its name and
	// expiry, and records the action that change returns. If the action has no
	// changes, nothing is saved. A key of another account is a NotFound fault.
	// Change may be called more than once.
	ChangeKey(ctx context.Context, by audit.Grant, account, id string, change func(Key) (Key, audit.Action, error)) error
	// RotateKey calls rotate with the key of the account, saves the expiry of
	// the first key it returns, stores the second one, and records the actions.
	// A key of another account is a NotFound fault. Rotate may be called more
	// than once.
	RotateKey(ctx context.Context, by audit.Grant, account, id string, rotate func(Key) (ends, made Key, all []audit.Action, err error)) error
	// TouchKey saves when and where a key was used. If it has been used from
	// other networks but never from this one, it records a, once, for the first
	// networks of a key.
	TouchKey(ctx context.Context, by audit.Grant, use KeyUse, a audit.Action) error
}

// Keys creates and checks keys.
type Keys struct {
	store KeyStore
	now   func() time.Time

	mu      sync.Mutex
	touched map[touch]time.Time // when they were last saved
}

// NewKeys returns Keys that use the store.
func NewKeys(store KeyStore, now func() time.Time) *Keys {
	return &Keys{store: store, now: now, touched: map[touch]time.Time{}}
}

// A KeySpec describes the key to create.
type KeySpec struct {
	Account  string
	Name     string
	Scopes   []string
	Domains  []string
	Networks []netip.Prefix
	Life     time.Duration // zero: no expiry
	Test     bool
}

// Create creates a key and returns it with the token, which is shown only once:
// only its hash is stored.
func (k *Keys) Create(ctx context.Context, by audit.Grant, spec KeySpec) (Key, string, error) {
	key, err := k.build(spec)
	if err != nil {
		return Key{}, "", err
	}
	return k.keep(ctx, by, key)
}

// keep sets the key's secret and stores its hash. Keys that a test key creates
// are test keys.
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

// token returns the key as its program sends it.
func (k Key) token(secret []byte) string {
	prefix := keyPrefix
	if k.Test {
		prefix += testPrefix
	}
	return prefix + strings.TrimPrefix(k.ID, "key_") + encode(secret)
}

// CreateByKey is Create on behalf of another key. The new key can't do more
// than its parent: no more scopes, domains or networks, and no longer life. A
// test key creates only test keys.
func (k *Keys) CreateByKey(ctx context.Context, parent Key, by audit.Grant, spec KeySpec) (Key, string, error) {
	key, err := k.build(spec)
	if err != nil {
		return Key{}, "", err
	}
	if err := parent.covers(key); err != nil {
		return Key{}, "", err
	}
	return k.keep(ctx, by, key)
}

// covers returns a fault if the key may do something that its parent may not.
func (k Key) covers(child Key) error {
	for _, s := range child.Scopes {
		if err := k.Permit(s); err != nil {
			return err
		}
	}
	switch {
	case len(k.Domains) > 0 && (len(child.Domains) == 0 || !subset(child.Domains, k.Domains)):
		return fault.On("domains", fault.Forbidden, "A new key can act only for domains of this key. List them.")
	case len(k.Networks) > 0 && (len(child.Networks) == 0 || !subset(child.Networks, k.Networks)):
		return fault.On("networks", fault.Forbidden, "A new key can be used only from networks of this key. List them.")
	case !k.Expires.IsZero() && (child.Expires.IsZero() || child.Expires.After(k.Expires)):
		return fault.On("expires_in", fault.Forbidden, "A new key can't expire later than this key.")
	case k.Test && !child.Test:
		return fault.On("test", fault.Forbidden, "A test key can create only test keys.")
	}
	return nil
}

func subset[T comparable](some, all []T) bool {
	return !slices.ContainsFunc(some, func(t T) bool { return !slices.Contains(all, t) })
}

// build creates a key from the spec. The error has a fault for each invalid
// field.
func (k *Keys) build(spec KeySpec) (Key, error) {
	key := Key{ID: id.New("key"), Account: spec.Account, Networks: spec.Networks, Test: spec.Test, Created: k.now()}
	bad := make([]error, 3, 4)
	key.Scopes, bad[0] = ParseScopes(spec.Scopes)
	key.Name, bad[1] = parseKeyName(spec.Name)
	key.Domains, bad[2] = parseKeyDomains(spec.Domains)
	if spec.Life < 0 {
		bad = append(bad, fault.On("expires_in", fault.Invalid, "Enter a number of seconds, or 0 for no expiry."))
	}
	if spec.Life > 0 {
		key.Expires = key.Created.Add(spec.Life)
	}
	return key, errors.Join(bad...)
}

func parseKeyName(name string) (string, error) {
	name = profile.Plain(name)
	if err := profile.CheckLine(name); err != nil || name == "" || utf8.RuneCountInString(name) > maxKeyName {
		return "", fault.OnText("name", err, fault.NameInvalid, "Enter the program that will use the key, in up to %d characters.", maxKeyName)
	}
	return name, nil
}

func parseKeyDomains(names []string) ([]string, error) {
	var domains []string
	for _, name := range names {
		domain, err := profile.ParseHost(name)
		if err != nil {
			return nil, fault.On("domains", fault.Invalid, "Enter domains, for example example.com.")
		}
		domains = append(domains, domain)
	}
	return domains, nil
}

// Authenticate returns the key of a token sent from the address. A token that
// is unknown, expired, revoked or sent from another network is Unauthorized,
// always with the same answer. The key is read from the database each time, so
// a revoked key stops working at once on every server.
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
	// Networks is how many networks are stored for a key.
	Networks int
}

// keyNetworks is how many networks are stored for a key.
const keyNetworks = 10

// A touch is the use of a key from a network.
type touch struct {
	key     string
	network netip.Prefix
}

// maxTouched limits how many touches are remembered.
const maxTouched = 10_000

// touch saves the use of the key, once a minute for each network.
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

// due reports whether the touch wasn't saved within the last minute, and marks
// it as saved.
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

// KeyNetwork returns the network that is shown as the origin of a key's use:
// the /24 for IPv4, the /48 for IPv6.
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

// ListSeen returns the keys that the key may see, the newest first. The creator
// of a key is named only if the key may see the creator too.
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

// Of returns the keys that are revoked by default with the removal of a member:
// those that the member created, and those that were created by these. The
// member has seen the tokens of the former and could request the latter.
func (k *Keys) Of(ctx context.Context, account, member string) ([]Key, error) {
	return k.store.KeysOf(ctx, account, member, k.now())
}

// Revoke revokes a key of the account. Keys that it created stay active.
func (k *Keys) Revoke(ctx context.Context, by audit.Grant, account, id string) error {
	return k.store.RevokeKey(ctx, by, account, id, k.now(), keyAction(audit.KeyRevoke, by, Key{ID: id, Account: account}))
}

// RevokeByKey is Revoke on behalf of another key, which may revoke only keys
// that it could have created. A key that it may not see is not found; a revoked
// key stays revoked.
func (k *Keys) RevokeByKey(ctx context.Context, parent Key, by audit.Grant, id string) error {
	key, err := k.Seen(ctx, parent, id)
	if err != nil {
		return err
	}
	if parent.covers(key) != nil {
		return fault.New(fault.Forbidden, "This key can't revoke a key that may do more.")
	}
	if !key.Revoked.IsZero() {
		return nil
	}
	return k.Revoke(ctx, by, parent.Account, id)
}

// Grant authorizes the key for what needs the scope.
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

// split splits a token into its parts.
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
