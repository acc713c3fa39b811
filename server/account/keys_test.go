package account

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/fault"
)

func TestSplit(t *testing.T) {
	good := keyPrefix + "aaaaaaaaaaaaaaaa" + encode(make([]byte, secretSize))
	keyID, secret, test, ok := split(good)
	if !ok || test || keyID != "key_aaaaaaaaaaaaaaaa" || len(secret) != secretSize {
		t.Errorf("%q %d %v", keyID, len(secret), ok)
	}
	for _, bad := range []string{"", "mck_", "mck_aaaaaaaaaaaaaaaa", good[1:], good[:len(good)-2], good + "aa", "MCK" + good[3:], good[:30] + "!" + good[31:], good[:len(good)-1] + "b"} {
		if _, _, _, ok := split(bad); ok {
			t.Errorf("took %q", bad)
		}
	}
	of, _, test, ok := split("mck_test_" + good[len(keyPrefix):])
	if !ok || !test || of != keyID {
		t.Errorf("a test key: %q %v %v", of, test, ok)
	}
}

func TestParseScopes(t *testing.T) {
	got, err := ParseScopes([]string{" domains:read", "keys:read", "domains:read"})
	if err != nil || !slices.Equal(got, []Scope{DomainsRead, KeysRead}) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range [][]string{nil, {""}, {"root"}, {"domains:read", "DOMAINS:READ"}} {
		if _, err := ParseScopes(bad); !fault.Is(err, fault.ScopeUnknown) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestCovers checks that a key can't create a key that may do more than itself.
func TestCovers(t *testing.T) {
	now := time.Now()
	near := netip.MustParsePrefix("192.0.2.0/24")
	parent := Key{Scopes: []Scope{DomainsRead, KeysWrite}, Domains: []string{"a.example", "b.example"}, Networks: []netip.Prefix{near}, Expires: now}
	child := func(change func(*Key)) Key {
		k := Key{Scopes: []Scope{DomainsRead}, Domains: []string{"a.example"}, Networks: []netip.Prefix{near}, Expires: now}
		change(&k)
		return k
	}
	tests := []struct {
		name  string
		child Key
		ok    bool
	}{
		{"less", child(func(*Key) {}), true},
		{"the same", child(func(k *Key) { k.Scopes, k.Domains = parent.Scopes, parent.Domains }), true},
		{"another scope", child(func(k *Key) { k.Scopes = []Scope{DomainsWrite} }), false},
		{"all domains", child(func(k *Key) { k.Domains = nil }), false},
		{"another domain", child(func(k *Key) { k.Domains = []string{"a.example", "c.example"} }), false},
		{"all networks", child(func(k *Key) { k.Networks = nil }), false},
		{"another network", child(func(k *Key) { k.Networks = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} }), false},
		{"a test", child(func(k *Key) { k.Test = true }), true},
		{"no expiry", child(func(k *Key) { k.Expires = time.Time{} }), false},
		{"longer", child(func(k *Key) { k.Expires = now.Add(time.Second) }), false},
	}
	for _, tt := range tests {
		if err := parent.covers(tt.child); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	free := Key{Scopes: Scopes()}
	if err := free.covers(child(func(k *Key) { k.Domains, k.Networks, k.Expires = nil, nil, time.Time{} })); err != nil {
		t.Error(err)
	}
}
