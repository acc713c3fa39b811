package crypt

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var secret = bytes.Repeat([]byte("s"), 32)

// TestCipher checks that a text can be decrypted only for what it was encrypted
// for.
func TestCipher(t *testing.T) {
	c := Single(secret).Cipher(Seeds)
	data := c.Encrypt([]byte("text"), "mem_1")
	if got, err := c.Decrypt(data, "mem_1"); err != nil || string(got) != "text" {
		t.Errorf("got %q, %v", got, err)
	}
	if bytes.Equal(data, c.Encrypt([]byte("text"), "mem_1")) || bytes.Contains(data, []byte("text")) {
		t.Error("the same text looks the same, or shows")
	}
	for name, other := range map[string]*Cipher{"purpose": Single(secret).Cipher(Webhooks), "secret": Single(bytes.Repeat([]byte("t"), 32)).Cipher(Seeds)} {
		if _, err := other.Decrypt(data, "mem_1"); err == nil {
			t.Errorf("decrypted with another %s", name)
		}
	}
	if _, err := c.Decrypt(data, "mem_2"); err == nil {
		t.Error("decrypted for another member")
	}
	for i := range data {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		if _, err := c.Decrypt(bad, "mem_1"); err == nil {
			t.Errorf("decrypted with byte %d changed", i)
		}
		if _, err := c.Decrypt(data[:i], "mem_1"); err == nil {
			t.Errorf("decrypted the first %d bytes", i)
		}
	}
}

