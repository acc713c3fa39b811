// Package demo fills a new installation with a month of an imaginary email
// provider: for work on the pages, for their screenshots, and for tests that
// need data.
//
// The services that the panel, the pages and the API use create everything,
// with a clock that moves from one event to the next. So every rule is
// respected and every change has its entry in the action log. All hosts,
// addresses and names are fictional: they are reserved by RFC 2606 and RFC
// 5737.
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

// The domains of the account [account.Default], which the customers' links are
// for.
const (
	Harbor = "example.com" // offers the standard passcode policy, has calendars and contacts
	Clinic = "example.org" // requires its own passcode policy
	Bakery = "example.net" // email only
)

// ErrNotNew is the error of Seed for an installation that has members.
var ErrNotNew = errors.New("demo: the installation has members already; a demo needs a new one")

// Config says which installation to fill. All fields except Texts and Now are
// required.
type Config struct {
	// Database, Secret and LogKey are those of the installation, as in
	// server.Config.
	Database string
	Secret   []byte
	LogKey   []byte
	// BaseURL is how browsers reach the installation.
	BaseURL *url.URL
	// Identity signs the profiles that people download. It must be usable
	// during the whole month before Now, or at least ignore the clock.
	Identity signing.Signer
	// Texts are the texts of profiles and emails. The default is templates.New.
	Texts *templates.Set
	// Now is when the month ends. The default is time.Now.
	Now func() time.Time
}

// A Demo is what Seed has created and the database doesn't show. It is the same
// for the same Config, except for random values: IDs, secrets and keys.
type Demo struct {
	// Owner is an owner and an operator of the installation, Admin and Auditor
	// are the other members of the same account. Customer owns a separate
	// account.
	Owner, Admin, Auditor, Customer SignIn
	// Key is an API key that creates links for Harbor and Clinic.
	Key string
	// Links has the path of one link in each state. Only active ones work.
	Links map[setup.State]string
}

// A SignIn is what a member signs in with.
type SignIn struct {
	Email    string       `json:"email"`
	Name     string       `json:"name"`
	Role     account.Role `json:"role"`
	Password string       `json:"password"`
	// Secret is the authenticator app's secret, in base32.
	Secret string `json:"secret"`
	// URI is the content of a QR code for the app.
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

// Seed fills the installation. It migrates the database first; a database with
// members is refused with [ErrNotNew]. No server may use the database
// meanwhile.
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
