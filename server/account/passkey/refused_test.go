package passkey_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/fault"
)

// A bad answer is a valid one with one change. Why is a pattern for the reason
// of the refusal: the change must be the reason.
type bad struct {
	name string
	bend func(*answer)
	why  string
}

// unread is the library's error for authenticator data that it can't parse.
const unread = "parsing attestation response|unmarshalling auth data"

// said changes the client data.
func said(field string, value any) func(*answer) {
	return func(a *answer) { a.client[field] = value }
}

// without removes flags.
func without(flags byte) func(*answer) { return func(a *answer) { a.flags &^= flags } }

// with adds flags.
func with(flags byte) func(*answer) { return func(a *answer) { a.flags |= flags } }

// cut removes the last bytes.
func cut(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:len(b)-n] } }

// flip flips one bit of the last byte.
func flip(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// instead replaces the response.
func instead(s string) func(*answer) {
	return func(a *answer) { a.response = func([]byte) []byte { return []byte(s) } }
}

// anywhere lists what is refused in all three ceremonies.
func anywhere() []bad {
	challenge := strings.Repeat("A", 43)
	return []bad{
		{"other origin", said("origin", "https://evil.example"), "the origin is"},
		{"subdomain", said("origin", "https://evil.panel.example.com"), "the origin is"},
		{"parent domain", said("origin", "https://example.com"), "the origin is"},
		{"other port", said("origin", origin+":8443"), "the origin is"},
		{"default port", said("origin", origin+":443"), "the origin is"},
		{"http", said("origin", "http://panel.example.com"), "the origin is"},
		{"origin with a user", said("origin", "https://evil@panel.example.com"), "the origin is"},
		{"origin with a path", said("origin", origin+"/"), "the origin is"},
		{"origin in capitals", said("origin", strings.ToUpper(origin)), "the origin is"},
		{"no origin", said("origin", nil), "the origin is"},
		{"app", said("origin", "android:apk-key-hash:AAAA"), "the origin is"},
		{"cross-origin", said("crossOrigin", true), "cross origin"},
		{"top origin", said("topOrigin", origin), "topOrigin"},
		{"other challenge", said("challenge", challenge), "challenge"},
		{"no challenge", said("challenge", ""), "challenge"},
		{"no type", said("type", ""), "ceremony type"},
		{"payment", said("type", "payment.get"), "ceremony type"},
		{"client data cut", func(a *answer) { a.clientData = cut(1) }, "end of JSON|parsing attestation response"},
		{"other relying party", func(a *answer) { a.rp = "evil.example" }, "RP Hash"},
		{"parent relying party", func(a *answer) { a.rp = "example.com" }, "RP Hash"},
		{"not verified", without(verified), "User verification required"},
		{"not present", without(present), "User presence required"},
		{"backed up, not eligible", with(backedUp), "Backup"},
		{"extensions missing", with(extended), unread},
		{"authenticator data too long", func(a *answer) { a.extension = []byte{0} }, unread},
		{"authenticator data of 36 bytes", func(a *answer) {
			a.authData = func(b []byte) []byte { return b[:36] }
		}, unread},
		{"no authenticator data", func(a *answer) { a.authData = func([]byte) []byte { return nil } }, unread},
		{"other kind of credential", func(a *answer) { a.kind = "password" }, "bad type|Type not public-key"},
		{"no credential id", func(a *answer) { a.said = nil }, "ID missing|Missing ID"},
		{"empty", instead(""), "EOF"},
		{"null", instead("null"), "ID missing|Missing ID"},
		{"empty object", instead("{}"), "ID missing|Missing ID"},
		{"array", instead("[]"), "unmarshal array"},
		{"not JSON", instead("<html>"), "invalid character"},
		{"deep", instead(strings.Repeat("[", 60<<10)), "max depth"},
		{"cut", func(a *answer) { a.response = cut(1) }, "EOF"},
		{"two answers", func(a *answer) {
			a.response = func(b []byte) []byte { return append(b, b...) }
		}, "trailing"},
		{"a byte too long", func(a *answer) {
			a.response = func(b []byte) []byte {
				return append(b, bytes.Repeat([]byte(" "), 64<<10+1-len(b))...)
			}
		}, "65537 bytes"},
	}
}

// refused fails unless err has the code and the reason. The text for people
// must always be the same and contain nothing of the answer.
func refused(t *testing.T, err error, code fault.Code, why string) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("got %v, want %s", err, code)
	}
	if fault.Of(err).Unwrap() == nil || why == "" {
		t.Fatalf("no reason: %v", err)
	}
	if !regexp.MustCompile(why).MatchString(fault.Of(err).Unwrap().Error()) {
		t.Errorf("refused for another reason than %q: %v", why, err)
	}
	detail := map[fault.Code][]string{
		fault.SignInRefused: {"This passkey can't be used here. Try again, or sign in another way."},
		fault.PasskeyRefused: {"The passkey wasn't added. Start again, and unlock the device when it asks.",
			"The passkey wasn't accepted. Start again with one of your own passkeys."},
	}[code]
	if !slices.Contains(detail, fault.Of(err).Detail) {
		t.Errorf("the detail is %q", fault.Of(err).Detail)
	}
}

