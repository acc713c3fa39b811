// Package signerd is the signer as a separate process. The process that serves
// the web requests signatures from it through a Unix socket and never has the
// key. The signer doesn't trust its requests: it has approvals of its own,
// creates the terms and texts of each profile itself, and has the gate check
// every byte against them. A web process that was taken over gets only what is
// approved signed.
package signerd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
	"github.com/updatecase/mobileconfig/templates"
)

// Config holds the settings of a [Signer]. All fields are required, except
// Reload, Users, Groups and Logged.
type Config struct {
	// Identity returns the current signing identity.
	Identity func() FileSigner
	// Reload returns why newer files of it can't be used, or nil.
	Reload func() error
	// Approvals returns the current approvals.
	Approvals func() Approvals
	// Texts are the texts that profiles may contain.
	Texts *templates.Set
	// Users and Groups are the IDs of users and groups that may connect.
	Users, Groups []uint32
	// Log receives messages for operators, above all refusals.
	Log *slog.Logger
	// Logged is how many refusals of a minute are logged one by one. The rest
	// is counted. The default is 60.
	Logged int
	// Now is the clock.
	Now func() time.Time
}

// A FileSigner is a signer with a key of its own. *[signing.Identity] is one.
type FileSigner interface {
	signing.Signer
	SignApart(ctx context.Context, profile gate.Cleared) (rest []byte, index int, err error)
}

// Limits of connections. They apply only to users that may connect.
const (
	maxConnections = 64
	greetTimeout   = 5 * time.Second
	readBuffer     = 64 << 10
	maxTogether    = 8 // answers that wait for each other
)

// A Signer signs what is approved, for users that may connect.
type Signer struct {
	config Config
	issuer *issue.Issuer
	counts *counts
	log    *summary
	limit  window
	large  chan struct{} // held while reading or signing a list of checksums
}

// A job is a request and where its answer goes.
type job struct {
	frame
	from *connection
}

// New returns a Signer.
func New(config Config) *Signer {
	if config.Logged == 0 {
		config.Logged = 60
	}
	return &Signer{
		config: config, issuer: issue.New(config.Texts, nil), counts: newCounts(config.Now()),
		log:   &summary{log: config.Log, most: config.Logged, now: config.Now},
		large: make(chan struct{}, 1),
	}
}

// Run answers requests on the listener until ctx is done. When it returns,
// everything that it started has stopped.
func (s *Signer) Run(ctx context.Context, listener *net.UnixListener) error {
	ctx, cancel := context.WithCancel(ctx)
	var connections, workers sync.WaitGroup
	jobs := make(chan job, 256)
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() { s.work(ctx, jobs) })
	}
	defer workers.Wait()
	defer close(jobs)
	defer connections.Wait()
	defer cancel()
	stop := context.AfterFunc(ctx, func() { listener.Close() })
	defer stop()
	free := make(chan struct{}, maxConnections)
	for {
		conn, err := listener.AcceptUnix()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("signer: %w", err)
		case err != nil:
			s.log.warn("a connection can't be accepted", "error", err)
			if !pause(ctx, 100*time.Millisecond) {
				return nil
			}
			continue
		}
		who, err := s.admit(conn)
		if err != nil {
			s.log.warn("connection refused", "error", err, "uid", who.uid, "gid", who.gid, "pid", who.pid)
			conn.Close()
			continue
		}
		select {
		case free <- struct{}{}:
		default:
			s.log.warn("connection refused", "error", "too many connections", "pid", who.pid)
			conn.Close()
			continue
		}
		connections.Go(func() {
			defer func() { <-free }()
			s.serve(ctx, conn, who, jobs)
		})
	}
}

// pause waits, and reports whether ctx is still active.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// A peer is the process at the other end, as the kernel reports it.
type peer struct {
	uid, gid uint32
	pid      int32
}

