package notify

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// secretSize is the size of a webhook's secret in bytes.
const secretSize = 32

// A secret signs the calls of a webhook.
type secret []byte

func newSecret() secret {
	s := make(secret, secretSize)
	rand.Read(s) // never fails
	return s
}

// String is the secret as the Standard Webhooks specification writes it.
func (s secret) String() string { return "whsec_" + base64.StdEncoding.EncodeToString(s) }

// sign returns one signature of the specification, version 1.
func (s secret) sign(id string, at time.Time, body []byte) string {
	h := hmac.New(sha256.New, s)
	h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// seals keep secrets closed in the database.
type seals struct{ aead cipher.AEAD }

func newSeals(installation []byte) (*seals, error) {
	key, err := hkdf.Key(sha256.New, installation, nil, "mobileconfig webhook secret", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("notify: secret: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("notify: secret: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("notify: secret: %w", err)
	}
	return &seals{aead}, nil
}

// seal encrypts the secret of the webhook with the id.
func (s *seals) seal(text secret, webhook string) []byte {
	return s.aead.Seal(nil, nil, text, []byte(webhook))
}

func (s *seals) open(sealed []byte, webhook string) (secret, error) {
	text, err := s.aead.Open(nil, nil, sealed, []byte(webhook))
	if err != nil {
		return nil, errors.New("notify: sealed for another webhook, or under another secret")
	}
	return text, nil
}
