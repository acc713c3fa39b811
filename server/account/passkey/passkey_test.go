package passkey_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account/passkey"
	"github.com/updatecase/mobileconfig/server/fault"
)

const origin = "https://panel.example.com"

// A desk is an installation with one clock, and what its store would hold.
type desk struct {
	t testing.TB
	*passkey.Ceremonies
	clock   time.Time
	members map[string]passkey.Member
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	d := &desk{t: t, members: map[string]passkey.Member{}}
	d.clock = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	base, err := url.Parse(origin + "/panel")
	if err != nil {
		t.Fatal(err)
	}
	d.Ceremonies, err = passkey.New(base, func() time.Time { return d.clock })
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"mem_ada", "mem_bob"} {
		d.members[id] = passkey.Member{ID: id, Name: id + "@example.com"}
	}
	return d
}

// find is what a store does at a sign-in.
func (d *desk) find(id string) (passkey.Member, error) {
	m, ok := d.members[id]
	if !ok {
		return m, fault.New(fault.NotFound, "There is no such member.")
	}
	return m, nil
}

// keep stores a passkey and replaces one with the same ID.
func (d *desk) keep(id string, c passkey.Credential) {
	m := d.members[id]
	m.Credentials = slices.DeleteFunc(slices.Clone(m.Credentials), func(old passkey.Credential) bool {
		return bytes.Equal(old.ID, c.ID)
	})
	m.Credentials = append(m.Credentials, c)
	d.members[id] = m
}

// enroll gives the member the device's passkey.
func (d *desk) enroll(id string, dev *device, bends ...func(*answer)) passkey.Credential {
	d.t.Helper()
	options, state, err := d.BeginEnroll(d.members[id])
	if err != nil {
		d.t.Fatal(err)
	}
	c, err := d.FinishEnroll(d.members[id], state, dev.create(options, bends...))
	if err != nil {
		d.t.Fatal(err)
	}
	d.keep(id, c)
	return c
}

func (d *desk) signIn(dev *device) {
	d.t.Helper()
	options, state, err := d.BeginSignIn()
	if err != nil {
		d.t.Fatal(err)
	}
	id, used, err := d.FinishSignIn(state, dev.get(options), d.find)
	if err != nil {
		d.t.Fatal(err)
	}
	if id != string(dev.handle) || !bytes.Equal(used.ID, dev.id) {
		d.t.Errorf("%q signed in with %q, want %q with %q", id, used.ID, dev.handle, dev.id)
	}
	d.keep(id, used)
}

func (d *desk) confirm(id string, dev *device, bends ...func(*answer)) {
	d.t.Helper()
	options, state, err := d.BeginConfirm(d.members[id])
	if err != nil {
		d.t.Fatal(err)
	}
	used, err := d.FinishConfirm(d.members[id], state, dev.get(options, bends...))
	if err != nil {
		d.t.Fatal(err)
	}
	d.keep(id, used)
}

// TestCeremonies runs all three with two passkeys of one member: one has a
// counter, the other is synced and has none.
func TestCeremonies(t *testing.T) {
	d := newDesk(t)
	token, phone := newDevice(t, "token"), newDevice(t, "phone")
	token.counter = 7
	phone.flags |= eligible

	if c := d.enroll("mem_ada", token); c.Synced() || !bytes.Equal(c.ID, token.id) {
		t.Errorf("the token: synced %v, id %q", c.Synced(), c.ID)
	}
	if c := d.enroll("mem_ada", phone); !c.Synced() {
		t.Error("the phone's passkey is not synced")
	}
	phone.flags |= backedUp
	for range 2 {
		token.counter++
		d.signIn(token)
		d.signIn(phone)
		token.counter += 3
		d.confirm("mem_ada", token)
		d.confirm("mem_ada", phone, func(a *answer) { a.handle = nil })
	}
	for _, c := range d.members["mem_ada"].Credentials {
		phones := bytes.Equal(c.ID, phone.id)
		if c.Synced() != phones || bytes.Contains(c.Data, []byte(`"backed_up":true`)) != phones {
			t.Errorf("after use, %s has %s", c.ID, c.Data)
		}
		if want := `"transports":["hybrid","internal"]`; !strings.Contains(string(c.Data), want) {
			t.Errorf("%s\nhas no %s", c.Data, want)
		}
	}
}

// TestKeys checks that a passkey works with every offered algorithm, and with
// self attestation.
func TestKeys(t *testing.T) {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"es256": nil, "eddsa": ed, "rs256": rsaKey} {
		t.Run(name, func(t *testing.T) {
			d, plain, packed := newDesk(t), newDevice(t, "plain"), newDevice(t, "packed")
			if key != nil {
				plain.key, packed.key = key, key
			}
			d.enroll("mem_ada", plain)
			d.enroll("mem_ada", packed, packed.selfSigned)
			d.signIn(plain)
			d.confirm("mem_ada", packed)
		})
	}
}