func TestEnrollRefused(t *testing.T) {
	d, dev := newDesk(t), newDevice(t, "one")
	old := newDevice(t, "old")
	d.enroll("mem_ada", old)
	ada := d.members["mem_ada"]
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key := func(n int, v any) func(*answer) { return func(a *answer) { a.key[n] = v } }

	tests := append(anywhere(), []bad{
		{"type of a sign-in", said("type", "webauthn.get"), "ceremony type"},
		{"no algorithm", key(3, 0), "algorithm not supported"},
		{"ES384", key(3, es384), "algorithm not supported"},
		{"SHA-1", key(3, -65535), "algorithm not supported"},
		{"PS256", key(3, -37), "algorithm not supported"},
		{"algorithm of another type", key(3, edDSA), "algorithm"},
		{"RSA that says ES256", func(a *answer) {
			a.key = public(t, large)
			a.key[3] = es256
		}, "doesn't match its algorithm"},
		{"RSA of 1024 bits", func(a *answer) { a.key = public(t, small) }, "doesn't match its algorithm"},
		{"RSA of 8200 bits", func(a *answer) {
			a.key = public(t, small)
			a.key[-1] = bytes.Repeat([]byte{255}, 1025)
		}, "doesn't match its algorithm"},
		{"RSA without exponent", func(a *answer) {
			a.key = public(t, small)
			delete(a.key, -2)
		}, "exponent"},
		{"key that is no point", key(-2, make([]byte, 32)), "not on curve"},
		{"key of another curve", key(-1, 2), "curve"},
		{"key without point", func(a *answer) { delete(a.key, -3) }, "invalid length"},
		{"no key", func(a *answer) { a.key = nil }, "algorithm not supported"},
		{"no attested data", without(attested), unread},
		{"attested data missing", func(a *answer) {
			a.authData = func(b []byte) []byte { return b[:37] }
		}, unread},
		{"authenticator data cut in the id", func(a *answer) {
			a.authData = func(b []byte) []byte { return b[:56] }
		}, unread},
		{"authenticator data cut in the key", func(a *answer) { a.authData = cut(1) }, unread},
		{"object cut", func(a *answer) { a.object = cut(1) }, unread},
		{"object too long", func(a *answer) {
			a.object = func(b []byte) []byte { return append(b, 0) }
		}, unread},
		{"object empty", func(a *answer) { a.object = func([]byte) []byte { return nil } }, unread},
		{"object without end", func(a *answer) {
			a.object = func([]byte) []byte { return []byte{0xbf} }
		}, unread},
		{"browser says another id", func(a *answer) { a.said = []byte("two") }, "credential id"},
		{"id of 1024 bytes", func(a *answer) {
			a.id = make([]byte, 1024)
			a.said = a.id
		}, unread},
		{"passkey that is there", func(a *answer) { a.id, a.said = old.id, old.id }, "already"},
		{"no format", func(a *answer) { a.format = "" }, "unrequested"},
		{"tpm", func(a *answer) { a.format = "tpm" }, "unrequested"},
		{"fido-u2f", func(a *answer) { a.format = "fido-u2f" }, "unrequested"},
		{"compound", func(a *answer) { a.format = "compound" }, unread},
		{"statement of none", func(a *answer) { a.statement["alg"] = es256 }, "none with attestation"},
		{"certified", func(a *answer) {
			dev.selfSigned(a)
			a.statement["x5c"] = [][]byte{{1}}
		}, "unrequested"},
		{"self-signed, flipped", func(a *answer) {
			dev.selfSigned(a)
			a.statement["sig"] = flip(a.statement["sig"].([]byte))
		}, "signature"},
		{"self-signed, no signature", func(a *answer) {
			a.format = "packed"
			a.statement["alg"] = es256
		}, "sig"},
	}...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			options, state, err := d.BeginEnroll(ada)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.FinishEnroll(ada, state, dev.create(options, tt.bend))
			refused(t, err, fault.PasskeyRefused, tt.why)
			if got.ID != nil || got.Data != nil {
				t.Errorf("a passkey came with the refusal")
			}
		})
	}
}

