package signerd

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzFrames reads frames as both sides do, and checks that encoding them
// gives the same bytes.
func FuzzFrames(f *testing.F) {
	f.Add(appendFrame(nil, askSign, 7, []byte("a claim")))
	f.Add(appendFrame(appendFrame(nil, askStatus, 1), askChecksums, 2, bytes.Repeat([]byte("x"), 70_000)))
	f.Add(appendFrame(appendFrame(nil, described, 0, []byte(`{"name":"x"}`)), refused, 9, []byte(`{"reason":"host"}`)))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, byte(askChecksums), 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, may := range []func(kind) bool{kind.isQuestion, isAnswer} {
			r := bufio.NewReader(bytes.NewReader(data))
			var again []byte
			buffer := make([]byte, 16)
			for {
				read, err := readFrame(r, may, buffer)
				if err != nil {
					break
				}
				if !may(read.kind) || len(read.body) > read.kind.limit() {
					t.Fatalf("a frame of kind %d with %d bytes", read.kind, len(read.body))
				}
				again = appendFrame(again, read.kind, read.number, read.body)
			}
			if !bytes.HasPrefix(data, again) {
				t.Fatalf("%x was read as %x", data, again)
			}
		}
	})
}

// FuzzClaim reads claims. It checks that each has one encoding, and that
// judging them is safe.
func FuzzClaim(f *testing.F) {
	r := newRig(f, nil)
	a := &attacker{rig: r}
	for _, o := range orders(f) {
		c, data := a.honest(o)
		body, err := c.appendTo(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(body, data...))
	}
	approvals := Approvals{Hosts: []string{"*.example.com"}, Domains: []string{AnyDomain}, Erasing: true}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := readClaim(data)
		if err != nil {
			return
		}
		again, err := c.appendTo(nil)
		if err != nil || !bytes.Equal(append(again, c.profile...), data) {
			t.Fatalf("%v: %x was read as %+v", err, data, c)
		}
		if no := approvals.judge(&c); no != nil && no.Detail == "" {
			t.Fatal("a refusal without words")
		}
		if terms, no := r.signer.terms(&c); no == nil && terms.Address != c.address {
			t.Fatalf("%+v has the terms of %s", c, terms.Address)
		}
	})
}

// FuzzParts reads answers with signatures, and checks that each has one
// encoding.
func FuzzParts(f *testing.F) {
	f.Add(parts{[32]byte{1}, []byte("before"), []byte("after")}.encode())
	f.Add([]byte("a signature"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := readParts(data)
		if err == nil && !bytes.Equal(p.encode(), data) {
			t.Fatalf("%x was read as %+v", data, p)
		}
	})
}

// FuzzApprovals reads approvals, and checks that storing them gives the same
// approvals.
func FuzzApprovals(f *testing.F) {
	f.Add(encode(approved()))
	f.Add([]byte(`{"hosts":["*.example.com"],"domains":["*"],"organizations":["Müller & Söhne"],"erasing":true,"limit":600}`))
	f.Add([]byte(`{"hosts":["*.com"]} {}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readApprovals(data)
		if err != nil {
			return
		}
		again, err := readApprovals(encode(a))
		if err != nil || !bytes.Equal(encode(again), encode(a)) {
			t.Fatalf("%v: %q is %+v, and then %+v", err, data, a, again)
		}
	})
}
