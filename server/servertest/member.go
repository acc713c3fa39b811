package servertest

import (
	"bytes"
	"errors"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"
)

// Password is the password of every member that a test creates.
const Password = "lampshade orbit cucumber 47"

// A Member is a browser that is signed in to the control panel as a member.
type Member struct {
	Email  string
	Seed   string // of the authenticator app, in base32; empty: none
	Cookie string // of the session, "name=value"
	Device string // the cookie that identifies the browser, "name=value"; or empty
	Once   string // the cookie with what the next page shows once, "name=value"; or empty
	Server *Server
}

// Owner creates the first owner of the installation, who is an operator, with
// an authenticator app.
func (s *Server) Owner(email string) *Member {
	s.t.Helper()
	setup, err := s.SetupURL(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return s.Join(email, setup)
}

// Join creates a member through the URL of an invitation, with an
// authenticator app. The clock must advance before its next code.
func (s *Server) Join(email, invitation string) *Member {
	s.t.Helper()
	m := &Member{Email: email, Server: s}
	a := m.Post(pathOf(invitation), "email", email, "name", "Member "+email, "password", Password)
	if a.Status != http.StatusSeeOther {
		s.t.Fatalf("join: %d %s", a.Status, a.Body)
	}
	m.Enroll()
	return m
}

func pathOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Path
}

var setupField = regexp.MustCompile(`name="setup" value="([^"]+)"`)
var secretText = regexp.MustCompile(`[A-Z2-7]{4}( [A-Z2-7]{4}){7}`)

// Enroll gives the member an authenticator app.
func (m *Member) Enroll() {
	m.Server.t.Helper()
	setup := m.NewApp()
	if a := m.Post("/panel/security/sign-in/totp", "setup", setup, "code", m.Code()); a.Status != http.StatusSeeOther {
		m.Server.t.Fatalf("totp: %d %s", a.Status, a.Body)
	}
}

// NewApp sets m's seed to the one on the page for a new authenticator app, and
// returns what the form must contain beside a code.
func (m *Member) NewApp() (setup string) {
	t := m.Server.t
	t.Helper()
	page := m.Get("/panel/security/sign-in/totp")
	found := setupField.FindSubmatch(page.Body)
	seed := secretText.Find(page.Body)
	if page.Status != http.StatusOK || found == nil || seed == nil {
		t.Fatalf("totp: %d %s", page.Status, page.Body)
	}
	m.Seed = strings.ReplaceAll(string(seed), " ", "")
	return html.UnescapeString(string(found[1]))
}

// Code returns the current code of the member's app.
func (m *Member) Code() string {
	m.Server.t.Helper()
	return m.CodeAt(m.Server.Now())
}

// CodeAt returns the code of the member's app at the time.
func (m *Member) CodeAt(at time.Time) string {
	m.Server.t.Helper()
	code, err := totp.GenerateCode(m.Seed, at)
	if err != nil {
		m.Server.t.Fatal(err)
	}
	return code
}

// SignIn signs the member in again.
func (m *Member) SignIn() Answer {
	m.Server.t.Helper()
	m.Cookie = ""
	return m.Post("/panel/sign-in", "email", m.Email, "password", Password, "code", m.Code())
}

// Do sends a request with the member's cookies, and stores the cookies of the
// response. Header may be nil.
func (m *Member) Do(method, path string, header http.Header, body string) Answer {
	m.Server.t.Helper()
	all := http.Header{}
	for name, values := range header {
		all[name] = values
	}
	for _, cookie := range []string{m.Cookie, m.Device, m.Once} {
		if cookie != "" {
			all.Add("Cookie", cookie)
		}
	}
	a := m.Server.Do(method, path, all, body)
	m.Keep(a)
	return a
}

// Keep stores the cookies of a response.
func (m *Member) Keep(a Answer) {
	for _, c := range (&http.Response{Header: a.Header}).Cookies() {
		switch value := c.Name + "=" + c.Value; {
		case strings.HasSuffix(c.Name, "device"):
			m.Device = value
		case !strings.HasSuffix(c.Name, "once"):
			m.Cookie = value
		case c.MaxAge < 0:
			m.Once = ""
		default:
			m.Once = value
		}
	}
}

// Get fetches a page.
func (m *Member) Get(path string) Answer {
	m.Server.t.Helper()
	return m.Do(http.MethodGet, path, nil, "")
}

// Post sends a form, given as alternating names and values, as a page of the
// panel does.
func (m *Member) Post(path string, fields ...string) Answer {
	m.Server.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	return m.Do(http.MethodPost, path, http.Header{"Sec-Fetch-Site": {"same-origin"}}, form.Encode())
}

// Upload sends a form with a file in the field, as a page of the panel does.
func (m *Member) Upload(path, field, name, content string) Answer {
	m.Server.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile(field, name)
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err := errors.Join(err, form.Close()); err != nil {
		m.Server.t.Fatal(err)
	}
	return m.Do(http.MethodPost, path, http.Header{"Content-Type": {form.FormDataContentType()}, "Sec-Fetch-Site": {"same-origin"}}, body.String())
}

// Make sends a form like Post and returns the page after the redirect, which
// shows the new secret once. If there is no redirect, it returns the response.
func (m *Member) Make(path string, fields ...string) Answer {
	m.Server.t.Helper()
	a := m.Post(path, fields...)
	if a.Status != http.StatusSeeOther {
		return a
	}
	return m.Get(a.Location())
}

var invitationText = regexp.MustCompile(`https?://[^"< ]+/panel/invitation/[a-z2-7]+`)

// Invite invites a person to the member's account and returns them as a new
// member.
func (m *Member) Invite(email, role string) *Member {
	m.Server.t.Helper()
	return m.Server.Join(email, m.invitation("/panel/members/invite", "email", email, "role", role))
}

// Customer creates an account and returns its first owner.
func (m *Member) Customer(name, email string) *Member {
	m.Server.t.Helper()
	return m.Server.Join(email, m.invitation("/panel/accounts/new", "name", name, "email", email))
}

func (m *Member) invitation(path string, fields ...string) string {
	m.Server.t.Helper()
	return m.Server.Invitation(m.Make(path, fields...))
}

// Invitation returns the URL of an invitation on a page.
func (s *Server) Invitation(a Answer) string {
	s.t.Helper()
	found := invitationText.Find(bytes.ReplaceAll(a.Body, []byte("<wbr>"), nil)) // it may break there
	if a.Status != http.StatusOK || found == nil {
		s.t.Fatalf("invitation: %d %s", a.Status, a.Body)
	}
	return string(found)
}

// Now returns the server's time.
func (s *Server) Now() time.Time { return s.now() }
