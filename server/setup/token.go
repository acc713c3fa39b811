package setup

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"
)

// macSize is how many bytes of the MAC stand in a token: 128 bits.
const macSize = 16

// A sealer turns the ids of one kind into tokens and back. A token is the id
// and a MAC of it under the installation's secret, so nothing of it needs to
// be kept, and whoever has the id can be shown the token again.
type sealer struct {
	prefix string // of the ids, with the underscore
	key    []byte
}

func newSealer(secret []byte, prefix string) (sealer, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "mobileconfig token "+prefix, sha256.Size)
	if err != nil {
		return sealer{}, fmt.Errorf("setup: %w", err)
	}
	return sealer{prefix, key}, nil
}

func (s sealer) seal(id string) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(id))
	sum := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(mac.Sum(nil)[:macSize])
	return strings.TrimPrefix(id, s.prefix) + strings.ToLower(sum)
}

// open returns the id of a token that seal has made.
func (s sealer) open(token string) (id string, ok bool) {
	const macLength = (macSize*8 + 4) / 5
	if len(token) <= macLength {
		return "", false
	}
	id = s.prefix + token[:len(token)-macLength]
	return id, subtle.ConstantTimeCompare([]byte(s.seal(id)), []byte(token)) == 1
}
