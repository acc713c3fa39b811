package notify_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/notify/notifytest"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// mailing starts a server that sends email through Postfix.
func mailing(t *testing.T, database string, p *notifytest.Postfix, c notifytest.Certificate, starttls bool) *servertest.Server {
	t.Helper()
	return servertest.Notifying(t, database, nil, func(config *server.Config) {
		config.Mail = &notify.RelayConfig{Server: p.Address(c, starttls), From: "setup@example.org", Roots: p.Roots}
	})
}

// TestPostfix sends email to a real Postfix over TLS.
func TestPostfix(t *testing.T) {
	t.Parallel()
	p := notifytest.NewPostfix(t)
	for _, starttls := range []bool{false, true} {
		t.Run(fmt.Sprintf("starttls=%v", starttls), func(t *testing.T) {
			storetest.EachDatabase(t, func(t *testing.T, database string) {
				name, _, _ := strings.Cut(database, ":")
				owner := fmt.Sprintf("olga-%s-%v@example.com", name, starttls)
				s := mailing(t, database, p, notifytest.Good, starttls)
				s.Owner(owner)
				var got []*mail.Message
				servertest.Eventually(t, "two mails", func() bool {
					got = p.Mails(t, owner)
					return len(got) >= 2
				})
				for subject, want := range map[string]string{"New member": owner, "factor": "Safari"} {
					i := slices.IndexFunc(got, func(m *mail.Message) bool { return strings.Contains(subjectOf(t, m), subject) })
					if i < 0 {
						t.Errorf("no mail %q", subject)
						continue
					}
					wantMail(t, got[i], owner, want)
				}
				servertest.Eventually(t, "the deliveries to be sent", func() bool {
					return slices.Equal(slices.Compact(storetest.Column(t, database, `SELECT state || failure FROM deliveries`)), []string{"sent"})
				})
			})
		})
	}
}

func subjectOf(t *testing.T, m *mail.Message) string {
	t.Helper()
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		t.Error(err)
	}
	return subject
}

// wantMail checks the headers of an email, that it arrived over TLS, and the
// text in both parts.
func wantMail(t *testing.T, m *mail.Message, to, text string) {
	t.Helper()
	for name, want := range map[string]string{
		"From": `"mobileconfig" <setup@example.org>`, "To": "<" + to + ">", "Delivered-To": to, "Return-Path": "<setup@example.org>",
		"Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
	} {
		if got := m.Header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if id := m.Header.Get("Message-Id"); !strings.HasPrefix(id, "<msg_") || !strings.HasSuffix(id, "@example.org>") {
		t.Errorf("the Message-ID is %q", id)
	}
	if _, err := m.Header.Date(); err != nil {
		t.Error(err)
	}
	if got := m.Header.Get("Received"); !strings.Contains(got, "TLSv1.3") || !strings.Contains(got, "with ESMTPS") {
		t.Errorf("it came by %q", got)
	}
	parts := partsOf(t, m)
	plain, html := parts["text/plain"], parts["text/html"]
	if !strings.Contains(plain, text) || strings.Contains(plain, "<html") || !strings.Contains(html, text) || !strings.Contains(html, "</html>") {
		t.Errorf("no %q in the text %q or the page %q", text, plain, html)
	}
}

// partsOf returns the parts of an email by type.
func partsOf(t *testing.T, m *mail.Message) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%v, the type is %q", err, kind)
	}
	parts := map[string]string{}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(part.Header.Get("Content-Type"))
		if err != nil || !strings.EqualFold(params["charset"], "utf-8") {
			t.Errorf("%v, the type of a part is %q with %v", err, kind, params)
		}
		content, err := io.ReadAll(decoded(part.Header, part))
		if err != nil {
			t.Error(err)
		}
		parts[kind] = string(content)
	}
}

func decoded(h textproto.MIMEHeader, r io.Reader) io.Reader {
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	}
	return r
}

// TestPostfixNotTheOne checks that no email is sent to a Postfix that can't
// prove its identity.
func TestPostfixNotTheOne(t *testing.T) {
	t.Parallel()
	p := notifytest.NewPostfix(t)
	for _, certificate := range []notifytest.Certificate{notifytest.Expired, notifytest.WrongName, notifytest.SelfSigned} {
		for _, starttls := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, starttls=%v", certificate, starttls), func(t *testing.T) {
				database := storetest.SQLite(t)
				s := mailing(t, database, p, certificate, starttls)
				s.Owner("olga@example.com")
				servertest.Eventually(t, "two deliveries to fail", func() bool {
					return slices.Equal(storetest.Column(t, database, `SELECT failure || ' ' || state FROM deliveries`), []string{"tls waiting", "tls waiting"})
				})
			})
		}
	}
	if got := p.Mails(t, "olga@example.com"); len(got) > 0 || strings.Contains(p.Log(t), "from=<setup@example.org>") {
		t.Errorf("%d emails were sent", len(got))
	}
}
