package issue_test

import (
	"crypto/x509"
	"fmt"
	"testing"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// BenchmarkIssue times the parts of a signed profile with mail and policy,
// and the whole, against the raw signature.
func BenchmarkIssue(b *testing.B) {
	for _, kind := range []string{"p256", "rsa-2048"} {
		i, leaf, pool := issuer(b, kind, nil)
		id, err := signing.New(leaf.Key, []*x509.Certificate{leaf.Cert}, pool, nil)
		if err != nil {
			b.Fatal(err)
		}
		o := order(b, settings.Secure, profile.IPhone)
		data, err := i.Build(o)
		if err != nil {
			b.Fatal(err)
		}
		terms := gate.Terms{Address: o.Person.Address.String(), Hosts: []string{"imap.example.com", "smtp.example.com"}, Policy: true}
		cleared, err := gate.Check(data, terms)
		if err != nil {
			b.Fatal(err)
		}
		parts := []struct {
			name string
			op   func() error
		}{
			{"encode", func() error { _, err := i.Build(o); return err }},
			{"gate", func() error { _, err := gate.Check(data, terms); return err }},
			{"sign", func() error { _, err := id.Sign(b.Context(), cleared); return err }},
			{"whole", func() error { _, err := i.Issue(b.Context(), o); return err }},
		}
		for _, goroutines := range []int{1, 2} {
			for _, part := range parts {
				b.Run(fmt.Sprintf("%s/goroutines=%d/%s", kind, goroutines, part.name), func(b *testing.B) {
					signingtest.Ratio(b, leaf.Key, goroutines, part.op)
				})
			}
		}
	}
}
