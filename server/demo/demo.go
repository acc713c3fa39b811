// Package demo fills a new installation with a month of an imaginary mail
// host: for work on the pages, for their screenshots, and for tests that need
// something to look at.
//
// Whatever is made is made by the services that the panel, the pages and the
// API use, by a clock that moves from one event to the next. So every rule
// holds and every change has its entry in the action log. No host, address or
// name is anybody's: they are those that RFC 2606 and RFC 5737 reserve.
package demo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/templates"
)

// Password is the password of every member.
const Password = "lampshade orbit cucumber 47"

// The domains of the account [account.Default], whose names the customers'
// links are for.
const (
	Harbour = "example.com" // offers the standard device policy, has calendars and contacts
	Clinic  = "example.org" // requires a device policy of its own
	Bakery  = "example.net" // mail alone
)

// ErrNotNew is the error of Seed for an installation that has a member.
var ErrNotNew = errors.New("demo: the installation has members already; a demo needs a new one")

// Config says which installation to fill. All fields are required but Texts
// and Now.
type Config struct {
	// Database, Secret and LogKey are those of the installation, as in
	// server.Config.
	Database string
	Secret   []byte
	LogKey   []byte
	// BaseURL is how browsers reach the installation.
	BaseURL *url.URL
	// Identity signs the profiles that people download. It must be usable
	// during the whole month before Now, or at least not look at the clock.
	Identity signing.Signer
	// Texts are the words of profiles and mails. The default is
	// templates.New.
	Texts *templates.Set
	// Now is when the month ends. The default is time.Now.
	Now func() time.Time
}

// A Demo is what Seed has made, as far as nobody can read it in the database.
// For the same Config it is the same, but for what is made at random: ids,
// secrets and keys.
type Demo struct {
	// Owner is an owner and an operator of the installation, Admin and Auditor
	// are the other members of the same account. Customer owns an account of
	// its own.
	Owner, Admin, Auditor, Customer SignIn
	// Key is a key of the API that makes links for Harbour and Clinic.
	Key string
	// Links holds the path of one link in each state. Only live ones open.
	Links map[setup.State]string
}

// A SignIn is what a member signs in with.
type SignIn struct {
	Email    string       `json:"email"`
	Name     string       `json:"name"`
	Role     account.Role `json:"role"`
	Password string       `json:"password"`
	// Secret is that of the authenticator app, in base32.
	Secret string `json:"secret"`
	// URI is what a QR code for the app holds.
	URI string `json:"uri"`
}

// Code returns what the authenticator app shows at the time.
func (s SignIn) Code(at time.Time) (string, error) {
	code, err := totp.GenerateCode(s.Secret, at)
	if err != nil {
		return "", fmt.Errorf("demo: %w", err)
	}
	return code, nil
}

// Seed fills the installation. It brings the schema of the database up to
// date first; one that has a member is refused with [ErrNotNew]. No server may
// work on the database meanwhile.
func Seed(ctx context.Context, c Config) (*Demo, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Texts == nil {
		var err error
		if c.Texts, err = templates.New(); err != nil {
			return nil, fmt.Errorf("demo: %w", err)
		}
	}
	w, err := newWorld(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	defer w.store.Close()
	any, err := w.store.AnyMember(ctx)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	if any {
		return nil, ErrNotNew
	}
	if err := w.live(ctx); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	return &w.made, nil
}
