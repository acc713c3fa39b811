package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
)

// TestSignatures checks which secrets sign during a rotation.
func TestSignatures(t *testing.T) {
	n := New(Config{Secret: crypt.Single([]byte(strings.Repeat("s", 32)))})
	now := time.Now()
	first, second := newSecret(), newSecret()
	w := Webhook{ID: "whk_1", Secret: n.cipher.Encrypt(second, "whk_1"), Previous: n.cipher.Encrypt(first, "whk_1"), Rotated: now.Add(-time.Hour)}
	body := []byte(`{"type":"test"}`)
	for _, tt := range []struct {
		rotated time.Time
		secret  secret
		want    bool
	}{
		{now.Add(-time.Hour), first, true}, {now.Add(-time.Hour), second, true},
		{now.Add(-RotationLife), first, false}, {now.Add(-RotationLife), second, true},
		{now.Add(-time.Hour), newSecret(), false},
	} {
		w.Rotated = tt.rotated
		signature, err := n.signatures(w, "msg_1", now, body)
		if err != nil {
			t.Fatal(err)
		}
		err = notifytest.Verify(tt.secret.String(), http.Header{
			"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature},
		}, body)
		if (err == nil) != tt.want {
			t.Errorf("rotated at %v, now it is %v: %v, want it to verify: %v", tt.rotated, now, err, tt.want)
		}
	}
	if _, err := n.cipher.Decrypt(w.Secret, "whk_2"); err == nil {
		t.Error("another webhook opens the secret")
	}
}

// TestSchedule checks the schedule of the specification: ten attempts in about
// three days.
func TestSchedule(t *testing.T) {
	var total time.Duration
	for tries := 1; ; tries++ {
		wait, ok := Again(tries)
		if !ok {
			if tries != 10 {
				t.Errorf("given up after %d tries", tries)
			}
			break
		}
		if least := schedule[tries]; wait < least || wait > least+least/10 {
			t.Errorf("try %d: %v, want %v and up to a tenth more", tries+1, wait, least)
		}
		total += wait
	}
	if total < 75*time.Hour || total > 84*time.Hour {
		t.Errorf("%v in all", total)
	}
}

