package certificate

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
)

// The names of the values in the store.
const (
	certificateName = "certificate"
	attemptName     = "attempt"
	accountName     = "account"
	// RequestName is the value that requests a renewal. It isn't encrypted, so
	// the command line can set it without the secret.
	RequestName = "request"
	httpName    = "http-01 "     // and the token
	alpnName    = "tls-alpn-01 " // and the host name
)

// A Source says where a certificate comes from.
type Source string

// The sources.
const (
	FromACME   Source = "acme"
	FromUpload Source = "upload"
)

// A kept is a certificate in its stored form, one value.
type kept struct {
	Source Source    `json:"source"`
	Key    []byte    `json:"key"`   // PEM, PKCS#8
	Chain  []byte    `json:"chain"` // PEM, leaf first
	Since  time.Time `json:"since"`
	// RenewAt is when the authority wants it to be renewed; zero: it doesn't
	// say. AskAt is when to ask again.
	RenewAt time.Time `json:"renew_at"`
	AskAt   time.Time `json:"ask_at"`
}

func (k kept) same(other kept) bool {
	return bytes.Equal(k.Chain, other.Chain) && bytes.Equal(k.Key, other.Key)
}

// certificates parses the chain.
func (k kept) certificates() ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(k.Chain); block != nil; block, rest = pem.Decode(rest) {
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("it has no certificate")
	}
	return all, nil
}

func (k kept) key() (crypto.Signer, error) {
	block, _ := pem.Decode(k.Key)
	if block == nil {
		return nil, errors.New("it has no key")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key can't sign")
	}
	return signer, nil
}

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func encodeKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// An attempt is the result of the last order.
type attempt struct {
	At       time.Time `json:"at"`
	Failures int       `json:"failures"` // in a row
	Reason   Reason    `json:"reason,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	// Next is the earliest time for another attempt.
	Next time.Time `json:"next"`
}

// A Request requests a renewal before it is due.
type Request struct {
	// NewKey requests a new key too, for example after a theft.
	NewKey bool `json:"new_key"`
}

func (m *Manager) encode(name string, value any) ([]byte, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("certificate: %s: %w", name, err)
	}
	return m.cipher.Encrypt(text, name), nil
}

func (m *Manager) decode(name string, data []byte, value any) error {
	text, err := m.cipher.Decrypt(data, name)
	if err == nil {
		err = json.Unmarshal(text, value)
	}
	if err != nil {
		return fmt.Errorf("certificate: %s: %w", name, err)
	}
	return nil
}

// missing is an identity that can't sign.
type missing struct{ why error }

func (m missing) fault() error {
	return &signing.IdentityError{Code: signing.Missing, Detail: m.why.Error()}
}

// Sign refuses.
func (m missing) Sign(context.Context, gate.Cleared) ([]byte, error) { return nil, m.fault() }

// SignChecksums refuses.
func (m missing) SignChecksums(context.Context, *signing.Checksums) ([]byte, error) {
	return nil, m.fault()
}

// Describe says that there is no certificate.
func (m missing) Describe() signing.Description { return signing.Description{Fault: m.fault()} }
