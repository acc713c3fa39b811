// Package crypt derives keys from the installation's secret, each for one
// purpose, and encrypts and authenticates texts with them. Nothing else derives
// keys from the secret. The secret has versions: whatever is created names its
// version.
package crypt

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"slices"
	"sync"
)

// A Purpose is what a key is for. Keys of different purposes reveal nothing
// about each other or the secret.
type Purpose string

// The purposes of what is stored encrypted.
const (
	Seeds         Purpose = "totp seed"     // of authenticator apps
	RecoveryCodes Purpose = "recovery code" // hashes of them
	Webhooks      Purpose = "webhook secret"
	Certificate   Purpose = "certificate"   // with its key, and the account at the authority
	Answers       Purpose = "answers"       // to requests with an idempotency key
	Versions      Purpose = "version"       // of the secret itself
	DeviceServers Purpose = "device server" // keys of NanoMDM servers, and secrets of their webhooks
)

// The purposes of what is issued.
const (
	ShownOnce   Purpose = "shown once"
	Invitations Purpose = "invitation"
	Attempts    Purpose = "sign-in attempt"
	DomainProof Purpose = "domain proof"
	Devices     Purpose = "known device"
)

// Token returns the purpose of the tokens of IDs with the prefix.
func Token(prefix string) Purpose { return Purpose("token " + prefix) }

// keys derives the keys of a purpose from the versions of a secret, each once.
type keys struct {
	secret  *Secret
	purpose Purpose
	derived sync.Map // by the ID of the version
}

// key returns a key of 32 bytes.
func (k *keys) key(v Version) []byte {
	if key, ok := k.derived.Load(v.ID); ok {
		return key.([]byte)
	}
	key := must(hkdf.Key(sha256.New, v.Secret, nil, "mobileconfig "+string(k.purpose), sha256.Size))
	k.derived.Store(v.ID, key)
	return key
}

// must is for keys and ciphers whose sizes are constants in this file: an error
// would be a bug here.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A Cipher encrypts and decrypts texts (AES-256-GCM). The zero value can't be
// used.
type Cipher struct{ keys keys }

// Cipher returns the cipher for a purpose.
func (s *Secret) Cipher(p Purpose) *Cipher { return &Cipher{keys{secret: s, purpose: p}} }

func (c *Cipher) block(v Version) cipher.Block { return must(aes.NewCipher(c.keys.key(v))) }

// Encrypt encrypts a text that belongs to a context, for example a member's ID.
// The result begins with the ID of the version.
func (c *Cipher) Encrypt(text []byte, context string) []byte {
	v := c.keys.secret.Current()
	return must(cipher.NewGCMWithRandomNonce(c.block(v))).Seal([]byte(v.ID), nil, text, []byte(context))
}

// EncryptName is Encrypt for a text that must be found again: under one
// version, the same text always gives the same result.
func (c *Cipher) EncryptName(text []byte, context string) []byte {
	return c.name(c.keys.secret.Current(), text, context)
}

// Names returns all results that EncryptName may have returned for the text:
// one for each version, the current one first. The versions are reloaded first.
func (c *Cipher) Names(text []byte, context string) [][]byte {
	var all [][]byte
	c.keys.secret.refresh()
	for _, v := range slices.Backward(c.keys.secret.Versions()) {
		all = append(all, c.name(v, text, context))
	}
	return all
}

func (c *Cipher) name(v Version, text []byte, context string) []byte {
	aead := must(cipher.NewGCM(c.block(v)))
	// The nonce is derived from the text, so two texts never share one.
	h := hmac.New(sha256.New, c.keys.key(v))
	h.Write([]byte("nonce\x00" + context + "\x00"))
	h.Write(text)
	nonce := h.Sum(nil)[:aead.NonceSize()]
	return aead.Seal(append([]byte(v.ID), nonce...), nonce, text, []byte(context))
}

// ErrUnreadable says that something can't be decrypted.
var ErrUnreadable = errors.New("crypt: encrypted for another context, or with another secret")

// Decrypt returns what was encrypted for the context, under any version.
func (c *Cipher) Decrypt(data []byte, context string) ([]byte, error) {
	if len(data) < IDSize {
		return nil, ErrUnreadable
	}
	v, ok := c.keys.secret.version(string(data[:IDSize]))
	if !ok {
		return nil, ErrUnreadable
	}
	text, err := must(cipher.NewGCMWithRandomNonce(c.block(v))).Open(nil, nil, data[IDSize:], []byte(context))
	if err != nil {
		return nil, ErrUnreadable
	}
	return text, nil
}

// A MAC creates codes that authenticate texts (HMAC-SHA-256). The zero value
// can't be used.
type MAC struct{ keys keys }

// MAC returns the MAC for a purpose.
func (s *Secret) MAC(p Purpose) *MAC { return &MAC{keys{secret: s, purpose: p}} }

// macSize is how many characters of the MAC make a code unguessable: 130 bits.
const macSize = 26

// CodeSize is the length of a code: the version's ID and a MAC, in lower-case
// letters and digits.
const CodeSize = IDSize + macSize

// Code returns the code of a text under the current version.
func (m *MAC) Code(text string) string { return m.code(m.keys.secret.Current(), text) }

func (m *MAC) code(v Version, text string) string {
	h := hmac.New(sha256.New, m.keys.key(v))
	h.Write([]byte(text))
	return v.ID + encoding.EncodeToString(h.Sum(nil))[:macSize]
}

// Valid reports whether the code is the text's, under a version whose codes are
// accepted.
func (m *MAC) Valid(text, code string) bool {
	if len(code) != CodeSize {
		return false
	}
	v, ok := m.keys.secret.version(code[:IDSize])
	return ok && m.keys.secret.accepts(v) && subtle.ConstantTimeCompare([]byte(m.code(v, text)), []byte(code)) == 1
}