func TestCheckURL(t *testing.T) {
	for _, good := range []string{"https://example.com", "https://example.com:8443/hook?a=b", "https://[2001:db8::1]/x", "https://192.0.2.1/"} {
		if err := checkURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "example.com", "http://example.com", "HTTPS//x", "https://", "https://u:p@example.com", "https://u@example.com",
		"https://example.com/#x", "https://example.com/a b", "https://example.com/\r\nX: y", "ftp://example.com", "file:///etc/passwd", "https://exämple.com",
		"https://%E2%93%9Bocalhost", "https://ex%C3%A4mple.com", "https://example.com%E2%80%AE", "https://[fe80::1%25eth0]", "https://example.com:0", "https://example.com:65536",
		"https://example.com:",
		"https://example.com/" + strings.Repeat("x", maxURL)} {
		if err := checkURL(bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func newRelay(t *testing.T, s *notifytest.Server) *Relay {
	t.Helper()
	r, err := NewRelay(RelayConfig{Server: s.Address, From: "setup@example.org", Roots: s.Roots})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRelay(t *testing.T) {
	for _, starttls := range []bool{false, true} {
		t.Run(fmt.Sprintf("starttls=%v", starttls), func(t *testing.T) {
			s := notifytest.New(t, starttls)
			r := newRelay(t, s)
			for range 2 {
				if err := r.Send(t.Context(), Mail{ID: "msg_1", To: "jane@example.com", Subject: "Grüße", Text: "ä text", HTML: "<p>ä html</p>"}); err != nil {
					t.Fatal(err)
				}
			}
			all := s.Mails()
			if len(all) != 2 || !slices.Equal(all[0].To, []string{"<jane@example.com>"}) || !strings.HasPrefix(all[0].From, "<setup@example.org>") {
				t.Fatalf("got %+v", all)
			}
			for _, m := range all {
				if id := header(t, m).Get("Message-Id"); id != "<msg_1@example.org>" {
					t.Errorf("the Message-ID is %q", id)
				}
				for _, want := range []string{"multipart/alternative", "text/plain", "text/html", "Auto-Submitted: auto-generated"} {
					if !strings.Contains(m.Data, want) {
						t.Errorf("no %q in\n%s", want, m.Data)
					}
				}
			}
		})
	}
}

// TestRelayNeedsTLS checks that no email is sent to a server that offers no
// TLS or can't prove its identity.
func TestRelayNeedsTLS(t *testing.T) {
	s, other := notifytest.New(t, false), notifytest.New(t, false)
	plain := notifytest.New(t, true) // speaks plain text first
	for name, c := range map[string]RelayConfig{
		"another authority":     {Server: s.Address, Roots: other.Roots},
		"the system's":          {Server: s.Address},
		"no TLS from the start": {Server: profile.Server{Host: plain.Address.Host, Port: plain.Address.Port}, Roots: plain.Roots},
		"another name":          {Server: profile.Server{Host: "localhost", Port: s.Address.Port}, Roots: s.Roots},
	} {
		c.From = "setup@example.org"
		r, err := NewRelay(c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		err = r.Send(ctx, Mail{ID: "msg_1", To: "jane@example.com", Subject: "x", Text: "x", HTML: "x"})
		cancel()
		if e, ok := errors.AsType[*SendError](err); !ok || e.Permanent {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(s.Mails())+len(plain.Mails()) > 0 {
		t.Error("an email was sent")
	}
}

func TestRelayAnswers(t *testing.T) {
	s := notifytest.New(t, false)
	r := newRelay(t, s)
	for answer, permanent := range map[string]bool{"451 later": false, "550 never": true} {
		s.Answer = func(int) string { return answer }
		err := r.Send(t.Context(), Mail{ID: "msg_1", To: "jane@example.com", Subject: "x", Text: "x", HTML: "x"})
		if e, ok := errors.AsType[*SendError](err); !ok || e.Permanent != permanent || e.Failure != Refused {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

// TestRelayTalksFirst makes a server fail before the email is sent. It checks
// that the reply decides the failure and that the connection is closed.
func TestRelayTalksFirst(t *testing.T) {
	for script, want := range map[string]Failure{
		"554 go away": Refused,
		"220 hello\n554 not you\n554 nor by HELO":      Refused,
		"220 hello\n250 no TLS here":                   Unreachable,
		"220 hello\n250-x\n250 STARTTLS\n454 none now": Refused,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		closed := make(chan error, 1)
		go func() {
			conn, err := l.Accept()
			if err == nil {
				defer conn.Close()
				fmt.Fprint(conn, strings.ReplaceAll(script, "\n", "\r\n")+"\r\n")
				_ = conn.SetReadDeadline(time.Now().Add(2 * time.Minute))
				_, err = io.Copy(io.Discard, conn)
			}
			closed <- err
		}()
		r, err := NewRelay(RelayConfig{Server: profile.Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, STARTTLS: true}, From: "setup@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		err = r.Send(t.Context(), Mail{ID: "msg_1", To: "jane@example.com", Subject: "x", Text: "x", HTML: "x"})
		if e, ok := errors.AsType[*SendError](err); !ok || e.Failure != want || e.Permanent {
			t.Errorf("%q: %v %v, want %s", script, e, err, want)
		}
		if err := <-closed; err != nil {
			t.Errorf("%q: the connection stays open: %v", script, err)
		}
		l.Close()
	}
}

// TestHeaderInjection tries to end a header with strings in every field.
func TestHeaderInjection(t *testing.T) {
	s := notifytest.New(t, false)
	r := newRelay(t, s)
	breaks := []string{"\r\n", "\n", "\r", "\n\n", "\r\n\r\n", "\v", "\f", "\u0085", "\u2028", "\u2029", "%0d%0a", "\x00\r\n", "=0D=0A", "?=\r\n", "\r\n "}
	headers := []string{"Bcc: eve@example.net", "To: eve@example.net", "X-Injected: 1", "Content-Type: text/evil", "From: eve@example.net"}
	allowed := []string{"Auto-Submitted", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
	sent, tried := 0, 0
	for _, b := range breaks {
		for _, h := range headers {
			bad := "Jane" + b + h + b
			for _, m := range []Mail{
				{Subject: bad, To: "jane@example.com"}, {Subject: bad + strings.Repeat("x", rand.IntN(200)), To: "jane@example.com"},
				{Subject: "x", To: "jane@example.com" + b + h}, {Subject: "x", To: "jane" + b + h + "@example.com"},
			} {
				m.ID, m.Text, m.HTML = "msg_1", bad, bad
				tried++
				if r.Send(t.Context(), m) != nil {
					continue
				}
				sent++
				got := s.Mails()[len(s.Mails())-1]
				if !slices.Equal(got.To, []string{"<" + m.To + ">"}) && len(got.To) != 1 {
					t.Errorf("%q: recipients %q", bad, got.To)
				}
				names := header(t, got)
				for name, values := range names {
					if !slices.Contains(allowed, name) || len(values) != 1 {
						t.Errorf("%q: header %s: %q", bad, name, values)
					}
				}
				if from := names["From"]; len(from) != 1 || !strings.Contains(from[0], "setup@example.org") {
					t.Errorf("%q: from %q", bad, from)
				}
			}
		}
	}
	if tried < 300 || sent < 150 {
		t.Errorf("%d tried, %d sent", tried, sent)
	}
}

func header(t *testing.T, m notifytest.Mail) mail.Header {
	t.Helper()
	got, err := mail.ReadMessage(strings.NewReader(m.Data))
	if err != nil {
		t.Fatalf("%v in\n%s", err, m.Data)
	}
	if _, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject")); err != nil {
		t.Errorf("subject: %v", err)
	}
	return got.Header
}
