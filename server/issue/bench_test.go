//go:build !race

package issue_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A part of what it takes to issue a profile.
type part struct {
	name string
	op   func() error
}

// parts returns the parts of issuing the order's profile, and the whole. Their
// names begin with the prefix.
func parts(b testing.TB, prefix string, i *issue.Issuer, id signing.Signer, o issue.Order) []part {
	b.Helper()
	data, err := i.Build(o)
	if err != nil {
		b.Fatal(err)
	}
	terms, err := i.Terms(o)
	if err != nil {
		b.Fatal(err)
	}
	cleared, err := gate.Check(data, terms)
	if err != nil {
		b.Fatal(err)
	}
	return []part{
		{prefix + "encode", func() error { _, err := i.Build(o); return err }},
		{prefix + "gate", func() error { return gate.With(data, terms, func(gate.Cleared) {}) }},
		{prefix + "sign", func() error { _, err := id.Sign(b.Context(), cleared); return err }},
		{prefix + "whole", func() error { _, err := i.Issue(b.Context(), o); return err }},
	}
}

// gcPercent is the garbage collector setting of serve.
const gcPercent = 400

// BenchmarkIssue times the parts of a signed profile with mail and policy, and
// of one with only mail, against the raw signature, with the memory settings of
// serve.
func BenchmarkIssue(b *testing.B) {
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	}
	for _, kind := range []string{"p256", "p384", "rsa-2048", "rsa-3072"} {
		i, leaf, pool := issuer(b, kind, nil)
		id, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, pool, nil)
		if err != nil {
			b.Fatal(err)
		}
		all := append(parts(b, "", i, id, order(b, settings.Secure, profile.IPhone)), parts(b, "mail-", i, id, order(b, settings.Mail, profile.IPhone))...)
		for _, goroutines := range []int{1, 2} {
			for _, part := range all {
				b.Run(fmt.Sprintf("%s/goroutines=%d/%s", kind, goroutines, part.name), func(b *testing.B) {
					signingtest.Ratio(b, leaf.Key, goroutines, part.op)
				})
			}
		}
	}
}

// maxAllocations is how many allocations a profile may take besides those of
// its signature.
const maxAllocations = 40

// TestAllocations limits allocations, because garbage collection slows two
// cores down.
func TestAllocations(t *testing.T) {
	for _, kind := range []string{"p256", "rsa-2048"} {
		i, leaf, pool := issuer(t, kind, nil)
		id, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, pool, nil)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256([]byte("raw"))
		raw := testing.AllocsPerRun(200, func() {
			if _, err := leaf.Key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
				t.Fatal(err)
			}
		})
		for _, v := range []settings.Variant{settings.Mail, settings.Secure} {
			for _, part := range parts(t, string(v)+" ", i, id, order(t, v, profile.IPhone)) {
				got := testing.AllocsPerRun(200, func() {
					if err := part.op(); err != nil {
						t.Fatal(err)
					}
				})
				t.Logf("%s %s: %.0f allocations, the raw signature %.0f", kind, part.name, got, raw)
				if got > raw+maxAllocations {
					t.Errorf("%s %s: %.0f allocations, which is %.0f more than the signature's", kind, part.name, got, got-raw)
				}
			}
		}
	}
}
