package settings_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"regexp"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/settings"
)

func minutes(n int) time.Duration { return time.Duration(n) * time.Minute }

// A zone is a Resolver over a map.
type zone map[string][]string

func (z zone) LookupTXT(ctx context.Context, name string) ([]string, error) {
	if _, ok := ctx.Deadline(); !ok {
		return nil, errors.New("asked without a deadline")
	}
	texts, ok := z[name]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return texts, nil
}

func newProof(t *testing.T, secret byte, r settings.Resolver) *settings.DNSProof {
	t.Helper()
	return settings.NewDNSProof(crypt.Single(bytes.Repeat([]byte{secret}, 32)), r)
}

func TestProofRecord(t *testing.T) {
	p := newProof(t, 1, nil)
	name, value := p.Record("acc_1", "example.com")
	if name != "_mobileconfig.example.com" || !regexp.MustCompile(`^mobileconfig-domain=[a-z2-7]{30}$`).MatchString(value) {
		t.Errorf("got %s %s", name, value)
	}
	if _, again := p.Record("acc_1", "example.com"); again != value {
		t.Error("the record differs from time to time")
	}
	_, otherAccount := p.Record("acc_2", "example.com")
	_, otherDomain := p.Record("acc_1", "example.org")
	_, shifted := p.Record("acc_", "1example.com")
	_, otherSecret := newProof(t, 2, nil).Record("acc_1", "example.com")
	if all := []string{otherAccount, otherDomain, shifted, otherSecret}; slices.Contains(all, value) {
		t.Errorf("%s proves something else too: %q", value, all)
	}
}

func TestProves(t *testing.T) {
	_, value := newProof(t, 1, nil).Record("acc_1", "example.com")
	_, foreign := newProof(t, 1, nil).Record("acc_2", "example.com")
	many := slices.Repeat([]string{"v=spf1 -all"}, 19)
	tests := []struct {
		name  string
		texts []string
		want  bool
	}{
		{"alone", []string{value}, true},
		{"among others", append(slices.Clone(many), value), true},
		{"too far behind", append(slices.Clone(many), "x", value), false},
		{"another account's", []string{foreign}, false},
		{"with more around it", []string{value + " ", "x" + value, `"` + value + `"`}, false},
		{"none", []string{}, false},
	}
	for _, tt := range tests {
		p := newProof(t, 1, zone{"_mobileconfig.example.com.": tt.texts})
		if got, err := p.Proves(t.Context(), "acc_1", "example.com"); got != tt.want || err != nil {
			t.Errorf("%s: got %v, %v", tt.name, got, err)
		}
	}
	if got, err := newProof(t, 1, zone{}).Proves(t.Context(), "acc_1", "example.com"); got || err == nil {
		t.Errorf("without a record: %v, %v", got, err)
	}
}

// TestProvesByNet queries a real DNS server with the resolver of package net.
func TestProvesByNet(t *testing.T) {
	_, value := newProof(t, 1, nil).Record("acc_1", "example.com")
	address := serveTXT(t, "_mobileconfig.example.com.", []string{"another text", value[:10], value})
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", address)
	}}
	p := newProof(t, 1, resolver)
	if ok, err := p.Proves(t.Context(), "acc_1", "example.com"); !ok || err != nil {
		t.Errorf("got %v, %v", ok, err)
	}
	if ok, err := p.Proves(t.Context(), "acc_2", "example.com"); ok || err != nil {
		t.Errorf("another account: %v, %v", ok, err)
	}
	if ok, err := p.Proves(t.Context(), "acc_1", "example.org"); ok || err == nil {
		t.Errorf("another domain: %v, %v", ok, err)
	}
}

// serveTXT starts a DNS server that knows only the texts of one name.
func serveTXT(t *testing.T, name string, texts []string) (address string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	go func() {
		defer close(done)
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			if m.RCode = dnsmessage.RCodeNameError; m.Questions[0].Name.String() == name {
				m.RCode = dnsmessage.RCodeSuccess
				for _, text := range texts {
					header := dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET}
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.TXTResource{TXT: []string{text}}})
				}
			}
			answer, err := m.Pack()
			if err == nil {
				_, err = conn.WriteTo(answer, from)
			}
			if err != nil {
				return
			}
		}
	}()
	return conn.LocalAddr().String()
}
