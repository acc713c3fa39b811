package redirect_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/servertest"
)

// A button is a button of a hosting panel, with a registered key.
type button struct {
	ID, Issuer, Audience, Algorithm, Name string
	Domains                               []string
	key                                   crypto.Signer
	pem                                   string
}

func pairOf(t *testing.T, kind string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func publicPEM(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// newButton registers a key of the kind through the API.
func newButton(t *testing.T, c servertest.Client, kind string, domains ...string) button {
	t.Helper()
	g := button{key: pairOf(t, kind)}
	g.pem = publicPEM(t, g.key)
	body, err := json.Marshal(map[string]any{"name": "Panel", "public_key": g.pem, "domains": append([]string{}, domains...)})
	if err != nil {
		t.Fatal(err)
	}
	servertest.Decode(t, c.Want(t, http.StatusCreated, http.MethodPost, "/redirect-keys", string(body)), &g)
	return g
}

var jtis int

// claims returns valid claims for the mailbox at the time.
func (g button) claims(address string, now time.Time) map[string]any {
	jtis++
	return map[string]any{"iss": g.Issuer, "aud": g.Audience, "sub": address, "iat": now.Unix(), "exp": now.Unix() + 120, "jti": fmt.Sprint("jti-", jtis)}
}

// token signs the claims.
func (g button) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	return g.signed(t, map[string]any{"alg": g.Algorithm, "kid": g.ID, "typ": "JWT"}, claims)
}

func (g button) signed(t *testing.T, header, claims map[string]any) string {
	t.Helper()
	h, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	c, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return g.raw(t, string(h), string(c))
}

func (g button) raw(t *testing.T, header, claims string) string {
	t.Helper()
	text := b64(header) + "." + b64(claims)
	return text + "." + b64(string(g.sign(t, text)))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func (g button) sign(t *testing.T, text string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	switch key := g.key.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(key, []byte(text))
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		half := (key.Curve.Params().BitSize + 7) / 8
		return append(r.FillBytes(make([]byte, half)), s.FillBytes(make([]byte, half))...)
	case *rsa.PrivateKey:
		sig, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	t.Fatal("no such key")
	return nil
}

// A badToken is a token that must not create a link, and what the refusal
// says.
type badToken struct {
	name  string
	token string
	want  string
}

// with returns valid claims with some replaced; nil removes one.
func (g button) with(now time.Time, other map[string]any) map[string]any {
	claims := g.claims("jane@example.com", now)
	for name, value := range other {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	return claims
}

// header signs valid claims with additional header fields.
func (g button) header(t *testing.T, now time.Time, more map[string]any) string {
	t.Helper()
	h := map[string]any{"alg": g.Algorithm, "kid": g.ID, "typ": "JWT"}
	maps.Copy(h, more)
	return g.signed(t, h, g.claims("jane@example.com", now))
}

// badAlgorithms are tokens that name the algorithm for checking them.
func (g button) badAlgorithms(t *testing.T, now time.Time) []badToken {
	t.Helper()
	header := func(more map[string]any) string { return g.header(t, now, more) }
	good := g.claims("jane@example.com", now)
	claims := b64(string(mustJSON(t, good)))
	hs := func(secret []byte) string {
		text := b64(`{"alg":"HS256","kid":"`+g.ID+`"}`) + "." + claims
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(text))
		return text + "." + b64(string(mac.Sum(nil)))
	}
	der, _ := pem.Decode([]byte(g.pem))
	otherAlg := map[string]string{"EdDSA": "ES256", "ES256": "EdDSA"}[g.Algorithm]
	return []badToken{
		{"alg none", b64(`{"alg":"none","kid":"`+g.ID+`"}`) + "." + claims + ".", "alg"},
		{"alg None", b64(`{"alg":"None","kid":"`+g.ID+`"}`) + "." + claims + ".", "alg"},
		{"alg none with the signature", header(map[string]any{"alg": "none"}), "alg"},
		{"alg HS256 with the PEM as secret", hs([]byte(g.pem)), "alg"},
		{"alg HS256 with the DER as secret", hs(der.Bytes), "alg"},
		{"alg RS256", header(map[string]any{"alg": "RS256"}), "alg"},
		{"alg PS256", header(map[string]any{"alg": "PS256"}), "alg"},
		{"alg ES384", header(map[string]any{"alg": "ES384"}), "alg"},
		{"alg Ed25519 in small letters", header(map[string]any{"alg": "ed25519"}), "alg"},
		{"alg Ed448", header(map[string]any{"alg": "Ed448"}), "alg"},
		{"alg in small letters", header(map[string]any{"alg": strings.ToLower(g.Algorithm)}), "alg"},
		{"alg of the other kind", header(map[string]any{"alg": otherAlg}), "alg"},
		{"alg missing", header(map[string]any{"alg": ""}), "alg"},
		{"alg a number", header(map[string]any{"alg": 1}), "alg"},
		{"alg twice", g.raw(t, `{"alg":"HS256","alg":"`+g.Algorithm+`","kid":"`+g.ID+`"}`, string(mustJSON(t, good))), "jwt"},
	}
}

// badHeaders are tokens with a wrong header or signature.
func (g button) badHeaders(t *testing.T, now time.Time, other button) []badToken {
	t.Helper()
	header := func(more map[string]any) string { return g.header(t, now, more) }
	good := g.claims("jane@example.com", now)
	parts := strings.Split(g.token(t, good), ".")
	cut := func(i int, part string) string {
		all := append([]string{}, parts...)
		all[i] = part
		return strings.Join(all, ".")
	}
	return append(g.badAlgorithms(t, now), []badToken{
		{"kid missing", header(map[string]any{"kid": ""}), "kid"},
		{"kid null", header(map[string]any{"kid": nil}), "kid"},
		{"kid unknown", header(map[string]any{"kid": "rdk_aaaaaaaaaaaaaaaa"}), "kid"},
		{"kid with quotes", header(map[string]any{"kid": "' OR ''='"}), "kid"},
		{"kid with a zero", header(map[string]any{"kid": g.ID + "\x00"}), "kid"},
		{"kid a path", header(map[string]any{"kid": "../../../../dev/null"}), "kid"},
		{"kid of another key", header(map[string]any{"kid": other.ID}), ""},
		{"typ of other tokens", header(map[string]any{"typ": "at+jwt"}), "typ"},
		{"crit", header(map[string]any{"crit": []string{"exp"}}), "jwt"},
		{"crit unknown", header(map[string]any{"crit": []string{"b64"}, "b64": false}), "jwt"},
		{"jwk in the header", header(map[string]any{"jwk": map[string]string{"kty": "OKP"}}), "jwt"},
		{"jku in the header", header(map[string]any{"jku": "https://evil.example/keys"}), "jwt"},
		{"x5u in the header", header(map[string]any{"x5u": "https://evil.example/chain"}), "jwt"},
		{"signature missing", cut(2, ""), "signature"},
		{"signature of other claims", cut(1, b64(string(mustJSON(t, g.claims("joe@example.com", now))))), "signature"},
		{"signature of all zeros", cut(2, b64(strings.Repeat("\x00", 64))), "signature"},
		{"signature cut", cut(2, parts[2][:60]), "signature"},
		{"signature by another key", button{key: pairOf(t, g.Algorithm)}.signed(t, map[string]any{"alg": g.Algorithm, "kid": g.ID}, good), "signature"},
		{"base64 with padding", parts[0] + "." + parts[1] + "." + parts[2] + "==", "jwt"},
		{"base64 with a line", parts[0] + "." + parts[1][:4] + "\n" + parts[1][4:] + "." + parts[2], ""},
		{"base64 of the other alphabet", cut(1, "++//"), "jwt"},
		{"base64 with bits left over", cut(2, parts[2][:len(parts[2])-1]+map[bool]string{true: "B", false: "C"}[parts[2][len(parts[2])-1] != 'B']), "jwt"},
		{"header no JSON", cut(0, b64("alg")), "jwt"},
		{"header a list", cut(0, b64(`["alg"]`)), "jwt"},
		{"four parts", g.token(t, good) + ".x", "jwt"},
		{"two parts", parts[0] + "." + parts[1], "jwt"},
		{"nothing", "", "jwt"},
		{"dots", "..", "jwt"},
		{"no token", "<script>alert(1)</script>", "jwt"},
		{"oversized", g.token(t, g.with(now, map[string]any{"name": strings.Repeat("x", 8000)})), "jwt"},
	}...)
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// badClaims are tokens with a good signature and invalid claims.
func (g button) badClaims(t *testing.T, now time.Time) []badToken {
	t.Helper()
	at := now.Unix()
	var all []badToken
	add := func(name, want string, other map[string]any) {
		all = append(all, badToken{name, g.token(t, g.with(now, other)), want})
	}
	add("aud of another service", "aud", map[string]any{"aud": "https://other.example.com"})
	add("aud with a slash", "aud", map[string]any{"aud": g.Audience + "/"})
	add("aud a list of others", "aud", map[string]any{"aud": []string{"https://other.example.com", g.Audience + "/"}})
	add("aud an empty list", "aud", map[string]any{"aud": []string{}})
	add("aud a list with null", "aud", map[string]any{"aud": []any{g.Audience, nil}})
	add("aud a list with a number", "aud", map[string]any{"aud": []any{g.Audience, 1}})
	add("aud an object", "aud", map[string]any{"aud": map[string]any{"url": g.Audience}})
	add("aud missing", "aud", map[string]any{"aud": nil})
	add("aud empty", "aud", map[string]any{"aud": ""})
	add("iss missing", "iss", map[string]any{"iss": nil})
	add("iss another account", "iss", map[string]any{"iss": "acc_2"})
	add("exp too far", "exp", map[string]any{"exp": at + 301})
	add("exp for ever", "exp", map[string]any{"exp": int64(1) << 50})
	add("exp missing", "exp", map[string]any{"exp": nil})
	add("exp zero", "exp", map[string]any{"exp": 0})
	add("exp below zero", "", map[string]any{"exp": -1})
	add("exp a text", "exp", map[string]any{"exp": "2099-01-01"})
	add("exp a fraction", "exp", map[string]any{"exp": 1.5})
	add("exp before iat", "exp", map[string]any{"iat": at + 20, "exp": at + 10})
	add("expired", "expired", map[string]any{"iat": at - 200, "exp": at - 31})
	add("expired long ago", "expired", map[string]any{"iat": at - 86400, "exp": at - 86300})
	add("iat missing", "iat", map[string]any{"iat": nil})
	add("iat in the future", "iat", map[string]any{"iat": at + 60, "exp": at + 120})
	add("iat far below zero", "", map[string]any{"iat": int64(-1) << 62})
	add("nbf in the future", "nbf", map[string]any{"nbf": at + 60})
	add("jti missing", "jti", map[string]any{"jti": nil})
	add("jti empty", "jti", map[string]any{"jti": ""})
	add("jti a number", "jti", map[string]any{"jti": 7})
	add("jti too long", "jti", map[string]any{"jti": strings.Repeat("j", 101)})
	add("jti with a space", "jti", map[string]any{"jti": "a b"})
	add("sub missing", "sub", map[string]any{"sub": nil})
	add("sub no address", "sub", map[string]any{"sub": "jane"})
	add("sub a list", "sub", map[string]any{"sub": []string{"jane@example.com"}})
	add("sub of a domain not here", "sub", map[string]any{"sub": "jane@nowhere.example"})
	add("sub of another account", "sub", map[string]any{"sub": "jane@other.example"})
	add("sub with a line", "sub", map[string]any{"sub": "jane@example.com\nX: y"})
	add("return_url of another host", "return_url", map[string]any{"return_url": "https://evil.example/"})
	add("return_url a script", "return_url", map[string]any{"return_url": "javascript:alert(1)"})
	add("return_url with a login", "return_url", map[string]any{"return_url": "https://panel.example.com@evil.example/"})
	add("return_url without TLS", "return_url", map[string]any{"return_url": "http://panel.example.com/"})
	add("locale none", "locale", map[string]any{"locale": "../en"})
	add("variant unknown", "", map[string]any{"variant": "wipe"})
	add("variant not offered", "", map[string]any{"variant": "secure"})
	add("name with a line", "name", map[string]any{"name": "Jane\nDoe"})
	add("unknown claim", "jwt", map[string]any{"admin": true})
	add("claim in other letters", "jwt", map[string]any{"Sub": "joe@example.com"})
	return append(all, g.badJSON(t, now)...)
}

// badJSON are tokens with a good signature and ambiguous or invalid JSON.
func (g button) badJSON(t *testing.T, now time.Time) []badToken {
	t.Helper()
	good := string(mustJSON(t, g.claims("jane@example.com", now)))
	header := `{"alg":"` + g.Algorithm + `","kid":"` + g.ID + `"}`
	return []badToken{
		{"sub twice", g.raw(t, header, strings.Replace(good, `{`, `{"sub":"joe@example.com",`, 1)), "jwt"},
		{"sub twice, once escaped", g.raw(t, header, strings.Replace(good, `{`, `{"s\u0075b":"joe@example.com",`, 1)), "jwt"},
		{"sub null", g.raw(t, header, strings.Replace(good, `"jane@example.com"`, `null`, 1)), "sub"},
		{"two objects", g.raw(t, header, good+good), "jwt"},
		{"claims null", g.raw(t, header, "null"), ""},
		{"claims a list", g.raw(t, header, "["+good+"]"), "jwt"},
		{"claims a text", g.raw(t, header, `"`+b64(good)+`"`), "jwt"},
		{"claims no UTF-8", g.raw(t, header, strings.Replace(good, "jane", "j\xff", 1)), "jwt"},
		{"claims cut", g.raw(t, header, good[:len(good)-1]), "jwt"},
	}
}