// TestUseRefused runs what is refused of an enrolled passkey, at a sign-in and
// at a confirmation.
func TestUseRefused(t *testing.T) {
	d, dev, bob := newDesk(t), newDevice(t, "one"), newDevice(t, "bob's")
	dev.counter = 9
	d.enroll("mem_ada", dev)
	d.enroll("mem_bob", bob)
	dev.counter = 10
	ada := d.members["mem_ada"]
	counter := func(n uint32) func(*answer) { return func(a *answer) { a.counter = n } }

	common := append(anywhere(), []bad{
		{"type of an enrollment", said("type", "webauthn.create"), "ceremony type"},
		{"synced at once", with(eligible), "Backup Eligible"},
		{"signature flipped", func(a *answer) { a.signature = flip }, "ignature"},
		{"signature of another key", func(a *answer) { a.signer = bob.key }, "ignature"},
		{"no signature", func(a *answer) { a.signature = func([]byte) []byte { return nil } }, "ignature"},
		{"signature too long", func(a *answer) {
			a.signature = func(b []byte) []byte { return append(b, 0) }
		}, "ignature"},
		{"counter went back", counter(8), "counter didn't grow"},
		{"counter stood still", counter(9), "counter didn't grow"},
		{"counter fell to nothing", counter(0), "counter didn't grow"},
		{"unknown passkey", func(a *answer) { a.said = []byte("nobody's") }, "credential"},
		{"other's passkey", func(a *answer) { a.said, a.signer = bob.id, bob.key }, "credential"},
		{"other's passkey and handle", func(a *answer) {
			a.said, a.signer, a.handle = dev.id, dev.key, bob.handle
		}, "credential ID|User handle"},
		{"unknown member", func(a *answer) { a.handle = []byte("mem_eve") }, "no such member|User handle"},
		{"attested data missing", func(a *answer) {
			a.flags |= attested
			a.authData = func(b []byte) []byte { return b[:37] }
		}, unread},
	}...)

	t.Run("sign-in", func(t *testing.T) {
		tests := append(common, []bad{
			{"no handle", func(a *answer) { a.handle = nil }, "user handle"},
			{"handle of 65 bytes", func(a *answer) { a.handle = bytes.Repeat([]byte("a"), 65) }, "user handle"},
			{"handle with a NUL", func(a *answer) { a.handle = []byte("mem_ada\x00") }, "user handle"},
			{"handle that is no text", func(a *answer) { a.handle = []byte("mem_\xff") }, "user handle"},
		}...)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				options, state, err := d.BeginSignIn()
				if err != nil {
					t.Fatal(err)
				}
				id, used, err := d.FinishSignIn(state, dev.get(options, tt.bend), d.find)
				refused(t, err, fault.SignInRefused, tt.why)
				if id != "" || used.ID != nil || used.Data != nil {
					t.Errorf("%q and a passkey came with the refusal", id)
				}
			})
		}
	})
	t.Run("confirm", func(t *testing.T) {
		tests := append(common, bad{"all of another member", func(a *answer) {
			a.said, a.signer, a.handle = bob.id, bob.key, bob.handle
		}, "credential"})
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				options, state, err := d.BeginConfirm(ada)
				if err != nil {
					t.Fatal(err)
				}
				used, err := d.FinishConfirm(ada, state, dev.get(options, tt.bend))
				refused(t, err, fault.PasskeyRefused, tt.why)
				if used.ID != nil || used.Data != nil {
					t.Errorf("a passkey came with the refusal")
				}
			})
		}
	})
	d.signIn(dev) // no failure has used anything up
}

// TestAnswersSwapped uses the answer of one call for the other, with everything
// from the browser adapted.
func TestAnswersSwapped(t *testing.T) {
	d, dev := newDesk(t), newDevice(t, "one")
	d.enroll("mem_ada", dev)
	ada := d.members["mem_ada"]
	fit := func(call string) func(*answer) {
		return func(a *answer) { a.rp, a.client["type"] = "panel.example.com", call }
	}

	options, state, err := d.BeginEnroll(ada)
	if err != nil {
		t.Fatal(err)
	}
	got := dev.get(options, fit("webauthn.create"), with(attested))
	_, err = d.FinishEnroll(ada, state, got)
	refused(t, err, fault.PasskeyRefused, "parsing attestation response")

	other := newDevice(t, "one")
	options, state, err = d.BeginConfirm(ada)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.FinishConfirm(ada, state, other.create(options, fit("webauthn.get")))
	refused(t, err, fault.PasskeyRefused, unread)
	options, state, err = d.BeginSignIn()
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = d.FinishSignIn(state, other.create(options, fit("webauthn.get")), d.find)
	refused(t, err, fault.SignInRefused, unread)
}
