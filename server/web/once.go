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

// onceLife is how long what was made can be shown.
const onceLife = 2 * time.Minute

// A Once carries what a POST has made to the page behind its redirect, where a
// browser shows it once: a key, a secret, an invitation. So a reload shows a
// page again and makes nothing. It travels encrypted in a cookie, bound to a
// session and a page.
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

// Put keeps what, which JSON can hold, for the page of the session. With it a
// cookie is at most 4,096 bytes long: what takes up to 2,800 of them.
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

// Take reads into what, a pointer, what was put there for the page of the
// session within the last two minutes, and takes it from the browser. It
// reports whether there was any.
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
