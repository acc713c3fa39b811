package button

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"maps"
	"time"
)

// A Signer signs redirects with an Ed25519 key whose public half is registered
// with the service.
type Signer struct {
	Service string // its URL, such as https://setup.example.com
	Issuer  string // issuer of the public key
	KeyID   string // id of the public key
	Key     ed25519.PrivateKey
}

// Sign signs the mailbox for the field "jwt" of a form that the browser posts to
// the service. The result works once, for 5 minutes. The claims need a "sub",
// which is the mailbox, and can have more: "name", "locale", "return_url", …
func (s Signer) Sign(claims map[string]any) (string, error) {
	now := time.Now().Unix()
	all := maps.Clone(claims)
	maps.Copy(all, map[string]any{"iss": s.Issuer, "aud": s.Service, "iat": now, "exp": now + 300, "jti": rand.Text()})
	header, err := json.Marshal(map[string]string{"alg": "EdDSA", "kid": s.KeyID, "typ": "JWT"})
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode(header) + "." + encode(payload)
	return text + "." + encode(ed25519.Sign(s.Key, []byte(text))), nil
}