func (s *Signer) admit(conn *net.UnixConn) (peer, error) {
	who, err := peerOf(conn)
	if err == nil && !slices.Contains(s.config.Users, who.uid) && !slices.Contains(s.config.Groups, who.gid) {
		err = errors.New("this user may not connect; allow the service's user with --allow-user")
	}
	return who, err
}

// A connection is one to a web process. It tells the web process which
// certificate signs.
type connection struct {
	writer
	told signing.Signer
}

// serve reads requests until the peer disconnects, sends an invalid frame, or
// ctx is done.
func (s *Signer) serve(ctx context.Context, conn *net.UnixConn, who peer, jobs chan<- job) {
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	defer conn.Close()
	r := bufio.NewReaderSize(conn, readBuffer)
	err := conn.SetDeadline(time.Now().Add(greetTimeout))
	if err == nil {
		err = greet(conn, r)
	}
	if err == nil {
		err = conn.SetDeadline(time.Time{})
	}
	if err != nil {
		s.log.warn("connection ended before the handshake", "error", err, "uid", who.uid, "pid", who.pid)
		return
	}
	s.config.Log.Info("connected", "uid", who.uid, "pid", who.pid)
	c := &connection{writer: writer{conn: conn}}
	err = s.describe(c)
	for err == nil {
		var j job
		if j, err = s.read(ctx, c, r); err == nil {
			jobs <- j
		}
	}
	if errors.Is(err, errFrame) {
		s.refused(refuse(Malformed, "%v", err))
	}
	s.config.Log.Info("disconnected", "uid", who.uid, "pid", who.pid, "why", err)
}

// bodies are buffers for requests.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// read reads a request.
func (s *Signer) read(ctx context.Context, c *connection, r *bufio.Reader) (job, error) {
	head, err := r.Peek(headerSize)
	if err != nil {
		return job{}, err
	}
	large := kind(head[4]) == askChecksums
	if large { // only one at a time is in memory
		select {
		case s.large <- struct{}{}:
		case <-ctx.Done():
			return job{}, ctx.Err()
		}
	}
	buffer := bodies.Get().(*[]byte)
	f, err := readFrame(r, kind.isQuestion, *buffer)
	if err != nil {
		if large {
			<-s.large
		}
		return job{}, err
	}
	return job{f, c}, nil
}

// work answers requests. While more are waiting, it sends several answers
// together.
func (s *Signer) work(ctx context.Context, jobs <-chan job) {
	for j := range jobs {
		from := j.from
		for n := 1; ; n++ {
			s.answer(ctx, j)
			more := false
			if n < maxTogether {
				select {
				case j, more = <-jobs:
				default:
				}
			}
			if !more {
				break
			}
			if j.from != from {
				_ = from.flush()
				from = j.from
			}
		}
		_ = from.flush() // If the connection is broken, its reader knows.
	}
}

// answer adds the answer of a request to those that are sent next.
func (s *Signer) answer(ctx context.Context, j job) {
	signer := s.config.Identity()
	var out []byte
	var no *refusal
	k := signed
	switch j.kind {
	case askSign:
		out, no = s.sign(ctx, signer, j.body)
	case askChecksums:
		out, no = s.signChecksums(ctx, signer, j.body)
		<-s.large
	case askStatus:
		k, out = status, encode(s.Status())
	}
	if no != nil {
		s.refused(no)
		k, out = refused, encode(no)
	}
	if j.kind != askChecksums {
		body := j.body[:0]
		bodies.Put(&body)
	}
	j.from.add(func(to []byte) []byte {
		return appendFrame(j.from.describes(to, signer), k, j.number, out)
	})
}

// describe tells the peer which certificate signs now.
func (s *Signer) describe(c *connection) error {
	return c.write(func(out []byte) []byte { return c.describes(out, s.config.Identity()) })
}

// describes tells the peer which certificate signs, if that has changed. So
// the peer knows whose signature each answer is.
func (c *connection) describes(out []byte, signer signing.Signer) []byte {
	if c.told == signer {
		return out
	}
	c.told = signer
	return appendFrame(out, described, 0, encode(descriptionOf(signer.Describe())))
}