// TestAllowed checks answers that are unusual but valid.
func TestAllowed(t *testing.T) {
	d, dev := newDesk(t), newDevice(t, "one")
	protect := webauthnExtension(dev)
	d.enroll("mem_ada", dev, protect)
	pad := func(a *answer) {
		a.response = func(b []byte) []byte {
			return append(b, bytes.Repeat([]byte(" "), 64<<10-len(b))...)
		}
	}
	d.confirm("mem_ada", dev, pad)

	options, state, err := d.BeginConfirm(d.members["mem_ada"])
	if err != nil {
		t.Fatal(err)
	}
	d.clock = d.clock.Add(passkey.Life)
	if _, err := d.FinishConfirm(d.members["mem_ada"], state, dev.get(options)); err != nil {
		t.Errorf("in the last moment: %v", err)
	}
}

// webauthnExtension adds the protection that browsers request from security
// keys on their own.
func webauthnExtension(d *device) func(*answer) {
	return func(a *answer) {
		a.flags |= extended
		a.extension = d.cbor(map[string]any{"credProtect": 2})
	}
}

// TestOptions checks the options for the browser.
func TestOptions(t *testing.T) {
	d, dev := newDesk(t), newDevice(t, "one")
	enrolled := d.enroll("mem_ada", dev)
	ada := d.members["mem_ada"]
	descriptor := `[{"type":"public-key","id":"` + encode(enrolled.ID) + `","transports":["hybrid","internal"]}]`

	tests := []struct {
		name  string
		begin func() ([]byte, []byte, error)
		want  map[string]string
	}{
		{"enroll", func() ([]byte, []byte, error) { return d.BeginEnroll(ada) }, map[string]string{
			"rp":   `{"name":"panel.example.com","id":"panel.example.com"}`,
			"user": `{"name":"mem_ada@example.com","displayName":"mem_ada@example.com","id":"` + encode([]byte("mem_ada")) + `"}`,
			"pubKeyCredParams": `[{"type":"public-key","alg":-7},{"type":"public-key","alg":-8},` +
				`{"type":"public-key","alg":-257}]`,
			"timeout":                "300000",
			"excludeCredentials":     descriptor,
			"authenticatorSelection": `{"requireResidentKey":true,"residentKey":"required","userVerification":"required"}`,
			"attestation":            `"none"`,
		}},
		{"sign-in", d.BeginSignIn, map[string]string{
			"rpId": `"panel.example.com"`, "timeout": "300000", "userVerification": `"required"`,
		}},
		{"confirm", func() ([]byte, []byte, error) { return d.BeginConfirm(ada) }, map[string]string{
			"rpId": `"panel.example.com"`, "timeout": "300000", "userVerification": `"required"`,
			"allowCredentials": descriptor,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, _, err := tt.begin()
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]map[string]json.RawMessage
			if err := json.Unmarshal(raw, &got); err != nil || len(got) != 1 {
				t.Fatalf("%v in %s", err, raw)
			}
			if n := len(got["publicKey"]["challenge"]); n != 45 { // 32 bytes, quoted
				t.Errorf("a challenge of %d characters", n)
			}
			delete(got["publicKey"], "challenge")
			for name, want := range tt.want {
				if s := string(got["publicKey"][name]); s != want {
					t.Errorf("%s: got %s, want %s", name, s, want)
				}
				delete(got["publicKey"], name)
			}
			for name, value := range got["publicKey"] {
				t.Errorf("there is also %s: %s", name, value)
			}
		})
	}
}

func TestSupported(t *testing.T) {
	for base, want := range map[string]string{ // to the origin, if it is supported
		"https://panel.example.com":            "https://panel.example.com",
		"https://Panel.Example.com:443/panel/": "https://panel.example.com",
		"https://panel.example.com:":           "https://panel.example.com",
		"https://panel.example.com:80":         "https://panel.example.com:80",
		"https://panel.example.com:8443":       "https://panel.example.com:8443",
		"https://xn--bcher-kva.example":        "https://xn--bcher-kva.example",
		"http://localhost:8080":                "http://localhost:8080",
		"http://localhost:80":                  "http://localhost",
		"https://localhost":                    "https://localhost",
		"http://panel.example.com":             "",
		"http://localhost.example.com":         "",
		"http://127.0.0.1:8080":                "",
		"https://127.0.0.1":                    "",
		"https://0x7f.0x1":                     "",
		"https://[::1]":                        "",
		"https://bücher.example":               "",
		"https://panel.example.com.":           "",
		"https://intranet":                     "",
		"https:panel.example.com":              "",
		"ftp://localhost":                      "",
		"panel.example.com":                    "",
		"https://":                             "",
		"":                                     "",
	} {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		if got := passkey.Supported(u); got != (want != "") {
			t.Errorf("%q: supported %v", base, got)
		}
		c, err := passkey.New(u, time.Now)
		if (err == nil) != (want != "") {
			t.Errorf("%q: %v", base, err)
		}
		if err != nil {
			continue
		}
		d := &desk{t: t, Ceremonies: c, members: map[string]passkey.Member{"mem_ada": {ID: "mem_ada", Name: "a@b.example"}}}
		d.enroll("mem_ada", newDevice(t, "one"), func(a *answer) { a.client["origin"] = want })
	}
	if passkey.Supported(nil) {
		t.Error("no base URL is supported")
	}
	if _, err := passkey.New(nil, time.Now); err == nil {
		t.Error("took no base URL")
	}
	if _, err := passkey.New(&url.URL{Scheme: "https", Host: "a.example"}, nil); err == nil {
		t.Error("took no clock")
	}
}
