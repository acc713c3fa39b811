package redirect

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/updatecase/mobileconfig/server/fault"
)

// The accepted signature algorithms.
const (
	edDSA   = "EdDSA"
	es256   = "ES256"
	rfc9864 = "Ed25519" // the newer name of EdDSA with Ed25519
)

// Limits of a token.
const (
	// MaxLife is how long after its signature a token can be used.
	MaxLife  = 5 * time.Minute
	leeway   = 30 * time.Second
	maxToken = 8 << 10
	maxJTI   = 100
	maxTime  = 1 << 40 // seconds; far more would overflow
)

// claims are the claims that a panel signs.
type claims struct {
	Issuer     string
	Audience   audience
	Subject    string
	ID         string
	IssuedAt   int64
	Expires    int64
	NotBefore  int64
	Locale     string
	Variant    string
	Name       string
	Login      string
	ReturnURL  string
	ExternalID string
}

var _ jwt.Claims = (*claims)(nil)

// An audience is one string or a list of strings (RFC 7519, 4.1.3).
type audience []string

// UnmarshalJSON reads either form.
func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		*a = audience{one}
		return nil
	}
	var all []*string // null isn't a string
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	for _, one := range all {
		if one == nil {
			return errClaim("aud")
		}
		*a = append(*a, *one)
	}
	return nil
}

// UnmarshalJSON refuses what [object] refuses.
func (c *claims) UnmarshalJSON(data []byte) error {
	return object(data, map[string]any{
		"iss": &c.Issuer, "aud": &c.Audience, "sub": &c.Subject, "jti": &c.ID,
		"iat": &c.IssuedAt, "exp": &c.Expires, "nbf": &c.NotBefore,
		"locale": &c.Locale, "variant": &c.Variant, "name": &c.Name, "login": &c.Login,
		"return_url": &c.ReturnURL, "external_id": &c.ExternalID,
	})
}

// These methods let the library check the standard claims.

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return date(c.Expires) }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return date(c.IssuedAt) }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return date(c.NotBefore) }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return jwt.ClaimStrings(c.Audience), nil }

func date(seconds int64) (*jwt.NumericDate, error) {
	if seconds < 0 || seconds > maxTime {
		return nil, jwt.ErrInvalidType
	}
	if seconds == 0 {
		return nil, nil
	}
	return jwt.NewNumericDate(time.Unix(seconds, 0)), nil
}

// Validate checks what the library doesn't. The library calls it.
func (c *claims) Validate() error {
	visible := func(r rune) bool { return r > ' ' && r < 0x7f }
	switch {
	case strings.Join(c.Audience, "") == "":
		return errClaim("aud")
	case c.IssuedAt == 0:
		return errClaim("iat")
	case c.Expires-c.IssuedAt > int64(MaxLife/time.Second), c.Expires <= c.IssuedAt:
		return errClaim("exp")
	case c.ID == "", len(c.ID) > maxJTI, strings.ContainsFunc(c.ID, func(r rune) bool { return !visible(r) }):
		return errClaim("jti")
	}
	return nil
}

// use returns the hash under which the token is recorded as used.
func (c *claims) use() []byte {
	sum := sha256.Sum256([]byte(c.ID))
	return sum[:]
}

// over returns when the token can no longer be used by any clock within the
// tolerance.
func (c *claims) over() time.Time { return time.Unix(c.Expires, 0).Add(2 * leeway) }

// An errClaim names an invalid part of a token, never its value.
type errClaim string

// Error returns the name.
func (e errClaim) Error() string { return string(e) }

