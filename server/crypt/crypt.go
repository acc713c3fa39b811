// Package crypt derives keys from the installation's secret, each for one
// purpose, and encrypts and authenticates texts with them. Nothing else derives
// keys from the secret.
package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
)

// key returns the key of 32 bytes for a purpose. Keys of different purposes
// tell nothing of each other or of the secret.
func key(secret []byte, purpose string) ([]byte, error) {
	if len(secret) == 0 {
		return nil, errors.New("crypt: the secret is empty")
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "mobileconfig "+purpose, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("crypt: %s: %w", purpose, err)
	}
	return key, nil
}

// A Cipher encrypts and decrypts texts (AES-256-GCM, random nonces). The zero
// value cannot be used.
type Cipher struct{ aead cipher.AEAD }

// NewCipher returns the cipher for a purpose.
func NewCipher(secret []byte, purpose string) (*Cipher, error) {
	key, err := key(secret, purpose)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("crypt: %s: %w", purpose, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("crypt: %s: %w", purpose, err)
	}
	return &Cipher{aead}, nil
}

// Encrypt encrypts a text that belongs to a context, such as a member's id.
func (c *Cipher) Encrypt(text []byte, context string) []byte {
	return c.aead.Seal(nil, nil, text, []byte(context))
}

// Decrypt returns what was encrypted for the context.
func (c *Cipher) Decrypt(data []byte, context string) ([]byte, error) {
	text, err := c.aead.Open(nil, nil, data, []byte(context))
	if err != nil {
		return nil, errors.New("crypt: encrypted for something else, or under another secret")
	}
	return text, nil
}

// A MAC makes codes by which texts can be recognized (HMAC-SHA-256). The zero
// value cannot be used.
type MAC struct{ key []byte }

// NewMAC returns the MAC for a purpose.
func NewMAC(secret []byte, purpose string) (*MAC, error) {
	key, err := key(secret, purpose)
	if err != nil {
		return nil, err
	}
	return &MAC{key}, nil
}

// Sum returns the code of a text, of 32 bytes.
func (m *MAC) Sum(text string) []byte {
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
