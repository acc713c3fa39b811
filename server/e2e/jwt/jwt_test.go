// Package jwt signs the redirects of hosting panels with libraries of others.
package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	jwxjwt "github.com/lestrrat-go/jwx/v3/jwt"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// A panel has a key pair whose public key is registered.
type panel struct {
	ID, Issuer, Audience, Algorithm string
	key                             crypto.Signer
	private                         string // PKCS #8 as PEM
}

func newPanel(t *testing.T, c servertest.Client, key crypto.Signer) panel {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	must(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	body, err := json.Marshal(map[string]string{"name": "Panel", "public_key": block("PUBLIC KEY", public)})
	must(t, err)
	p := panel{key: key, private: block("PRIVATE KEY", private)}
	servertest.Decode(t, c.Want(t, http.StatusCreated, http.MethodPost, "/redirect-keys", string(body)), &p)
	return p
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// panelClaims are those of golang-jwt, and one of ours.
type panelClaims struct {
	jwt.RegisteredClaims
	ExternalID string `json:"external_id,omitempty"`
}

// mailbox returns a new one, because each has a limit.
func mailbox() string { return uuid.NewString() + "@example.com" }

// libraries sign claims, each in its own ways.
var libraries = []struct {
	name string
	sign func(t *testing.T, p panel) []string
}{
	{"golang-jwt", func(t *testing.T, p panel) (tokens []string) {
		now := time.Now()
		for _, claims := range []jwt.Claims{
			jwt.MapClaims{
				"iss": p.Issuer, "aud": p.Audience, "sub": mailbox(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": uuid.NewString(),
			},
			panelClaims{jwt.RegisteredClaims{
				Issuer: p.Issuer, Audience: jwt.ClaimStrings{p.Audience}, Subject: mailbox(),
				IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(time.Minute)), ID: uuid.NewString(),
			}, "mbx_1"},
		} {
			token := jwt.NewWithClaims(jwt.GetSigningMethod(p.Algorithm), claims)
			token.Header["kid"] = p.ID
			signed, err := token.SignedString(p.key)
			must(t, err)
			tokens = append(tokens, signed)
		}
		return tokens
	}},
	{"jwx", func(t *testing.T, p panel) (tokens []string) {
		names := map[string][]jwa.SignatureAlgorithm{"EdDSA": {jwa.EdDSA(), jwa.EdDSAEd25519()}, "ES256": {jwa.ES256()}}
		for _, algorithm := range names[p.Algorithm] {
			now := time.Now()
			token, err := jwxjwt.NewBuilder().Issuer(p.Issuer).Audience([]string{p.Audience}).Subject(mailbox()).
				IssuedAt(now).Expiration(now.Add(time.Minute)).JwtID(uuid.NewString()).Build()
			must(t, err)
			header := jws.NewHeaders()
			must(t, header.Set("kid", p.ID))
			signed, err := jwxjwt.Sign(token, jwxjwt.WithKey(algorithm, p.key, jws.WithProtectedHeaders(header)))
			must(t, err)
			tokens = append(tokens, string(signed))
		}
		return tokens
	}},
	{"go-jose", func(t *testing.T, p panel) []string {
		now := time.Now()
		options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", p.ID)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(p.Algorithm), Key: p.key}, options)
		must(t, err)
		signed, err := josejwt.Signed(signer).Claims(josejwt.Claims{
			Issuer: p.Issuer, Audience: josejwt.Audience{p.Audience}, Subject: mailbox(),
			IssuedAt: josejwt.NewNumericDate(now), Expiry: josejwt.NewNumericDate(now.Add(time.Minute)), ID: uuid.NewString(),
		}).Serialize()
		must(t, err)
		return []string{signed}
	}},
	{"npm jose", func(t *testing.T, p panel) []string {
		node, err := filepath.Abs("../../../.cache/node_modules")
		must(t, err)
		if _, err := os.Stat(filepath.Join(node, "jose")); err != nil {
			if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
				t.Fatal("no jose: run .ci/prepare")
			}
			t.Skip("no jose")
		}
		cmd := exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", `
			import { SignJWT, importPKCS8 } from 'jose';
			const { ID, Issuer, Audience, Algorithm, Private } = JSON.parse(process.env.PANEL);
			for (const alg of Algorithm === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [Algorithm])
				for (const audience of [Audience, [Audience]])
					console.log(await new SignJWT({ locale: 'de' }).setProtectedHeader({ alg, kid: ID }).setIssuer(Issuer).setAudience(audience)
						.setSubject(crypto.randomUUID() + '@example.com').setIssuedAt().setExpirationTime('1m').setJti(crypto.randomUUID())
						.sign(await importPKCS8(Private, alg)));`)
		cmd.Dir = node
		text, err := json.Marshal(map[string]string{"ID": p.ID, "Issuer": p.Issuer, "Audience": p.Audience, "Algorithm": p.Algorithm, "Private": p.private})
		must(t, err)
		cmd.Env = append(os.Environ(), "PANEL="+string(text))
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v %s", err, out)
		}
		return strings.Fields(string(out))
	}},
}

// TestLibraries signs with every library and both kinds of keys, and follows
// the link from each token.
func TestLibraries(t *testing.T) {
	database := storetest.SQLite(t)
	s := servertest.New(t, database, servertest.Unhurried)
	c := servertest.NewClient(s, servertest.NewKey(t, database, account.KeySpec{Scopes: servertest.AllScopes()}))
	_, one, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	two, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	for _, p := range []panel{newPanel(t, c, one), newPanel(t, c, two)} {
		for _, l := range libraries {
			t.Run(l.name+"/"+p.Algorithm, func(t *testing.T) {
				for _, token := range l.sign(t, p) {
					a := s.Post("/start/signed", "jwt", token)
					if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Location(), "/s/") {
						t.Fatalf("%s: %d %s", token, a.Status, a.Body)
					}
					if page := s.Get(a.Location()); page.Status != http.StatusOK {
						t.Errorf("the link: %d", page.Status)
					}
				}
			})
		}
	}
}
