package signerd

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
)

// TestSigns signs every kind of profile in every language, and a list of
// checksums.
func TestSigns(t *testing.T) {
	r := newRig(t, nil)
	signs := func(name string, o issue.Order) {
		t.Helper()
		built, err := r.issuer.Build(o)
		if err != nil {
			t.Fatal(err)
		}
		signed, err := r.issuer.Issue(t.Context(), o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if r.content(signed.Bytes) != string(built) || signed.Identity != r.identity.Load().Fingerprint() {
			t.Errorf("%s: another profile, or signed by %s", name, signed.Identity)
		}
		if want := fmt.Sprintf("%x", sha256.Sum256(built)); signed.Hash != want {
			t.Errorf("%s: the digest %s, want %s", name, signed.Hash, want)
		}
	}
	n := int64(0)
	for name, o := range orders(t) {
		signs(name, o)
		n++
	}
	for _, language := range r.signer.config.Texts.Languages() {
		o := order(t, settings.Secure, profile.IPhone)
		o.Person.Locale = language.Tag
		signs(language.Tag, o)
		n++
	}
	var list signing.Checksums
	if err := list.Add("signed/jane.mobileconfig", sha256.Sum256(nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.issuer.SignChecksums(t.Context(), &list); err != nil {
		t.Error(err)
	}
	if s := r.signer.Status(); s.Signed != n || s.Checksums != 1 || s.Usable != "ok" || s.Approvals.Hosts != 3 {
		t.Errorf("%+v after %d profiles", s, n)
	}
	d, s, err := Look(t.Context(), ClientConfig{Socket: r.socket, Patience: time.Minute})
	if err != nil || s.Signed != n || d.Fingerprint != r.identity.Load().Fingerprint() || d.Process != r.socket || d.Fault != nil {
		t.Errorf("%v, %+v, %+v", err, d, s)
	}
}

// TestManyAtOnce checks that each caller gets its own profile, on one of two
// connections.
func TestManyAtOnce(t *testing.T) {
	r := newRig(t, nil)
	second := Dial(ClientConfig{Socket: r.socket, Patience: time.Minute})
	t.Cleanup(second.Close)
	issuers := []*issue.Issuer{r.issuer, issue.New(r.signer.config.Texts, second.Current)}
	var wg sync.WaitGroup
	for caller := range 32 {
		wg.Go(func() {
			for i := range 20 {
				o := order(t, settings.Secure, profile.IPhone)
				var err error
				if o.Person.Address, err = profile.ParseAddress(fmt.Sprintf("jane%d.%d@example.com", caller, i)); err != nil {
					t.Error(err)
					return
				}
				signed, err := issuers[caller%2].Issue(t.Context(), o)
				if err != nil {
					t.Error(err)
					return
				}
				built, err := r.issuer.Build(o)
				if err != nil || r.content(signed.Bytes) != string(built) {
					t.Errorf("%v, or the profile of somebody else", err)
				}
			}
		})
	}
	wg.Wait()
}

// TestAnswersTogether checks that the answers to waiting requests of a
// connection are sent by one write, and those of another one by the next.
func TestAnswersTogether(t *testing.T) {
	r := newRig(t, nil)
	jobs := make(chan job, 6)
	var readers []net.Conn
	var all []*connection
	for range 2 {
		here, there := net.Pipe()
		t.Cleanup(func() { here.Close() })
		readers = append(readers, here)
		all = append(all, &connection{writer: writer{conn: there}, told: r.identity.Load()})
	}
	for number, from := range []int{0, 0, 0, 1, 1, 0} {
		jobs <- job{frame{kind: askStatus, number: uint32(number)}, all[from]}
	}
	close(jobs)
	go r.signer.work(t.Context(), jobs)
	for _, want := range []struct {
		from    int
		numbers []uint32
	}{{0, []uint32{0, 1, 2}}, {1, []uint32{3, 4}}, {0, []uint32{5}}} {
		var numbers []uint32
		buffer := make([]byte, readBuffer)
		n, err := readers[want.from].Read(buffer) // one write at most
		for in := bufio.NewReader(bytes.NewReader(buffer[:n])); err == nil; {
			var f frame
			if f, err = readFrame(in, isAnswer, nil); err == nil {
				numbers = append(numbers, f.number)
			}
		}
		if err != io.EOF || !slices.Equal(numbers, want.numbers) {
			t.Errorf("%v: %v were answered together, want %v", err, numbers, want.numbers)
		}
	}
}

// TestApprovals removes each approval. The caller and the log must get a
// refusal that says which one is missing and how to fix it.
func TestApprovals(t *testing.T) {
	r := newRig(t, nil)
	erasing := order(t, settings.Secure, profile.IPhone)
	erasing.Policy.MaxFailedAttempts = 10
	declared := erasing
	declared.Declared = true
	own := order(t, settings.Mail, profile.IPhone)
	own.Organization = "example.com"
	for _, tt := range []struct {
		name   string
		order  issue.Order
		change func(*Approvals)
		want   string // a command in the refusal; empty: it is signed
		reason Reason
	}{
		{"a server", order(t, settings.Mail, profile.IPhone), func(a *Approvals) { a.Hosts = []string{"imap.example.com", "*.smtp.example.com"} }, "allow-host smtp.example.com", Host},
		{"calendars", orders(t)["groupware"], func(a *Approvals) { a.Hosts = []string{"*.example.com", "*.b.dav.example.com"}; a.Hosts = a.Hosts[1:] }, "allow-host imap.example.com", Host},
		{"servers by a suffix", orders(t)["groupware"], func(a *Approvals) { a.Hosts = []string{"*.example.com"} }, "", ""},
		{"the organization", order(t, settings.Mail, profile.Mac), func(a *Approvals) { a.Organizations = []string{"Example & Son"} }, "allow-organization 'Example & Sons'", Organization},
		{"no organization but the domain", own, func(a *Approvals) { a.Organizations = nil }, "", ""},
		{"the domain", own, func(a *Approvals) { a.Domains = []string{"*.example.com"} }, "allow-domain example.com", Domain},
		{"any domain", own, func(a *Approvals) { a.Domains = []string{AnyDomain} }, "", ""},
		{"erasing", erasing, func(a *Approvals) {}, "erasing on", Erasing},
		{"erasing, declared", declared, func(a *Approvals) {}, "erasing on", Erasing},
		{"erasing that may be", erasing, func(a *Approvals) { a.Erasing = true }, "", ""},
		{"erasing that may be, declared", declared, func(a *Approvals) { a.Erasing = true }, "", ""},
		{"nothing", own, func(a *Approvals) { *a = Approvals{} }, "allow-host imap.example.com", Host},
	} {
		r.approvals.Store(approved())
		r.approve(tt.change)
		before := r.signer.Status().Refused[tt.reason]
		_, err := r.issuer.Issue(t.Context(), tt.order)
		switch {
		case tt.want == "":
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		case !fault.Is(err, fault.SignerUnavailable) || !strings.Contains(err.Error(), tt.want) || fault.Of(err).RetryAfter != 0:
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		case r.signer.Status().Refused[tt.reason] != before+1:
			t.Errorf("%s: it isn't counted as %s", tt.name, tt.reason)
		default:
			r.has("reason=" + string(tt.reason))
		}
	}
}

// TestLimit checks the limit of signatures a minute.
func TestLimit(t *testing.T) {
	r := newRig(t, nil)
	at := time.Date(2031, 5, 6, 7, 8, 20, 0, time.UTC)
	r.now.Store(&at)
	r.approve(func(a *Approvals) { a.Limit = 3 })
	var list signing.Checksums
	if err := list.Add("a", sha256.Sum256(nil)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i := range 5 {
			_, err := r.issuer.Issue(t.Context(), order(t, settings.Mail, profile.IPhone))
			if i == 2 {
				_, err = r.issuer.SignChecksums(t.Context(), &list)
			}
			// The third profile was the last one. The list comes too late, as
			// do the others.
			if i < 2 && err != nil || i > 1 && (!fault.Is(err, fault.SignerUnavailable) || fault.Of(err).RetryAfter != 40*time.Second) {
				t.Errorf("signature %d: %v", i, err)
			}
		}
		next := at.Add(time.Minute)
		r.now.Store(&next)
	}
}

// TestWhoMayConnect checks that the kernel's information decides who may
// connect.
func TestWhoMayConnect(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"another user":        func(c *Config) { c.Users = []uint32{uint32(os.Getuid()) + 1} },
		"another group":       func(c *Config) { c.Users, c.Groups = nil, []uint32{uint32(os.Getgid()) + 1} },
		"nobody":              func(c *Config) { c.Users = nil },
		"the group of ours":   func(c *Config) { c.Users, c.Groups = nil, []uint32{uint32(os.Getgid())} },
		"the user of our own": nil,
	} {
		r := newRig(t, change)
		if strings.Contains(name, "our") {
			if _, err := r.issuer.Issue(t.Context(), order(t, settings.Mail, profile.IPhone)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: r.socket, Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		var one [1]byte
		if n, err := conn.Read(one[:]); err == nil {
			t.Errorf("%s: got %d bytes", name, n)
		}
		conn.Close()
		r.has("may not connect")
		if _, _, err := Look(t.Context(), ClientConfig{Socket: r.socket, Patience: time.Millisecond}); err == nil {
			t.Errorf("%s: it answers", name)
		}
	}
}

// TestRenewal replaces the certificate while many signatures are requested.
// The reported certificate must be the one that signed.
func TestRenewal(t *testing.T) {
	r := newRig(t, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	signers := map[string]int{}
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				signed, err := r.issuer.Issue(t.Context(), order(t, settings.Mail, profile.IPhone))
				if err != nil {
					t.Error(err)
					return
				}
				envelope, err := signing.Open(signed.Bytes)
				if err != nil || fmt.Sprintf("%x", sha256.Sum256(envelope.Signer.Raw)) != signed.Identity {
					t.Errorf("%v, or it was signed by another than is said", err)
				}
				mu.Lock()
				signers[signed.Identity]++
				mu.Unlock()
			}
		})
	}
	for range 10 {
		id := r.renew()
		for done := false; !done; pause(t.Context(), time.Millisecond) {
			mu.Lock()
			done = signers[id.Fingerprint()] > 0
			mu.Unlock()
		}
	}
	close(stop)
	wg.Wait()
	// Without a request, the client learns about it at the next status check.
	for id := r.renew(); r.client.Current().Describe().Fingerprint != id.Fingerprint(); {
		if !pause(t.Context(), time.Millisecond) {
			t.Fatal("the new certificate isn't reported")
		}
	}
}

// TestExpired checks that the client learns why the certificate can't be used.
func TestExpired(t *testing.T) {
	var at struct {
		sync.Mutex
		time.Time
	}
	at.Time = time.Now()
	now := func() time.Time { at.Lock(); defer at.Unlock(); return at.Time }
	r := newRig(t, nil)
	leaf := r.root.Leaf(t, "p256", nil)
	id, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert, r.root.Cert}, nil, now)
	if err != nil {
		t.Fatal(err)
	}
	r.identity.Store(id)
	at.Lock()
	at.Time = leaf.Cert.NotAfter.Add(time.Second)
	at.Unlock()
	_, err = r.issuer.Issue(t.Context(), order(t, settings.Mail, profile.IPhone))
	if !fault.Is(err, fault.SignerUnavailable) || !strings.Contains(err.Error(), "expired") {
		t.Errorf("got %v", err)
	}
	if s := r.signer.Status(); s.Usable == "ok" || s.Refused[Identity] != 1 {
		t.Errorf("%+v", s)
	}
}