// verify returns the claims of a valid token and the key that signed it.
// Otherwise the fault is RedirectInvalid, with the invalid part as its field,
// or RedirectExpired.
func (r *Redirects) verify(ctx context.Context, token string) (*claims, Key, error) {
	if len(token) > maxToken {
		return nil, Key{}, errInvalid("jwt")
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{edDSA, es256}),
		jwt.WithStrictDecoding(),
		jwt.WithAudience(r.audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(r.now),
	)
	var c claims
	var key Key
	errKey := error(errClaim("alg")) // unless the library reaches the lookup of the key
	_, err := parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		key, errKey = r.keyOf(ctx, parser, t)
		if errKey == nil && c.Issuer != key.Account {
			errKey = errClaim("iss")
		}
		public, algorithm := key.public()
		if errKey == nil && algorithm != t.Method.Alg() {
			errKey = errClaim("alg")
		}
		return public, errKey
	})
	switch {
	case err == nil:
		return &c, key, nil
	case errors.Is(err, jwt.ErrTokenMalformed) || errKey == nil:
		return nil, Key{}, refused(err)
	}
	if part, ok := errors.AsType[errClaim](errKey); ok {
		return nil, Key{}, errInvalid(string(part))
	}
	return nil, Key{}, errKey // of the store
}

// keyOf returns the key that the header of a token names.
func (r *Redirects) keyOf(ctx context.Context, parser *jwt.Parser, t *jwt.Token) (Key, error) {
	var algorithm, kid, kind string
	encoded, _, _ := strings.Cut(t.Raw, ".")
	data, err := parser.DecodeSegment(encoded)
	if err == nil {
		err = object(data, map[string]any{"alg": &algorithm, "kid": &kid, "typ": &kind})
	}
	switch {
	case err != nil:
		return Key{}, err
	case algorithm != t.Method.Alg() && (algorithm != rfc9864 || t.Method.Alg() != edDSA):
		return Key{}, errClaim("alg")
	case kind != "" && !strings.EqualFold(kind, "JWT"):
		return Key{}, errClaim("typ")
	case kid == "" || len(kid) > maxID || strings.ContainsRune(kid, 0):
		return Key{}, errClaim("kid")
	}
	key, err := r.keys.RedirectKey(ctx, kid)
	if fault.Is(err, fault.NotFound) || err == nil && !key.Live(r.now()) {
		err = errClaim("kid")
	}
	return key, err
}

// object parses a JSON object into the fields of the names. It refuses unknown
// names, also if they differ only in case, repeated names, and null.
func object(data []byte, fields map[string]any) error {
	if !utf8.Valid(data) {
		return errClaim("jwt")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errClaim("jwt")
	}
	for d.More() {
		t, err := d.Token()
		name, _ := t.(string)
		field := fields[name]
		if err != nil || field == nil {
			return errClaim("jwt")
		}
		delete(fields, name)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return errClaim("jwt")
		}
		if err := json.Unmarshal(value, field); err != nil || string(value) == "null" {
			return errClaim(name)
		}
	}
	if _, err := d.Token(); err != nil {
		return errClaim("jwt")
	}
	if _, err := d.Token(); err != io.EOF {
		return errClaim("jwt")
	}
	return nil
}

// parts are the subjects of the library's errors, in the order in which they
// are reported: a token may be wrong in more than one way.
var parts = []struct {
	err  error
	part string
}{
	{jwt.ErrTokenSignatureInvalid, "signature"},
	{jwt.ErrTokenRequiredClaimMissing, "exp"},
	{jwt.ErrTokenInvalidAudience, "aud"},
	{jwt.ErrTokenNotValidYet, "nbf"},
	{jwt.ErrTokenUsedBeforeIssued, "iat"},
}

// refused turns an error of the library into a fault.
func refused(err error) error {
	if part, ok := errors.AsType[errClaim](err); ok {
		return errInvalid(string(part))
	}
	for _, p := range parts {
		if errors.Is(err, p.err) {
			return errInvalid(p.part)
		}
	}
	if errors.Is(err, jwt.ErrTokenExpired) {
		return fault.New(fault.RedirectExpired, "The button was pressed too long ago. Go back and press it again.")
	}
	return errInvalid("jwt")
}

func errInvalid(part string) error {
	return fault.On(part, fault.RedirectInvalid, "The button sent invalid data: %s.", part)
}
