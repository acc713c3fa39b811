package batch_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
	"github.com/updatecase/mobileconfig/templates"
)

// A rig creates batches with its own identity.
type rig struct {
	root   signingtest.Pair
	id     *signing.Identity
	issuer *issue.Issuer
}

func newRig(t testing.TB, kind string) *rig {
	t.Helper()
	root := signingtest.Root(t, kind)
	middle := root.Intermediate(t, kind)
	leaf := middle.Leaf(t, kind, func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 6, 0) })
	pool := x509.NewCertPool()
	pool.AddCert(root.Cert)
	id, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert, middle.Cert}, pool, nil)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := templates.Words()
	if err != nil {
		t.Fatal(err)
	}
	return &rig{root, id, issue.New(texts, func() signing.Signer { return id })}
}

// orders allows everything on two servers.
func orders(who issue.Person, what batch.FileKind) (issue.Order, error) {
	return issue.Order{
		Service: settings.MailService{Incoming: profile.Server{Host: "imap.example.com", Port: 993}, Outgoing: profile.Server{Host: "smtp.example.com", Port: 465}},
		Person:  who, Platform: what.Platform, Variant: what.Variant, Policy: profile.DefaultPasscode(),
	}, nil
}

func (r *rig) maker() *batch.Maker {
	return &batch.Maker{Issuer: r.issuer, Orders: orders, Declare: func(domain string, p profile.Platform) ([]profile.Declaration, error) {
		return r.issuer.Declare(settings.Domain{Name: domain, DevicePolicy: profile.DefaultPasscode()}, p)
	}}
}

// A choice is how a test configures a batch.
type choice struct {
	batch.Options
	batch.Defaults
	declarations bool
	problem      func(batch.Problem)
	progress     func(int)
}

func (c choice) checking() batch.Checking {
	if c.Platforms == "" {
		c.Platforms = batch.IPhone
	}
	if c.Variant == "" {
		c.Variant = settings.Mail
	}
	return batch.Checking{Defaults: c.Defaults, Orders: orders, Declarations: c.declarations, Problem: c.problem}
}

// made is when all batches of tests are created.
var made = time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC)

func (r *rig) about() (string, batch.About) {
	d := r.id.Describe()
	return "key", batch.About{Batch: "test", Created: made, Tool: "test", Signer: batch.Signer{Name: d.Name, Fingerprint: d.Fingerprint, NotAfter: d.NotAfter}}
}

// run creates a batch from the input beside the output, skips bad rows, and
// returns its plan and the names of the archives.
func (r *rig) run(t testing.TB, output string, input io.Reader, c choice) (*batch.Plan, []string) {
	t.Helper()
	b, err := batch.Begin(output + ".unfinished")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := batch.NewReader(input, c.Options)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := b.Check(t.Context(), reader, c.checking(), r.about)
	if err != nil {
		t.Fatal(err)
	}
	r.finish(t, b, output, c)
	archives, _ := b.Names(output)
	return plan, archives
}

func (r *rig) finish(t testing.TB, b *batch.Batch, output string, c choice) {
	t.Helper()
	progress := c.progress
	if progress == nil {
		progress = func(int) {}
	}
	if err := b.Make(context.WithoutCancel(t.Context()), r.maker(), progress); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(output); err != nil {
		t.Fatal(err)
	}
}

// people is an input with n rows.
func people(n int) io.Reader {
	return &generator{n: n, row: func(i int) string { return fmt.Sprintf("jane.doe%d@example.com,Jane Doe,%d,Sales\n", i, i) }, next: []byte("email,display_name,external_id,group\n")}
}

// A generator generates rows one at a time.
type generator struct {
	n, i int
	row  func(int) string
	next []byte
}

func (g *generator) Read(p []byte) (int, error) {
	for len(g.next) < len(p) && g.i < g.n {
		g.next = append(g.next, g.row(g.i)...)
		g.i++
	}
	if len(g.next) == 0 {
		return 0, io.EOF
	}
	n := copy(p, g.next)
	g.next = append(g.next[:0], g.next[n:]...)
	return n, nil
}

// check only checks an input, and returns its plan, problems and errors.csv.
func check(t testing.TB, input string, c choice) (plan *batch.Plan, problems []batch.Problem, errorsFile string, err error) {
	t.Helper()
	reader, err := batch.NewReader(strings.NewReader(input), c.Options)
	if err != nil {
		return nil, nil, "", err
	}
	c.problem = func(p batch.Problem) { problems = append(problems, p) }
	var bad bytes.Buffer
	checking := c.checking()
	checking.Rows, checking.Errors = io.Discard, &bad
	plan, err = batch.Check(t.Context(), reader, checking)
	return plan, problems, bad.String(), err
}

// needs skips the test if a program isn't installed, unless all tests must run.
func needs(t testing.TB, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil && os.Getenv("MOBILECONFIG_TEST_ALL") != "1" {
			t.Skipf("%s is not installed", program)
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func output(t testing.TB) string { return filepath.Join(t.TempDir(), "out.zip") }
