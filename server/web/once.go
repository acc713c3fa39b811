package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/crypt"
)

// onceLife is how long a value can be shown.
const onceLife = 2 * time.Minute

// A Once passes what a POST has created to the page after its redirect, where
// the browser shows it once: a key, a secret, an invitation. So reloading
// shows a page again and creates nothing. The value travels encrypted in a
// cookie, bound to a session and a page.
type Once struct {
	name   string
	secure bool
	cipher *crypt.Cipher
	now    func() time.Time
}

// NewOnce returns the Once of an installation with the secret.
func NewOnce(base *url.URL, secret *crypt.Secret, now func() time.Time) Once {
	c := secret.Cipher(crypt.ShownOnce)
	if base.Scheme == "https" {
		return Once{"__Host-once", true, c, now}
	}
	return Once{"once", false, c, now}
}

type once struct {
	Until time.Time       `json:"until"`
	What  json.RawMessage `json:"what"`
}

// Put stores a value, which JSON must be able to encode, for the page of the
// session. A cookie has at most 4,096 bytes, which is enough for values of up
// to 2,800 bytes.
func (o Once) Put(c echo.Context, session, page string, what any) error {
	data, err := json.Marshal(what)
	if err != nil {
		return err
	}
	if data, err = json.Marshal(once{o.now().Add(onceLife), data}); err != nil {
		return err
	}
	o.set(c, base64.RawURLEncoding.EncodeToString(o.cipher.Encrypt(data, session+" "+page)), int(onceLife/time.Second))
	return nil
}

// Take decodes into what, a pointer, the value that was put for the page of
// the session within the last two minutes, and deletes it from the browser. It
// reports whether there was one.
func (o Once) Take(c echo.Context, session, page string, what any) bool {
	cookie, err := c.Cookie(o.name)
	if err != nil {
		return false
	}
	o.set(c, "", -1)
	encrypted, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil {
		return false
	}
	data, err := o.cipher.Decrypt(encrypted, session+" "+page)
	var kept once
	if err != nil || json.Unmarshal(data, &kept) != nil || !o.now().Before(kept.Until) {
		return false
	}
	return json.Unmarshal(kept.What, what) == nil
}

func (o Once) set(c echo.Context, value string, age int) {
	c.SetCookie(&http.Cookie{
		Name: o.name, Value: value, Path: "/", MaxAge: age,
		Secure: o.secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