// TestAway stops the signer and starts it again. Callers must wait for a
// while, then be told to try again later, and be served as soon as the signer
// is back.
func TestAway(t *testing.T) {
	r := newRig(t, nil)
	hasty := Dial(ClientConfig{Socket: r.socket, Patience: time.Millisecond})
	defer hasty.Close()
	patient := Dial(ClientConfig{Socket: r.socket, Patience: time.Hour})
	defer patient.Close()
	issuers := []*issue.Issuer{issue.New(r.signer.config.Texts, hasty.Current), issue.New(r.signer.config.Texts, patient.Current)}
	o := order(t, settings.Mail, profile.IPhone)
	if _, err := issuers[1].Issue(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	r.stop()
	for hasty.current() != nil || patient.current() != nil {
		pause(t.Context(), time.Millisecond)
	}
	if _, err := issuers[0].Issue(t.Context(), o); !fault.Is(err, fault.SignerUnavailable) || fault.Of(err).RetryAfter <= 0 {
		t.Errorf("got %v", err)
	}
	d := patient.Current().Describe()
	if e, ok := d.Fault.(*signing.IdentityError); !ok || e.Code != signing.SignerAway || d.Name == "" {
		t.Errorf("away: %+v", d)
	}
	// After a long time, callers no longer wait.
	patient.mu.Lock()
	patient.away = patient.away.Add(-2 * time.Hour)
	patient.mu.Unlock()
	if _, err := issuers[1].Issue(t.Context(), o); !fault.Is(err, fault.SignerUnavailable) {
		t.Errorf("long away: %v", err)
	}
	patient.set(nil)
	waiting := make(chan error)
	go func() {
		_, err := issuers[1].Issue(t.Context(), o)
		waiting <- err
	}()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := issuers[1].Issue(ctx, o)
		gone <- err
	}()
	cancel()
	if err := <-gone; err == nil || fault.Is(err, fault.SignerUnavailable) {
		t.Errorf("one who has gone: %v", err)
	}
	r.start()
	if err := <-waiting; err != nil {
		t.Errorf("one who has waited: %v", err)
	}
}

