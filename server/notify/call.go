package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"time"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/dial"
)

const (
	// CallTimeout is how long an endpoint may take to answer.
	CallTimeout = 20 * time.Second
	// maxAnswer is how much of an answer is read and discarded.
	maxAnswer = 16 << 10
	// maxWait is the longest delay that an endpoint can request.
	maxWait = 24 * time.Hour
)

// A Message is the body of a call, in the form of the Standard Webhooks
// specification.
type Message struct {
	Type      Type      `json:"type"`
	Timestamp time.Time `json:"timestamp"` // of the event
	Data      Data      `json:"data"`
}

// Data describes the event. Empty fields are left out.
type Data struct {
	Account  string         `json:"account"`
	Sequence int64          `json:"sequence,omitempty"` // in the account's action log
	Action   audit.Name     `json:"action,omitempty"`
	Outcome  audit.Outcome  `json:"outcome,omitempty"`
	Actor    *audit.Party   `json:"actor,omitempty"`
	Target   *audit.Party   `json:"target,omitempty"`
	Link     string         `json:"link,omitempty"`
	External string         `json:"external_id,omitempty"` // of the link
	Changes  []audit.Change `json:"changes,omitempty"`
	Note     string         `json:"note,omitempty"` // of a LogCheckpoint: the signed note
}

// message returns the same message at every attempt.
func message(t Try) ([]byte, error) {
	m, err := messageOf(t)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	return body, nil
}

// errUnreadable means that an action was altered directly in the database.
var errUnreadable = errors.New("notify: the action can't be read")

func messageOf(t Try) (Message, error) {
	m := Message{Type: t.Type, Timestamp: t.Created.UTC(), Data: Data{Account: t.Account, Sequence: t.Seq, Note: string(t.Note)}}
	if t.hasAction() {
		a := t.Record.View()
		if a.Unreadable {
			return m, fmt.Errorf("%w: %d", errUnreadable, a.Seq)
		}
		m.Timestamp = a.Time
		m.Data.Action, m.Data.Outcome, m.Data.Actor, m.Data.Target = a.Action, a.Outcome, a.Actor, a.Target
		m.Data.Link, m.Data.External, m.Data.Changes = a.Link, t.ExternalID, a.Changes
	}
	return m, nil
}

// call makes one call. It returns the outcome and the delay that the endpoint
// requests.
func (n *Notifier) call(ctx context.Context, w Webhook, t Try) (Outcome, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	req, err := n.request(ctx, w, t)
	if err != nil {
		return Outcome{}, 0, err
	}
	res, err := n.Client.Do(req)
	if err != nil {
		return Outcome{State: Waiting, Failure: callFailure(err)}, 0, nil
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, maxAnswer) // its content doesn't matter
	o := Outcome{State: Waiting, Status: res.StatusCode}
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return Outcome{State: Sent, Status: res.StatusCode}, 0, nil
	case res.StatusCode >= 300 && res.StatusCode < 400:
		o.Failure = Redirected
	default:
		o.Failure = BadStatus
	}
	return o, retryAfter(res, n.Now()), nil
}

func (n *Notifier) request(ctx context.Context, w Webhook, t Try) (*http.Request, error) {
	body, err := message(t)
	if err != nil {
		return nil, err
	}
	now := n.Now()
	signature, err := n.signatures(w, t.Message, now, body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	setHeader(req.Header, t.Message, now, signature)
	return req, nil
}

// signatures returns the signatures by the secret and, during a rotation, by
// the previous secret.
func (n *Notifier) signatures(w Webhook, id string, now time.Time, body []byte) (string, error) {
	s, err := n.cipher.Decrypt(w.Secret, w.ID)
	if err != nil {
		return "", fmt.Errorf("notify: %w", err)
	}
	text := secret(s).sign(id, now, body)
	if w.Previous == nil || !now.Before(w.Rotated.Add(RotationLife)) {
		return text, nil
	}
	if s, err = n.cipher.Decrypt(w.Previous, w.ID); err != nil {
		return "", fmt.Errorf("notify: %w", err)
	}
	return text + " " + secret(s).sign(id, now, body), nil
}

// retryAfter returns the delay that an answer requests, if its status can
// request one.
func retryAfter(res *http.Response, now time.Time) time.Duration {
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
	default:
		return 0
	}
	text := res.Header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxWait)
	}
	if at, err := http.ParseTime(text); err == nil {
		return min(max(at.Sub(now), 0), maxWait)
	}
	return 0
}

// callFailure returns why an endpoint didn't answer. A name that doesn't
// resolve and one that resolves to a private address are reported alike, or
// anyone with a webhook could list the names of the operator's network.
func callFailure(err error) Failure {
	if _, ok := errors.AsType[*net.DNSError](err); ok || errors.Is(err, dial.ErrForbidden) {
		return NoPublicAddress
	}
	return failureOf(err)
}

// failureOf returns why there was no answer. It reveals nothing about the
// peer.
func failureOf(err error) Failure {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return Timeout
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return BadTLS
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return BadTLS
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return BadTLS
	}
	if _, ok := errors.AsType[*textproto.Error](err); ok {
		return Refused // by a mail server: the greeting, or who signs in
	}
	return Unreachable
}
