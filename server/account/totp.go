package account

import (
	"crypto/rand"
	"crypto/subtle"
	"net/url"
	"time"

	"github.com/pquerna/otp/hotp"
)

const (
	seedSize = 20 // bytes: what RFC 4226 recommends
	totpStep = 30 * time.Second
	// StepsAhead is how far the last used step may be ahead of another: five
	// minutes, because the clocks of several servers may differ.
	StepsAhead = 10
	codeSkew   = 1 // steps that a code may come late (RFC 6238, 5.2)
)

// newSeed returns the seed of an authenticator app in base32.
func newSeed() string {
	b := make([]byte, seedSize)
	rand.Read(b) // never fails
	return encoding.EncodeToString(b)
}

// totpURI returns the seed as a QR code contains it.
func totpURI(seed, issuer, email string) string {
	u := url.URL{
		Scheme:   "otpauth",
		Host:     "totp",
		Path:     "/" + issuer + ":" + email,
		RawQuery: url.Values{"secret": {seed}, "issuer": {issuer}}.Encode(),
	}
	return u.String()
}

// totpMatch returns the step whose code this is: the current one or the one
// before.
func totpMatch(seed, code string, now time.Time) (step int64, ok bool) {
	if len(code) != 6 {
		return 0, false
	}
	present := now.Unix() / int64(totpStep/time.Second)
	for back := range int64(codeSkew + 1) {
		made, err := hotp.GenerateCode(seed, uint64(present-back))
		if err == nil && subtle.ConstantTimeCompare([]byte(made), []byte(code)) == 1 {
			return present - back, true
		}
	}
	return 0, false
}
