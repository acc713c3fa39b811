package account

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"

	"github.com/updatecase/mobileconfig/server/crypt"
)

// secrets are the keys derived from the installation's secret, each for one
// purpose.
type secrets struct {
	seeds       *crypt.Cipher // of authenticator apps
	codes       *crypt.Cipher // of the hashes of recovery codes
	invitations *crypt.MAC    // derives the tokens of invitations
	attempts    *crypt.MAC    // names the rate limits of sign-ins
	devices     *crypt.MAC    // marks devices that members have signed in from
}

func newSecrets(s *crypt.Secret) *secrets {
	return &secrets{s.Cipher(crypt.Seeds), s.Cipher(crypt.RecoveryCodes), s.MAC(crypt.Invitations), s.MAC(crypt.Attempts), s.MAC(crypt.Devices)}
}

// The format of a recovery code: 80 bits as four groups of four.
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
		hashes = append(hashes, s.codes.EncryptName(hashCode(code), member))
		codes = append(codes, grouped(code, codeGroup, "-"))
	}
	return codes, hashes
}

// keptCodes returns the forms in which a recovery code of the member may be
// stored: its hash, encrypted under any version of the secret. The database
// alone doesn't allow guessing codes, and a new version doesn't require new
// codes.
func (s *secrets) keptCodes(member, typed string) [][]byte {
	return s.codes.Names(hashCode(typed), member)
}

// hashCode returns the hash of a recovery code as a person types it.
func hashCode(typed string) []byte {
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
	sum := sha256.Sum256([]byte("recovery code\x00" + code))
	return sum[:]
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

// invitationToken is the last part of an invitation's URL. It isn't stored, and
// can be shown again.
func (s *secrets) invitationToken(id string) string {
	return strings.TrimPrefix(id, "inv_") + s.invitations.Code(id)
}

// invitationID returns the ID in a token.
func (s *secrets) invitationID(token string) (id string, ok bool) {
	if len(token) <= crypt.CodeSize {
		return "", false
	}
	rest, code := token[:len(token)-crypt.CodeSize], token[len(token)-crypt.CodeSize:]
	return "inv_" + rest, s.invitations.Valid("inv_"+rest, code)
}
