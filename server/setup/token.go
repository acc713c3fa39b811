package setup

import (
	"strings"

	"github.com/updatecase/mobileconfig/server/crypt"
)

// tokens turns the IDs of one kind into tokens and back. A token is the ID
// with a MAC under the installation's secret. So tokens aren't stored, and can
// be shown again to anyone who has the ID.
type tokens struct {
	prefix string // of the IDs, with the underscore
	mac    *crypt.MAC
}

func newTokens(secret *crypt.Secret, prefix string) tokens {
	return tokens{prefix, secret.MAC(crypt.Token(prefix))}
}

// token returns the token of an id.
func (t tokens) token(id string) string {
	return strings.TrimPrefix(id, t.prefix) + t.mac.Code(id)
}

// id returns the ID in a token, or false if the token is invalid.
func (t tokens) id(token string) (id string, ok bool) {
	if len(token) <= crypt.CodeSize {
		return "", false
	}
	at := len(token) - crypt.CodeSize
	id = t.prefix + token[:at]
	return id, t.mac.Valid(id, token[at:])
}
