package setup

import (
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"strings"

	"github.com/updatecase/mobileconfig/server/crypt"
)

// macSize is how many bytes of the MAC stand in a token: 128 bits.
const macSize = 16

// tokens turns the ids of one kind into tokens and back. A token is the id and
// a MAC of it under the installation's secret, so nothing of it needs to be
// kept, and whoever has the id can be shown the token again.
type tokens struct {
	prefix string // of the ids, with the underscore
	mac    *crypt.MAC
}

func newTokens(secret []byte, prefix string) (tokens, error) {
	mac, err := crypt.NewMAC(secret, "token "+prefix)
	if err != nil {
		return tokens{}, fmt.Errorf("setup: %w", err)
	}
	return tokens{prefix, mac}, nil
}

// token returns the token of an id.
func (t tokens) token(id string) string {
	sum := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(t.mac.Sum(id)[:macSize])
	return strings.TrimPrefix(id, t.prefix) + strings.ToLower(sum)
}

// id returns the id of a token, unless it is none.
func (t tokens) id(token string) (id string, ok bool) {
	const macLength = (macSize*8 + 4) / 5
	if len(token) <= macLength {
		return "", false
	}
	id = t.prefix + token[:len(token)-macLength]
	return id, subtle.ConstantTimeCompare([]byte(t.token(id)), []byte(token)) == 1
}
