package passkey_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math/big"
	"slices"
	"testing"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// The flags of authenticator data.
const (
	present  = 1 << 0
	verified = 1 << 2
	eligible = 1 << 3
	backedUp = 1 << 4
	attested = 1 << 6
	extended = 1 << 7
)

// The algorithms, as COSE numbers them.
const (
	es256 = -7
	edDSA = -8
	es384 = -35
	rs256 = -257
)

// A device is an authenticator in software with one passkey, and the browser
// in front of it.
type device struct {
	t       testing.TB
	key     crypto.Signer
	id      []byte
	handle  []byte
	flags   byte
	counter uint32
}

// newDevice returns a device with its own key, which isn't synced and has no
// counter.
func newDevice(t testing.TB, id string) *device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &device{t: t, key: key, id: []byte(id), flags: present | verified}
}

// An answer is what the device is about to send, in parts that a test changes.
type answer struct {
	client    map[string]any
	rp        string
	flags     byte
	counter   uint32
	id        []byte // as the device says
	said      []byte // as the browser says
	kind      string
	handle    []byte
	key       map[int]any
	extension []byte
	format    string
	statement map[string]any
	signer    crypto.Signer

	// Applied to the finished bytes, if not nil.
	clientData, authData, object, signature, response func([]byte) []byte
}

// options are the parts of a ceremony's options that a device looks at.
type options struct {
	PublicKey struct {
		Challenge string
		RPID      string
		RP        struct{ ID, Name string }
		User      struct{ ID, Name string }
	}
}

func read(t testing.TB, raw []byte) options {
	t.Helper()
	var o options
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

// create answers a call of navigator.credentials.create.
func (d *device) create(raw []byte, bends ...func(*answer)) []byte {
	d.t.Helper()
	o := read(d.t, raw)
	handle, err := base64.RawURLEncoding.DecodeString(o.PublicKey.User.ID)
	if err != nil {
		d.t.Fatal(err)
	}
	d.handle = handle
	a := d.answer("webauthn.create", o.PublicKey.Challenge, o.PublicKey.RP.ID)
	a.flags |= attested
	for _, bend := range bends {
		bend(a)
	}
	client, auth := a.clientJSON(d.t), a.authBytes(d.t)
	object := bent(a.object, d.cbor(map[string]any{
		"fmt": a.format, "attStmt": a.statement, "authData": auth,
	}))
	return d.send(a, map[string]any{
		"clientDataJSON": encode(client), "attestationObject": encode(object),
		"transports": []string{"internal", "telepathy", "hybrid", "internal"},
	})
}

// get answers a call of navigator.credentials.get.
func (d *device) get(raw []byte, bends ...func(*answer)) []byte {
	d.t.Helper()
	o := read(d.t, raw)
	a := d.answer("webauthn.get", o.PublicKey.Challenge, o.PublicKey.RPID)
	for _, bend := range bends {
		bend(a)
	}
	client, auth := a.clientJSON(d.t), a.authBytes(d.t)
	return d.send(a, map[string]any{
		"clientDataJSON": encode(client), "authenticatorData": encode(auth),
		"signature":  encode(bent(a.signature, sign(d.t, a.signer, auth, client))),
		"userHandle": encode(a.handle),
	})
}

func (d *device) answer(call, challenge, rp string) *answer {
	return &answer{
		client: map[string]any{
			"type": call, "challenge": challenge, "origin": origin, "crossOrigin": false,
		},
		rp: rp, flags: d.flags, counter: d.counter, id: d.id, said: d.id, kind: "public-key",
		handle: d.handle, key: public(d.t, d.key), format: "none", statement: map[string]any{},
		signer: d.key,
	}
}

func (d *device) send(a *answer, response map[string]any) []byte {
	d.t.Helper()
	out, err := json.Marshal(map[string]any{
		"id": encode(a.said), "rawId": encode(a.said), "type": a.kind, "response": response,
		"clientExtensionResults":  map[string]any{"credProps": map[string]any{"rk": true}},
		"authenticatorAttachment": "platform",
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return bent(a.response, out)
}

func (a *answer) clientJSON(t testing.TB) []byte {
	t.Helper()
	out, err := json.Marshal(a.client)
	if err != nil {
		t.Fatal(err)
	}
	return bent(a.clientData, out)
}

func (a *answer) authBytes(t testing.TB) []byte {
	t.Helper()
	hash := sha256.Sum256([]byte(a.rp))
	out := append(hash[:], a.flags)
	out = binary.BigEndian.AppendUint32(out, a.counter)
	if a.flags&attested != 0 {
		out = append(out, make([]byte, 16)...) // the model, which wasn't requested
		out = binary.BigEndian.AppendUint16(out, uint16(len(a.id)))
		out = append(out, a.id...)
		key, err := webauthncbor.Marshal(a.key)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, key...)
	}
	return bent(a.authData, append(out, a.extension...))
}

func (d *device) cbor(v any) []byte {
	d.t.Helper()
	out, err := webauthncbor.Marshal(v)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

// selfSigned adds self attestation to the answer.
func (d *device) selfSigned(a *answer) {
	a.format = "packed"
	sig := sign(d.t, d.key, a.authBytes(d.t), a.clientJSON(d.t))
	a.statement = map[string]any{"alg": a.key[3], "sig": sig}
}

// sign returns what a device signs: its own data and a hash of the browser's.
func sign(t testing.TB, key crypto.Signer, auth, client []byte) []byte {
	t.Helper()
	hash := sha256.Sum256(client)
	data := slices.Concat(auth, hash[:])
	by := crypto.Hash(0)
	if _, ok := key.(ed25519.PrivateKey); !ok {
		by = crypto.SHA256
		digest := sha256.Sum256(data)
		data = digest[:]
	}
	sig, err := key.Sign(rand.Reader, data, by)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// public returns the public key as a COSE map.
func public(t testing.TB, key crypto.Signer) map[int]any {
	t.Helper()
	switch k := key.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return map[int]any{1: 2, 3: es256, -1: 1, -2: point[1:33], -3: point[33:]}
	case ed25519.PublicKey:
		return map[int]any{1: 1, 3: edDSA, -1: 6, -2: []byte(k)}
	case *rsa.PublicKey:
		e := big.NewInt(int64(k.E)).Bytes()
		return map[int]any{1: 3, 3: rs256, -1: k.N.Bytes(), -2: e}
	}
	t.Fatalf("no COSE key for %T", key)
	return nil
}

func bent(change func([]byte) []byte, b []byte) []byte {
	if change == nil {
		return b
	}
	return change(b)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func decode(s string) ([]byte, error) { return base64.RawURLEncoding.DecodeString(s) }