// TestReloadFailed checks that the client learns why newer files can't be
// used.
func TestReloadFailed(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Reload = func() error { return errors.New("the files are broken") } })
	if _, s, err := Look(t.Context(), ClientConfig{Socket: r.socket, Patience: time.Minute}); err != nil || s.Reload != "the files are broken" {
		t.Errorf("%v, %+v", err, s)
	}
	for r.client.Err() == nil {
		if !pause(t.Context(), time.Millisecond) {
			t.Fatal("the client doesn't say so")
		}
	}
}

// TestStatusJSON checks that the status names every reason.
func TestStatusJSON(t *testing.T) {
	r := newRig(t, nil)
	text, err := json.Marshal(r.signer.Status())
	if err != nil {
		t.Fatal(err)
	}
	for _, reason := range Reasons() {
		if !strings.Contains(string(text), fmt.Sprintf("%q:0", reason)) {
			t.Errorf("%s isn't in %s", reason, text)
		}
	}
}

// TestSummary checks that a flood of warnings is counted.
func TestSummary(t *testing.T) {
	var out log
	at := time.Date(2031, 5, 6, 7, 8, 20, 0, time.UTC)
	s := &summary{log: slog.New(slog.NewTextHandler(&out, nil)), most: 3, now: func() time.Time { return at }}
	for range 10 {
		s.warn("refused")
	}
	at = at.Add(time.Minute)
	s.warn("refused")
	if text := out.String(); strings.Count(text, "msg=refused") != 4 || !strings.Contains(text, "count=7 minute=2031-05-06T07:08:00Z") {
		t.Errorf("got %s", text)
	}
}
