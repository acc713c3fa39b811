package passkey

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// A Credential is a passkey as the server stores it. It holds no secret.
type Credential struct {
	// ID is the credential ID, unique in the installation.
	ID []byte
	// Data is the state that the ceremonies need, as JSON. It changes with
	// every use.
	Data []byte
}

// A record is the data of a credential. It is stored: add fields, never rename
// them.
type record struct {
	Key        []byte                            `json:"key"` // COSE
	Counter    uint32                            `json:"counter"`
	Eligible   bool                              `json:"backup_eligible"`
	BackedUp   bool                              `json:"backed_up"`
	Transports []protocol.AuthenticatorTransport `json:"transports,omitempty"`
}

// Synced reports whether the passkey can be on several devices, through a cloud
// account or a password manager, and not only on the one that created it. It is
// false if the data can't be parsed.
func (c Credential) Synced() bool {
	var r record
	return json.Unmarshal(c.Data, &r) == nil && r.Eligible
}

// load returns the credential in the library's form.
func (c Credential) load() (webauthn.Credential, error) {
	var r record
	if err := json.Unmarshal(c.Data, &r); err != nil {
		return webauthn.Credential{}, fmt.Errorf("passkey: stored credential: %w", err)
	}
	return webauthn.Credential{
		ID:            c.ID,
		PublicKey:     r.Key,
		Transport:     r.Transports,
		Flags:         webauthn.CredentialFlags{BackupEligible: r.Eligible, BackupState: r.BackedUp},
		Authenticator: webauthn.Authenticator{SignCount: r.Counter},
	}, nil
}

// save returns the credential as it is stored. The attestation is dropped: none
// was requested.
func save(c *webauthn.Credential) (Credential, error) {
	known := []protocol.AuthenticatorTransport{protocol.USB, protocol.NFC, protocol.BLE,
		protocol.SmartCard, protocol.Hybrid, protocol.Internal}
	r := record{
		Key:      c.PublicKey,
		Counter:  c.Authenticator.SignCount,
		Eligible: c.Flags.BackupEligible,
		BackedUp: c.Flags.BackupState,
	}
	for _, t := range known { // the browser may send any words, any number of times
		if slices.Contains(c.Transport, t) {
			r.Transports = append(r.Transports, t)
		}
	}
	data, err := json.Marshal(r)
	if err != nil {
		return Credential{}, fmt.Errorf("passkey: credential: %w", err)
	}
	return Credential{ID: c.ID, Data: data}, nil
}

// parameters lists the algorithms that a new passkey may use, the best first.
func parameters() []protocol.CredentialParameter {
	algorithms := []webauthncose.COSEAlgorithmIdentifier{
		webauthncose.AlgES256, webauthncose.AlgEdDSA, webauthncose.AlgRS256,
	}
	out := make([]protocol.CredentialParameter, len(algorithms))
	for i, a := range algorithms {
		out[i] = protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: a}
	}
	return out
}

// checkKey refuses a key that could verify nothing later. Without attestation
// the library compares only its algorithm with the parameters.
func checkKey(cose []byte) error {
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return err
	}
	ok := false
	switch k := key.(type) {
	case webauthncose.EC2PublicKeyData:
		ok = k.Algorithm == int64(webauthncose.AlgES256)
	case webauthncose.OKPPublicKeyData:
		ok = k.Algorithm == int64(webauthncose.AlgEdDSA)
	case webauthncose.RSAPublicKeyData:
		bits := new(big.Int).SetBytes(k.Modulus).BitLen()
		ok = k.Algorithm == int64(webauthncose.AlgRS256) && bits >= 2048 && bits <= 8192
	}
	if !ok {
		return errors.New("the type or size of the key doesn't match its algorithm")
	}
	return nil
}

// checkAttestation refuses statements about the maker of a device, which
// weren't requested: most of the library's code exists to parse them. A browser
// may pass on self attestation, which has no certificate.
func checkAttestation(o protocol.AttestationObject) error {
	_, certified := o.AttStatement["x5c"]
	switch protocol.AttestationFormat(o.Format) {
	case protocol.AttestationFormatNone:
		return nil
	case protocol.AttestationFormatPacked:
		if !certified {
			return nil
		}
	}
	return errors.New("an unrequested attestation was sent")
}

// A user is a member in the library's form.
type user struct {
	member      Member
	credentials []webauthn.Credential
}

func newUser(m Member) (user, error) {
	if m.ID == "" {
		return user{}, errors.New("passkey: the member has no id")
	}
	u := user{member: m}
	for _, stored := range m.Credentials {
		c, err := stored.load()
		if err != nil {
			return user{}, err
		}
		u.credentials = append(u.credentials, c)
	}
	return u, nil
}

func (u user) WebAuthnID() []byte                         { return []byte(u.member.ID) }
func (u user) WebAuthnName() string                       { return u.member.Name }
func (u user) WebAuthnDisplayName() string                { return u.member.Name }
func (u user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }
