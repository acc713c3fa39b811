// Package seal makes of the installation's secret the keys that others use,
// each for one purpose, and keeps texts closed in the database by them.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Key returns the key of 32 bytes for a purpose. Keys of different purposes
// tell nothing of each other or of the secret.
func Key(secret []byte, purpose string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "mobileconfig "+purpose, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("seal: %s: %w", purpose, err)
	}
	return key, nil
}

// A Seal closes texts and opens them again (AES-256-GCM, random nonces). The
// zero value cannot be used.
type Seal struct{ aead cipher.AEAD }

// New returns the seal for a purpose.
func New(secret []byte, purpose string) (*Seal, error) {
	key, err := Key(secret, purpose)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %s: %w", purpose, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %s: %w", purpose, err)
	}
	return &Seal{aead}, nil
}

// Close encrypts a text that belongs to a context, such as a member's id.
func (s *Seal) Close(text []byte, context string) []byte {
	return s.aead.Seal(nil, nil, text, []byte(context))
}

// Open returns what was closed for the context.
func (s *Seal) Open(sealed []byte, context string) ([]byte, error) {
	text, err := s.aead.Open(nil, nil, sealed, []byte(context))
	if err != nil {
		return nil, errors.New("seal: closed for something else, or under another secret")
	}
	return text, nil
}
