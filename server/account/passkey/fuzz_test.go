package passkey_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/account/passkey"
)

// A fixture is an installation whose key and challenges never change: the
// processes of a fuzz run have to agree on what a valid answer is.
type fixture struct {
	*desk
	dev *device
	ada passkey.Member
}

const fixedChallenge = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

func newFixture(t testing.TB) fixture {
	t.Helper()
	f := fixture{desk: newDesk(t), dev: newDevice(t, "one")}
	f.dev.key = ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	f.desk.enroll("mem_ada", f.dev)
	f.ada = f.members["mem_ada"]
	return f
}

// begin begins a ceremony with the fixed challenge. It runs for each input
// because a state expires.
func (f fixture) begin(t testing.TB, kind byte) (options, state []byte) {
	t.Helper()
	var err error
	switch kind % 3 {
	case 0:
		nobody := passkey.Member{ID: f.ada.ID, Name: f.ada.Name}
		options, state, err = f.BeginEnroll(nobody)
	case 1:
		options, state, err = f.BeginSignIn()
	default:
		options, state, err = f.BeginConfirm(f.ada)
	}
	if err != nil {
		t.Fatal(err)
	}
	challenge := []byte(read(t, options).PublicKey.Challenge)
	fixed := []byte(fixedChallenge)
	return bytes.ReplaceAll(options, challenge, fixed), bytes.ReplaceAll(state, challenge, fixed)
}

// finish passes in a response. An accepted one is verified again, without the
// library.
func (f fixture) finish(t *testing.T, kind byte, response []byte) {
	_, state := f.begin(t, kind)
	var c passkey.Credential
	var err error
	switch kind % 3 {
	case 0:
		c, err = f.FinishEnroll(passkey.Member{ID: f.ada.ID, Name: f.ada.Name}, state, response)
	case 1:
		_, c, err = f.FinishSignIn(state, response, f.find)
	default:
		c, err = f.FinishConfirm(f.ada, state, response)
	}
	if err != nil {
		if c.ID != nil || c.Data != nil {
			t.Error("a passkey came with the refusal")
		}
		return
	}
	f.verify(t, kind, c, response)
}

func (f fixture) verify(t *testing.T, kind byte, c passkey.Credential, response []byte) {
	var got struct {
		Response struct{ ClientDataJSON, AttestationObject, AuthenticatorData, Signature raw }
	}
	if err := json.Unmarshal(response, &got); err != nil {
		t.Fatalf("accepted what is not JSON: %v", err)
	}
	var client struct{ Type, Challenge, Origin string }
	if err := json.Unmarshal(got.Response.ClientDataJSON, &client); err != nil {
		t.Fatalf("accepted client data that is not JSON: %v", err)
	}
	want := "webauthn.get"
	if kind%3 == 0 {
		want = "webauthn.create"
	}
	if client.Type != want || client.Challenge != fixedChallenge || client.Origin != origin {
		t.Errorf("accepted %+v", client)
	}
	rp := sha256.Sum256([]byte("panel.example.com"))
	auth := []byte(got.Response.AuthenticatorData)
	if kind%3 == 0 {
		// A new passkey isn't signed: its data must be for this relying party
		// and from a verified person.
		_, after, found := bytes.Cut(got.Response.AttestationObject, rp[:])
		if !found || len(after) == 0 || after[0]&(present|verified|attested) != present|verified|attested {
			t.Errorf("accepted an enrollment of %x", got.Response.AttestationObject)
		}
		return
	}
	if !bytes.Equal(c.ID, f.dev.id) || !bytes.HasPrefix(auth, rp[:]) || auth[32]&(present|verified) != present|verified {
		t.Errorf("accepted %q with %x", c.ID, auth)
	}
	hash := sha256.Sum256(got.Response.ClientDataJSON)
	public := f.dev.key.Public().(ed25519.PublicKey)
	if !ed25519.Verify(public, append(auth, hash[:]...), got.Response.Signature) {
		t.Error("accepted a signature that is not valid")
	}
}

// raw is base64 in JSON as browsers write it.
type raw []byte

func (r *raw) UnmarshalText(text []byte) (err error) {
	// The library ignores padding.
	*r, err = decode(strings.TrimRight(string(text), "="))
	return err
}

// FuzzFinish fuzzes the second half of each ceremony.
func FuzzFinish(f *testing.F) {
	fix := newFixture(f)
	for kind := range byte(3) {
		options, _ := fix.begin(f, kind)
		if kind == 0 {
			f.Add(kind, fix.dev.create(options))
			f.Add(kind, fix.dev.create(options, fix.dev.selfSigned))
			continue
		}
		f.Add(kind, fix.dev.get(options))
		f.Add(kind, fix.dev.get(options, without(verified)))
	}
	f.Fuzz(func(t *testing.T, kind byte, response []byte) {
		fix.finish(t, kind, response)
	})
}

// FuzzParts fuzzes below the base64 of a response, which FuzzFinish hardly
// reaches.
func FuzzParts(f *testing.F) {
	fix := newFixture(f)
	for kind := range byte(3) {
		options, _ := fix.begin(f, kind)
		var client, inner, signature []byte
		keep := func(to *[]byte) func([]byte) []byte {
			return func(b []byte) []byte { *to = bytes.Clone(b); return b }
		}
		bend := func(a *answer) { a.clientData, a.signature = keep(&client), keep(&signature) }
		if kind == 0 {
			fix.dev.create(options, bend, func(a *answer) { a.object = keep(&inner) })
		} else {
			fix.dev.get(options, bend, func(a *answer) { a.authData = keep(&inner) })
		}
		f.Add(kind, fix.dev.id, client, inner, signature, fix.dev.handle)
	}
	f.Fuzz(func(t *testing.T, kind byte, id, client, inner, signature, handle []byte) {
		response, err := json.Marshal(map[string]any{
			"id": encode(id), "rawId": encode(id), "type": "public-key", "response": map[string]string{
				"clientDataJSON": encode(client), "attestationObject": encode(inner),
				"authenticatorData": encode(inner), "signature": encode(signature),
				"userHandle": encode(handle),
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		fix.finish(t, kind, response)
	})
}