// A description is a signing.Description as it is sent.
type description struct {
	Name        string    `json:"name"`
	Subject     string    `json:"subject"`
	Issuers     []string  `json:"issuers"`
	Fingerprint string    `json:"fingerprint"`
	Key         string    `json:"key"`
	NotAfter    time.Time `json:"not_after"`
	Development bool      `json:"development"`
}

func descriptionOf(d signing.Description) description {
	return description{d.Name, d.Subject, d.Issuers, d.Fingerprint, d.Key, d.NotAfter, d.Development}
}

// sign signs the profile of a claim, if it is approved and true.
func (s *Signer) sign(ctx context.Context, signer FileSigner, body []byte) (out []byte, no *refusal) {
	c, err := readClaim(body)
	if err != nil {
		return nil, refuse(Malformed, "the signer can't read the request: %v", err)
	}
	approvals := s.config.Approvals()
	if no := approvals.judge(&c); no != nil {
		return nil, no
	}
	terms, no := s.terms(&c)
	if no != nil {
		return nil, no
	}
	err = gate.With(c.profile, terms, func(cleared gate.Cleared) {
		if cleared.Contents() != c.contents() {
			no = refuse(Gate, "the profile doesn't match its description")
			return
		}
		if no = s.count(approvals.Limit); no == nil {
			out, no = s.made(signParts(ctx, signer, cleared))
		}
	})
	if err != nil {
		return nil, refuse(Gate, "the signer's gate refuses the profile: %v", err)
	}
	if no == nil {
		s.counts.signed.Add(1)
	}
	return out, no
}

// signParts signs the profile, and leaves it out of the answer.
func signParts(ctx context.Context, signer FileSigner, profile gate.Cleared) ([]byte, error) {
	rest, index, err := signer.SignApart(ctx, profile)
	if err != nil {
		return nil, err
	}
	return parts{profile.Digest(), rest[:index], rest[index:]}.encode(), nil
}

// terms returns the terms and texts of a profile as the signer itself would
// create it.
func (s *Signer) terms(c *claim) (gate.Terms, *refusal) {
	order, err := c.order()
	if err != nil {
		return gate.Terms{}, refuse(Malformed, "the address isn't in the form that profiles contain")
	}
	terms, err := s.issuer.Terms(order)
	if err != nil {
		return gate.Terms{}, refuse(Gate, "the signer has no texts for the profile: %v", err)
	}
	return terms, nil
}

// signChecksums signs a list of checksums if it is valid.
func (s *Signer) signChecksums(ctx context.Context, signer FileSigner, body []byte) ([]byte, *refusal) {
	list, err := signing.ReadChecksums(string(body))
	if err != nil {
		return nil, refuse(Malformed, "the signer can't read the list of checksums: %v", err)
	}
	if no := s.count(s.config.Approvals().Limit); no != nil {
		return nil, no
	}
	out, no := s.made(signer.SignChecksums(ctx, list))
	if no == nil {
		s.counts.checksums.Add(1)
	}
	return out, no
}

// made is a signature, or why there is none.
func (s *Signer) made(out []byte, err error) ([]byte, *refusal) {
	if err == nil {
		return out, nil
	}
	no := refuse(Identity, "%v", err)
	if e, ok := errors.AsType[*signing.IdentityError](err); ok {
		no.Code, no.Detail = string(e.Code), e.Detail
	}
	return nil, no
}

// count counts a signature, unless the limit is reached.
func (s *Signer) count(limit int) *refusal {
	if wait := s.limit.take(s.config.Now(), limit); wait > 0 {
		no := refuse(Limited, "the signer has reached its limit of %d signatures a minute. Change it there: mobileconfig signer limit N", limit)
		no.Seconds = int((wait + time.Second - 1) / time.Second)
		return no
	}
	return nil
}

// refused counts and logs a refusal.
func (s *Signer) refused(no *refusal) {
	s.counts.refused[no.Reason].Add(1)
	s.log.warn("refused", "reason", no.Reason, "detail", no.Detail)
}
