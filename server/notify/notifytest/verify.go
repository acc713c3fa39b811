package notifytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// Verify checks a webhook call as the Standard Webhooks specification tells
// receivers to: one of its signatures must be the HMAC of its ID, timestamp and
// body under the secret.
func Verify(secret string, header http.Header, body []byte) error {
	encoded, ok := strings.CutPrefix(secret, "whsec_")
	if !ok {
		return errors.New("the secret does not begin with whsec_")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return err
	}
	id, at := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp")
	if id == "" || at == "" {
		return errors.New("the call has no ID or no time")
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if !slices.Contains(strings.Split(header.Get("Webhook-Signature"), " "), want) {
		return errors.New("no signature of the call is valid")
	}
	return nil
}
