package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// An authenticator is a software passkey with its browser.
type authenticator struct {
	origin     string
	key        *ecdsa.PrivateKey
	id, handle []byte
}

func newAuthenticator(t testing.TB, origin string) *authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &authenticator{origin: origin, key: key, id: []byte(rand.Text())}
}

// ceremonyOptions are the parts of a ceremony's options that it uses.
type ceremonyOptions struct {
	PublicKey struct {
		Challenge, RPID string
		RP, User        struct{ ID string }
	}
}

// create answers a call of navigator.credentials.create.
func (a *authenticator) create(t testing.TB, options []byte) []byte {
	t.Helper()
	var o ceremonyOptions
	must(t, json.Unmarshal(options, &o))
	var err error
	a.handle, err = base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	must(t, err)
	point, err := a.key.PublicKey.Bytes()
	must(t, err)
	public, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]}) // ES256 in COSE
	must(t, err)
	auth := authData(o.PublicKey.RP.ID, 1|4|64) // present, verified, with a key
	auth = append(auth, make([]byte, 16)...)    // the model, which wasn't requested
	auth = binary.BigEndian.AppendUint16(auth, uint16(len(a.id)))
	auth = slices.Concat(auth, a.id, public)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": auth})
	must(t, err)
	return a.send(t, map[string]any{"clientDataJSON": a.client(t, "webauthn.create", o), "attestationObject": object})
}

// get answers a call of navigator.credentials.get.
func (a *authenticator) get(t testing.TB, options []byte) []byte {
	t.Helper()
	var o ceremonyOptions
	must(t, json.Unmarshal(options, &o))
	client, auth := a.client(t, "webauthn.get", o), authData(o.PublicKey.RPID, 1|4)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(slices.Concat(auth, hash[:]))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	must(t, err)
	return a.send(t, map[string]any{"clientDataJSON": client, "authenticatorData": auth, "signature": signature, "userHandle": a.handle})
}

func (a *authenticator) client(t testing.TB, call string, o ceremonyOptions) []byte {
	t.Helper()
	client, err := json.Marshal(map[string]any{"type": call, "challenge": o.PublicKey.Challenge, "origin": a.origin, "crossOrigin": false})
	must(t, err)
	return client
}

// send returns the answer as the browser sends it. Bytes are in base64.
func (a *authenticator) send(t testing.TB, response map[string]any) []byte {
	t.Helper()
	for name, value := range response {
		if b, ok := value.([]byte); ok {
			response[name] = base64.RawURLEncoding.EncodeToString(b)
		}
	}
	self := base64.RawURLEncoding.EncodeToString(a.id)
	out, err := json.Marshal(map[string]any{"id": self, "rawId": self, "type": "public-key", "response": response, "clientExtensionResults": struct{}{}})
	must(t, err)
	return out
}

// authData returns the authenticator data without a key. Its counter stays 0.
func authData(rp string, flags byte) []byte {
	hash := sha256.Sum256([]byte(rp))
	return append(hash[:], flags, 0, 0, 0, 0)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