// TestKey pins the derivation, which stored values depend on, and the codes in
// tokens.
func TestKey(t *testing.T) {
	s := Single(secret)
	if got, want := hex.EncodeToString((&keys{secret: s, purpose: Seeds}).key(s.Current())), "237f5f6c1f7b01eef121df952f89baf402ca5f3727144df1e1a407e5982167ed"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := s.MAC(Token("lnk_")).Code("lnk_aaaaaaaaaaaaaaaa"), "z72uh5tf4thjm5pyv6gannvzdaxa4n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestNames checks that the same text gives the same result in each version,
// and other texts different ones.
func TestNames(t *testing.T) {
	a := newAges(t)
	c := a.Cipher(RecoveryCodes)
	one := c.Names([]byte("text"), "mem_1")
	a.rotate(time.Hour)
	two := c.Names([]byte("text"), "mem_1")
	if len(one) != 1 || len(two) != 2 || !bytes.Equal(two[1], one[0]) || bytes.Equal(two[0], two[1]) {
		t.Errorf("%x, then %x", one, two)
	}
	if bytes.Equal(c.Names([]byte("text"), "mem_2")[0][:IDSize+12], two[0][:IDSize+12]) || bytes.Equal(c.Names([]byte("texu"), "mem_1")[0][:IDSize+12], two[0][:IDSize+12]) {
		t.Error("another text has the same nonce")
	}
	for _, data := range two {
		if got, err := c.Decrypt(data, "mem_1"); err != nil || string(got) != "text" {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// ages are versions that come and go.
type ages struct {
	*Secret
	t     *testing.T
	clock time.Time
	kept  []Version
	reads int
	down  error
}

func newAges(t *testing.T) *ages {
	a := &ages{t: t, clock: time.Unix(1_800_000_000, 0), kept: []Version{FirstVersion(secret)}}
	a.Secret = a.open()
	return a
}

// open returns the secret of another server.
func (a *ages) open() *Secret {
	a.t.Helper()
	s, err := Open(a.t.Context(), func() time.Time { return a.clock }, func(context.Context) ([]Version, error) {
		a.reads++
		return append([]Version(nil), a.kept...), a.down
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return s
}

func (a *ages) rotate(overlap time.Duration) {
	a.kept[len(a.kept)-1].Ends = a.clock.Add(overlap)
	a.kept = append(a.kept, NewVersion())
}

// TestVersions checks that a server that doesn't know a new version yet accepts
// what another has created under it, that codes under the old one are accepted
// until it ends, and that values under it can be decrypted as long as it
// exists.
func TestVersions(t *testing.T) {
	a := newAges(t)
	stale := a.open()
	mac, staleMAC, cipher := a.MAC(Invitations), stale.MAC(Invitations), a.Cipher(Seeds)
	old, data := mac.Code("text"), cipher.Encrypt([]byte("text"), "x")
	a.rotate(time.Hour)
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := mac.Code("text")
	if fresh == old {
		t.Fatal("the code is that of the old version")
	}
	if staleMAC.Code("text") != old {
		t.Fatal("the other server knows already")
	}
	for _, code := range []string{old, fresh} {
		if !mac.Valid("text", code) || !staleMAC.Valid("text", code) || mac.Valid("other", code) {
			t.Errorf("%s isn't taken for what it is", code)
		}
	}
	if staleMAC.Code("text") != fresh {
		t.Error("the other server still uses the old version")
	}
	a.clock = a.clock.Add(time.Hour)
	for name, m := range map[string]*MAC{"one": mac, "other": staleMAC} {
		if m.Valid("text", old) || !m.Valid("text", fresh) {
			t.Errorf("%s server: the old version hasn't ended, or the new one has", name)
		}
	}
	if got, err := cipher.Decrypt(data, "x"); err != nil || string(got) != "text" {
		t.Errorf("an old value: %q, %v", got, err)
	}
	a.kept = a.kept[1:]
	if err := a.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := cipher.Decrypt(data, "x"); !errors.Is(err, ErrUnreadable) {
		t.Errorf("under a deleted version: %v", err)
	}
}

// TestUnknownVersions checks that invented codes are refused, without a
// database read if they can't name a version, and that known versions stay if
// nothing can be read.
func TestUnknownVersions(t *testing.T) {
	a := newAges(t)
	mac := a.MAC(Invitations)
	good, reads := mac.Code("text"), a.reads
	for _, code := range []string{"", "a", good[:CodeSize-1], good + "a", "A234" + good[IDSize:], "a b2" + good[IDSize:]} {
		if mac.Valid("text", code) {
			t.Errorf("%q is taken", code)
		}
	}
	if a.reads != reads {
		t.Error("versions were read for what is no code")
	}
	if mac.Valid("text", "aaaa"+good[IDSize:]) || a.reads != reads+1 {
		t.Errorf("taken, or %d reads", a.reads-reads)
	}
	a.down = errors.New("down")
	if mac.Valid("text", "aaaa"+good[IDSize:]) || !mac.Valid("text", good) || a.Reload(t.Context()) == nil {
		t.Error("what is known was lost, or the error")
	}
	for name, kept := range map[string][]Version{"none": nil, "empty": {{ID: "aaaa"}}, "two": {NewVersion(), NewVersion()}, "ended": {{ID: "aaaa", Secret: secret, Ends: a.clock}}} {
		a.kept, a.down = kept, nil
		if a.Reload(t.Context()) == nil || !mac.Valid("text", good) {
			t.Errorf("%s: taken for versions", name)
		}
	}
}

// TestFlood checks that many invented versions at the same time cause few reads
// of the versions.
func TestFlood(t *testing.T) {
	const guests = 500
	version := FirstVersion([]byte("secret"))
	var loads atomic.Int64
	s, err := Open(t.Context(), time.Now, func(context.Context) ([]Version, error) {
		if loads.Add(1) > 1 {
			time.Sleep(time.Millisecond) // which a database takes
		}
		return []Version{version}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	mac := s.MAC("test")
	var all sync.WaitGroup
	for range guests {
		all.Go(func() {
			if mac.Valid("a", "aaaa"+strings.Repeat("b", CodeSize-4)) {
				t.Error("a code of nobody is valid")
			}
		})
	}
	all.Wait()
	if n := loads.Load(); n < 2 || n > guests/2 {
		t.Errorf("the versions were read %d times", n)
	}
}
