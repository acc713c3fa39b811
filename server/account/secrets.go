package account

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/updatecase/mobileconfig/server/crypt"
)

// secrets are the keys that are derived from the installation's secret, each
// for one purpose.
type secrets struct {
	seeds       *crypt.Cipher // of authenticator apps
	codes       *crypt.MAC    // hashes recovery codes
	invitations *crypt.MAC    // makes the tokens of invitations
	attempts    *crypt.MAC    // names the limits of sign-ins
}

func newSecrets(secret []byte) (*secrets, error) {
	seeds, err := crypt.NewCipher(secret, "totp seed")
	codes, err1 := crypt.NewMAC(secret, "recovery code")
	invitations, err2 := crypt.NewMAC(secret, "invitation")
	attempts, err3 := crypt.NewMAC(secret, "sign-in attempt")
	if err := errors.Join(err, err1, err2, err3); err != nil {
		return nil, fmt.Errorf("account: secret: %w", err)
	}
	return &secrets{seeds, codes, invitations, attempts}, nil
}

// mac is the code of a list of texts.
func mac(m *crypt.MAC, parts ...string) []byte {
	return m.Sum(strings.Join(parts, "\x00") + "\x00")
}

// How a recovery code is written: 80 bits as four groups of four.
const (
	codeCount = 10
	codeSize  = 10 // bytes
	codeGroup = 4  // characters
)

// newCodes returns recovery codes as they are shown, and their hashes for the
// member.
func (s *secrets) newCodes(member string) (codes []string, hashes [][]byte) {
	for range codeCount {
		b := make([]byte, codeSize)
		rand.Read(b) // never fails
		code := encoding.EncodeToString(b)
		hashes = append(hashes, s.hashCode(member, code))
		codes = append(codes, grouped(code, codeGroup, "-"))
	}
	return codes, hashes
}

// hashCode is the hash of a recovery code as a person types it. The key is
// not in the database, so that whoever has that alone can guess nothing.
func (s *secrets) hashCode(member, typed string) []byte {
	code := strings.ToUpper(strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '\t', '\u2010', '\u2011', '\u2013':
			return -1
		case '0':
			return 'O'
		case '1':
			return 'I'
		case '8':
			return 'B'
		}
		return r
	}, typed))
	return mac(s.codes, member, code)
}

func grouped(s string, size int, between string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%size == 0 {
			b.WriteString(between)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// invitationMAC is how many characters of a token make it unguessable: 130
// bits.
const invitationMAC = 26

// invitationToken is what the address of an invitation ends in. Nothing of it
// is kept, and it can be shown again.
func (s *secrets) invitationToken(id string) string {
	return strings.TrimPrefix(id, "inv_") + encode(mac(s.invitations, id))[:invitationMAC]
}

// invitationID returns the id of a token.
func (s *secrets) invitationID(token string) (id string, ok bool) {
	if len(token) <= invitationMAC {
		return "", false
	}
	id = "inv_" + token[:len(token)-invitationMAC]
	return id, subtle.ConstantTimeCompare([]byte(s.invitationToken(id)), []byte(token)) == 1
}
