package setup

import (
	"strings"

	"github.com/updatecase/mobileconfig/server/crypt"
)

// tokens turns the ids of one kind into tokens and back. A token is the id and
// a code of it under the installation's secret, so nothing of it needs to be
// kept, and whoever has the id can be shown the token again.
type tokens struct {
	prefix string // of the ids, with the underscore
	mac    *crypt.MAC
}

func newTokens(secret *crypt.Secret, prefix string) tokens {
	return tokens{prefix, secret.MAC(crypt.Token(prefix))}
}

// token returns the token of an id.
func (t tokens) token(id string) string {
	return strings.TrimPrefix(id, t.prefix) + t.mac.Code(id)
}

// id returns the id of a token, unless it is none.
func (t tokens) id(token string) (id string, ok bool) {
	if len(token) <= crypt.CodeSize {
		return "", false
	}
	at := len(token) - crypt.CodeSize
	id = t.prefix + token[:at]
	return id, t.mac.Valid(id, token[at:])
}
