package server_test

import (
	"crypto"
	"crypto/x509"
	"go/ast"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A slowKey counts its signatures, and makes each wait until it's released,
// like a key in a hardware module or in another process.
type slowKey struct {
	crypto.Signer
	calls atomic.Int64
	begun chan struct{} // receives when a signature is requested
	let   chan struct{} // closed: signatures continue
}

func (k *slowKey) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	k.calls.Add(1)
	k.begun <- struct{}{}
	<-k.let
	return k.Signer.Sign(random, digest, opts)
}

// TestSlowKey runs the whole server with a key that can only sign. While
// signatures wait, everything else works, and each profile is signed once.
func TestSlowKey(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		root := signingtest.Root(t, "p256")
		leaf := root.Leaf(t, "p256", nil)
		roots := x509.NewCertPool()
		roots.AddCert(root.Cert)
		const callers = 8
		key := &slowKey{Signer: leaf.Key, begun: make(chan struct{}, callers), let: make(chan struct{})}
		id, err := signing.New(key, []*x509.Certificate{leaf.Cert}, roots, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := servertest.New(t, database, func(c *server.Config) { c.Identity = server.Fixed(id) })
		tickets := make([]string, callers)
		for i := range tickets {
			tickets[i] = s.Ticket(s.Link("jane@example.com"), "mail")
		}
		var wg sync.WaitGroup
		for _, ticket := range tickets {
			wg.Go(func() {
				a := s.Get(ticket)
				envelope, err := signing.Open(a.Body)
				if a.Status != http.StatusOK || err != nil || !envelope.Signer.Equal(leaf.Cert) {
					t.Errorf("%d, %v", a.Status, err)
				}
			})
		}
		for range callers {
			<-key.begun
		}
		for _, path := range []string{"/healthz", "/readyz", "/"} {
			if a := s.Get(path); a.Status != http.StatusOK {
				t.Errorf("%s while signatures wait: %d", path, a.Status)
			}
		}
		close(key.let)
		wg.Wait()
		if got := key.calls.Load(); got != callers {
			t.Errorf("%d signatures for %d profiles", got, callers)
		}
	})
}

// TestPagesOnlyUseTheDescription checks that packages that only show the
// signer don't use it.
func TestPagesOnlyUseTheDescription(t *testing.T) {
	source(t, func(pkg, path string, file *ast.File) {
		if !slices.Contains([]string{"server/api", "server/panel", "server/pages"}, pkg) {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "signing" && s.Sel.Name != "Description" {
					t.Errorf("%s uses signing.%s", strings.TrimPrefix(path, "../"), s.Sel.Name)
				}
			}
			return true
		})
	})
}
