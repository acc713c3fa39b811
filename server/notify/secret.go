package notify

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"
)

// secretSize is the size of a webhook's secret in bytes.
const secretSize = 32

// A secret signs the calls of a webhook.
type secret []byte

func newSecret() secret {
	s := make(secret, secretSize)
	rand.Read(s) // never fails
	return s
}

// String returns the secret in the format of the Standard Webhooks
// specification.
func (s secret) String() string { return "whsec_" + base64.StdEncoding.EncodeToString(s) }

// sign returns a signature of the specification's version 1.
func (s secret) sign(id string, at time.Time, body []byte) string {
	h := hmac.New(sha256.New, s)
	h.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}
