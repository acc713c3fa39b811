// Package dialtest resolves names for tests, so that they need no network, and
// gives them free addresses.
package dialtest

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A Question is what a resolver asks: the addresses of a name of one family,
// its services or its texts.
type Question struct {
	Name string // lower case, without the final dot
	IPv6 bool
}

// An Answer is the records of a name, of which those that match the question
// are sent. If it is empty, the name doesn't exist.
type Answer struct {
	Alias    string // the target, if it is an alias
	Addrs    []netip.Addr
	Services []net.SRV
	Texts    []string
	// Exchanges are the MX hosts of the name.
	Exchanges []net.MX
	Fails     bool // the server returns SERVFAIL
}

// Addrs returns an answer with addresses.
func Addrs(addrs ...string) Answer {
	var a Answer
	for _, s := range addrs {
		a.Addrs = append(a.Addrs, netip.MustParseAddr(s))
	}
	return a
}

// Nothing returns a resolver that knows no names and sends nothing.
func Nothing() *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("dialtest: no network")
	}}
}

// Resolver returns a resolver that uses a DNS server of the test, which calls
// answer for each question, one at a time.
func Resolver(t testing.TB, answer func(Question) Answer) *net.Resolver {
	t.Helper()
	address := Server(t, answer)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", address)
	}}
}

// Server is the DNS server of Resolver; it returns its address, for UDP and
// TCP.
func Server(t testing.TB, answer func(Question) Answer) string {
	t.Helper()
	stream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := net.ListenPacket("udp", stream.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var one sync.Mutex
	locked := func(q Question) Answer {
		one.Lock()
		defer one.Unlock()
		return answer(q)
	}
	var group sync.WaitGroup
	group.Go(func() { serve(server, locked) })
	group.Go(func() { serveStreams(stream, locked) })
	t.Cleanup(func() {
		server.Close()
		stream.Close()
		group.Wait()
	})
	return server.LocalAddr().String()
}

// serveStreams serves one connection after the other until the listener is
// closed.
func serveStreams(l net.Listener, answer func(Question) Answer) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		for {
			var size [2]byte
			if _, err := io.ReadFull(conn, size[:]); err != nil {
				break
			}
			message := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(conn, message); err != nil {
				break
			}
			data := reply(message, answer)
			if data == nil {
				break
			}
			if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(data))), data...)); err != nil {
				break
			}
		}
		conn.Close()
	}
}

// serve answers until the socket is closed.
func serve(server net.PacketConn, answer func(Question) Answer) {
	buffer := make([]byte, 1500)
	for {
		n, from, err := server.ReadFrom(buffer)
		if err != nil {
			return
		}
		if data := reply(buffer[:n], answer); data != nil {
			server.WriteTo(data, from)
		}
	}
}

// reply returns the answer to a message, or nil if that isn't a question.
func reply(message []byte, answer func(Question) Answer) []byte {
	var m dnsmessage.Message
	if m.Unpack(message) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	name := strings.ToLower(strings.TrimSuffix(q.Name.String(), "."))
	out := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true},
		Questions: m.Questions,
	}
	fill(&out, q, answer(Question{name, q.Type == dnsmessage.TypeAAAA}))
	data, err := out.Pack()
	if err != nil {
		return nil
	}
	return data
}

// fill puts the answer into the reply: an alias comes with the addresses of its
// target, as a recursive server sends it.
func fill(reply *dnsmessage.Message, q dnsmessage.Question, a Answer) {
	owner := q.Name
	if a.Alias != "" {
		owner = dnsmessage.MustNewName(a.Alias + ".")
		reply.Answers = append(reply.Answers, record(q.Name, &dnsmessage.CNAMEResource{CNAME: owner}))
	}
	for _, addr := range a.Addrs {
		switch {
		case addr.Is4() && q.Type == dnsmessage.TypeA:
			reply.Answers = append(reply.Answers, record(owner, &dnsmessage.AResource{A: addr.As4()}))
		case !addr.Is4() && q.Type == dnsmessage.TypeAAAA:
			reply.Answers = append(reply.Answers, record(owner, &dnsmessage.AAAAResource{AAAA: addr.As16()}))
		}
	}
	fillOthers(reply, q, a)
	switch {
	case a.Fails:
		reply.RCode = dnsmessage.RCodeServerFailure
	case len(a.Addrs)+len(a.Services)+len(a.Texts)+len(a.Exchanges) == 0:
		reply.RCode = dnsmessage.RCodeNameError
	}
}

// fillOthers adds records that aren't addresses.
func fillOthers(reply *dnsmessage.Message, q dnsmessage.Question, a Answer) {
	switch q.Type {
	case dnsmessage.TypeSRV:
		for _, s := range a.Services {
			reply.Answers = append(reply.Answers, record(q.Name, &dnsmessage.SRVResource{
				Priority: s.Priority, Weight: s.Weight, Port: s.Port, Target: dnsmessage.MustNewName(s.Target)}))
		}
	case dnsmessage.TypeMX:
		for _, mx := range a.Exchanges {
			reply.Answers = append(reply.Answers, record(q.Name, &dnsmessage.MXResource{Pref: mx.Pref, MX: dnsmessage.MustNewName(mx.Host)}))
		}
	case dnsmessage.TypeTXT:
		for _, text := range a.Texts {
			reply.Answers = append(reply.Answers, record(q.Name, &dnsmessage.TXTResource{TXT: []string{text}}))
		}
	}
}

func record(name dnsmessage.Name, body dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET}, Body: body}
}
