package signerd

import (
	"bytes"
	"context"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
	"github.com/updatecase/mobileconfig/templates"
)

// A rig is a running signer, and what is needed to send it requests.
type rig struct {
	t         testing.TB
	socket    string
	signer    *Signer
	identity  atomic.Pointer[signing.Identity]
	approvals atomic.Pointer[Approvals]
	now       atomic.Pointer[time.Time]
	roots     *x509.CertPool
	root      signingtest.Pair
	log       *log
	client    *Client
	issuer    *issue.Issuer
	stop      func()
}

// A log collects log output.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// approved is what the profiles of orders need, except policies that erase.
func approved() *Approvals {
	return &Approvals{
		Hosts: []string{"imap.example.com", "smtp.example.com", "*.dav.example.com"}, Domains: []string{"example.com"}, Organizations: []string{"Example & Sons"},
	}
}

// newRig starts a signer. Change, if not nil, changes its configuration.
func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	texts, err := templates.Words()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, socket: filepath.Join(shortFolder(t), "socket"), root: signingtest.Root(t, "p256"), roots: x509.NewCertPool(), log: &log{}}
	r.roots.AddCert(r.root.Cert)
	now := time.Now()
	r.now.Store(&now)
	r.renew()
	r.approvals.Store(approved())
	config := Config{
		Identity: func() FileSigner { return r.identity.Load() }, Approvals: func() Approvals { return *r.approvals.Load() }, Texts: texts,
		Users: []uint32{uint32(os.Getuid())}, Log: slog.New(slog.NewTextHandler(r.log, nil)), Now: func() time.Time { return *r.now.Load() },
	}
	if change != nil {
		change(&config)
	}
	r.signer = New(config)
	r.client = Dial(ClientConfig{Socket: r.socket, Patience: time.Minute})
	t.Cleanup(r.client.Close)
	r.issuer = issue.New(texts, r.client.Current)
	r.start()
	return r
}

// start starts the signer.
func (r *rig) start() {
	r.t.Helper()
	listener, err := Listen(r.socket)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.signer.Run(ctx, listener) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
	r.t.Cleanup(r.stop)
}

// shortFolder returns a folder with a path short enough for a socket's.
func shortFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "signer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	return folder
}

// renew replaces the signing certificate.
func (r *rig) renew() *signing.Identity {
	r.t.Helper()
	leaf := r.root.Leaf(r.t, "p256", nil)
	id, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, r.roots, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.identity.Store(id)
	return id
}

// approve changes the approvals.
func (r *rig) approve(change func(*Approvals)) {
	a := *r.approvals.Load()
	change(&a)
	r.approvals.Store(&a)
}

// content verifies a signed profile and returns what is inside.
func (r *rig) content(signed []byte) string {
	r.t.Helper()
	envelope, err := signing.Open(signed)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := envelope.Trust(r.roots, time.Now()); err != nil {
		r.t.Fatal(err)
	}
	return string(envelope.Content)
}

// order returns an order for jane@example.com.
func order(t testing.TB, v settings.Variant, p profile.Platform) issue.Order {
	t.Helper()
	address, err := profile.ParseAddress("jane@example.com")
	if err != nil {
		t.Fatal(err)
	}
	policy := profile.DefaultPasscode()
	policy.MaxFailedAttempts = 0
	return issue.Order{
		Service: settings.MailService{
			Incoming: profile.Server{Host: "imap.example.com", Port: 993}, Outgoing: profile.Server{Host: "smtp.example.com", Port: 465},
		},
		Organization: "Example & Sons", Person: issue.Person{Address: address, Name: "Jane O'Neil", Locale: "en"},
		Platform: p, Variant: v, Policy: policy,
	}
}

// orders returns orders of every kind that can be signed, by name.
func orders(t testing.TB) map[string]issue.Order {
	t.Helper()
	all := map[string]issue.Order{
		"mail": order(t, settings.Mail, profile.IPhone), "secure": order(t, settings.Secure, profile.IPhone),
		"mac": order(t, settings.Mail, profile.Mac), "mac policy": order(t, settings.Secure, profile.Mac),
	}
	o := all["secure"]
	o.Declared = true
	all["declared"] = o
	o = all["mac policy"]
	o.Declared = true
	all["mac declared"] = o
	o = all["secure"]
	o.Test, o.Person.Locale = true, "de"
	all["test"] = o
	o = all["mail"]
	o.Service.Calendars, o.Service.Contacts = profile.DAVServer{Host: "c.dav.example.com", Port: 443}, profile.DAVServer{Host: "a.b.dav.example.com", Port: 8443}
	o.Person.Locale, o.Person.Login, o.Person.Name = "ar", "jane <j>", ""
	all["groupware"] = o
	o = all["secure"]
	o.Service.Contacts, o.Organization, o.Policy.MinLength, o.Policy.AutoLock = profile.DAVServer{Host: "c.dav.example.com", Port: 443}, "example.com", 9, 2*time.Minute
	all["contacts"] = o
	return all
}

// has waits until the log contains a text.
func (r *rig) has(text string) {
	r.t.Helper()
	for !strings.Contains(r.log.String(), text) {
		if !pause(r.t.Context(), time.Millisecond) {
			r.t.Fatalf("%q isn't in the log:\n%s", text, r.log)
		}
	}
}
