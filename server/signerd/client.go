package signerd

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
)

// A ClientConfig describes how to reach a signer. Zero values are usable,
// except for Socket.
type ClientConfig struct {
	// Socket is the path of the signer's socket. Required.
	Socket string
	// Patience is how long a signature may take, and how long to wait for a
	// signer that has disconnected. The default is 1.5 seconds.
	Patience time.Duration
	// Log receives messages for operators. By default they are discarded.
	Log *slog.Logger
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

// Times of a client.
const (
	patience   = 1500 * time.Millisecond
	beat       = time.Second // between two status checks of the signer
	beatLost   = 10 * time.Second
	soon       = 20 * time.Millisecond
	later      = 500 * time.Millisecond
	retryAfter = 2 * time.Second // which callers are told to wait
	listTime   = 30 * time.Second
)

// A Client sends requests to the signer in another process. It is safe for
// concurrent use.
//
// If a connection breaks, the client reconnects and repeats outstanding
// requests once, which does no harm.
type Client struct {
	config ClientConfig
	stop   context.CancelFunc
	done   chan struct{}

	described atomic.Pointer[signing.Description] // the latest; never nil
	counted   atomic.Pointer[Status]              // the latest, or nil

	mu      sync.Mutex
	link    *link
	away    time.Time     // since when there is none
	changed chan struct{} // closed when there is another, or none any more
}

// Dial returns a Client that connects to the signer, and reconnects until
// Close. It doesn't wait for the signer.
func Dial(config ClientConfig) *Client {
	if config.Patience == 0 {
		config.Patience = patience
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Client{config: config, stop: stop, done: make(chan struct{}), away: time.Now(), changed: make(chan struct{})}
	c.described.Store(&signing.Description{Process: config.Socket})
	go func() {
		defer close(c.done)
		c.run(ctx)
	}()
	return c
}

// Close closes the connection and waits for that.
func (c *Client) Close() {
	c.stop()
	<-c.done
}

// Current returns a session for signing. After a signature, its description is
// that of the certificate that signed.
func (c *Client) Current() signing.Signer { return &session{c: c} }

// Err returns why the signer can't use the newer files of its certificate, or
// nil.
func (c *Client) Err() error {
	if s := c.counted.Load(); s != nil && s.Reload != fine {
		return errors.New(s.Reload)
	}
	return nil
}

// Status returns the signer's last status, and false while the signer doesn't
// answer.
func (c *Client) Status() (Status, bool) {
	s := c.counted.Load()
	if s == nil {
		return Status{}, false
	}
	return *s, c.current() != nil
}

// Look asks a signer once for its signing certificate and its status.
func Look(ctx context.Context, config ClientConfig) (signing.Description, Status, error) {
	c := Dial(config)
	defer c.Close()
	a, err := c.ask(ctx, askStatus, c.config.Patience, nil)
	var s Status
	if err == nil {
		err = json.Unmarshal(a.body, &s)
	}
	return c.Current().Describe(), s, err
}

// run keeps a connection open until ctx is done.
func (c *Client) run(ctx context.Context) {
	var told string // the last logged problem
	for wait := soon; ; wait = min(later, wait*5/4) {
		l, err := c.connect(ctx)
		if err == nil {
			c.config.Log.Info("connected to the signer", "socket", c.config.Socket)
			wait, told = soon, ""
			err = l.run(ctx)
			c.set(nil)
			l.end(err)
		}
		if ctx.Err() != nil {
			return
		}
		if text := err.Error(); text != told {
			told = text
			c.config.Log.Error("the signer doesn't answer", "socket", c.config.Socket, "error", err)
		}
		if !pause(ctx, wait) {
			return
		}
	}
}

// connect connects and learns what signs.
func (c *Client) connect(ctx context.Context) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, greetTimeout)
	defer cancel()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: c.config.Socket, Net: "unix"})
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	l := &link{c: c, writer: writer{conn: conn}, in: bufio.NewReaderSize(conn, readBuffer), waiting: map[uint32]chan<- answer{}}
	err = greet(conn, l.in)
	if err == nil {
		err = l.read() // what signs
	}
	if err == nil && l.signs == nil {
		err = errors.New("the signer doesn't report its signing certificate")
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	c.set(l)
	return l, nil
}

// set makes a connection the current one; nil means that there is none.
func (c *Client) set(l *link) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link = l; l == nil {
		c.away = time.Now()
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// current returns the current connection, or nil.
func (c *Client) current() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.link
}

// connected waits for a connection, but not for a signer that has been away
// for long.
func (c *Client) connected(ctx context.Context) (*link, error) {
	for {
		c.mu.Lock()
		l, left, changed := c.link, c.config.Patience-time.Since(c.away), c.changed
		c.mu.Unlock()
		if l != nil {
			return l, nil
		}
		if left <= 0 {
			return nil, c.absent()
		}
		timer := time.NewTimer(left)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// absent returns the error that the signer doesn't answer.
func (c *Client) absent() error {
	return &signing.IdentityError{Code: signing.SignerAway, Detail: "the signer doesn't answer", RetryAfter: retryAfter}
}

// ask repeats a request until there is an answer or the patience has run out.
func (c *Client) ask(ctx context.Context, k kind, patience time.Duration, body []byte) (answer, error) {
	limited, cancel := context.WithTimeoutCause(ctx, patience, c.absent())
	defer cancel()
	for {
		l, err := c.connected(limited)
		if err != nil {
			return answer{}, err
		}
		a, err := l.ask(limited, k, body)
		switch {
		case err == nil:
			return a, c.refusal(a)
		case limited.Err() != nil:
			return answer{}, fmt.Errorf("signing: %w", context.Cause(limited))
		}
	}
}

// refusal returns the error in an answer, or nil.
func (c *Client) refusal(a answer) error {
	if a.kind != refused {
		return nil
	}
	var no refusal
	if err := json.Unmarshal(a.body, &no); err != nil {
		return fmt.Errorf("signing: the signer's answer: %w", err)
	}
	e := &signing.IdentityError{Detail: no.Detail, RetryAfter: time.Duration(no.Seconds) * time.Second}
	switch no.Reason {
	case Limited:
		e.Code = signing.SignerLimited
	case Identity:
		e.Code = signing.Code(no.Code)
	case Malformed:
		return fmt.Errorf("signing: %s", no.Detail)
	default:
		e.Code = signing.SignerRefused
	}
	return e
}

// A session is the signer for one caller.
type session struct {
	c      *Client
	used   atomic.Pointer[signing.Description]
	digest atomic.Pointer[[sha256.Size]byte]
}

var _ signing.Signer = (*session)(nil)

// claims are buffers for requests.
var claims = sync.Pool{New: func() any { return new([]byte) }}

// Sign sends the profile to the signer.
func (s *session) Sign(ctx context.Context, profile gate.Cleared) ([]byte, error) {
	if profile.Size() == 0 {
		return nil, errors.New("signing: nothing was cleared")
	}
	c, err := claimOf(profile)
	if err != nil {
		return nil, err
	}
	buffer := claims.Get().(*[]byte)
	defer claims.Put(buffer)
	body, err := c.appendTo((*buffer)[:0])
	if err != nil {
		return nil, err
	}
	*buffer = profile.Append(body)
	answer, err := s.signed(s.c.ask(ctx, askSign, s.c.config.Patience, *buffer))
	if err != nil {
		return nil, err
	}
	p, err := readParts(answer)
	if err != nil {
		return nil, err
	}
	s.digest.Store(&p.digest)
	return p.envelope(profile), nil
}

// SignedDigest returns the SHA-256 of the signed profile, which the signer has
// computed, or nil before a signature.
func (s *session) SignedDigest() *[sha256.Size]byte { return s.digest.Load() }

// SignChecksums sends the list to the signer.
func (s *session) SignChecksums(ctx context.Context, list *signing.Checksums) ([]byte, error) {
	text := []byte(list.Text())
	switch {
	case len(text) == 0:
		return nil, errors.New("signing: the list of checksums is empty")
	case len(text) > maxChecksums:
		return nil, errUnclaimed
	}
	return s.signed(s.c.ask(ctx, askChecksums, max(listTime, s.c.config.Patience), text))
}

func (s *session) signed(a answer, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	if a.kind != signed {
		return nil, errors.New("signing: the signer's answer isn't a signature")
	}
	s.used.Store(a.by)
	return a.body, nil
}

// Describe returns what signed or, before a signature, what signs now.
func (s *session) Describe() signing.Description {
	d := s.used.Load()
	if d == nil {
		d = s.c.described.Load()
	}
	out := *d
	switch {
	case s.c.current() == nil:
		out.Fault = s.c.absent()
	case s.c.config.Now().After(out.NotAfter):
		out.Fault = &signing.IdentityError{Code: signing.Expired, Detail: "the signer's certificate has expired; renew it"}
	}
	return out
}

// A link is a connection to the signer.
type link struct {
	c *Client
	writer
	in    *bufio.Reader
	signs *signing.Description // whose signatures the following answers are

	lock    sync.Mutex
	waiting map[uint32]chan<- answer
	last    uint32
	ended   error
}

// An answer is an answer of the signer, with the certificate that signs.
type answer struct {
	kind kind
	body []byte
	by   *signing.Description
}

// ask sends a request and waits for the answer. It returns an error if the
// connection breaks.
func (l *link) ask(ctx context.Context, k kind, body []byte) (answer, error) {
	came := make(chan answer, 1)
	l.lock.Lock()
	if l.ended != nil {
		l.lock.Unlock()
		return answer{}, l.ended
	}
	l.last++
	number := l.last
	l.waiting[number] = came
	l.lock.Unlock()
	defer func() {
		l.lock.Lock()
		defer l.lock.Unlock()
		delete(l.waiting, number)
	}()
	if err := l.send(k, number, body); err != nil {
		return answer{}, err
	}
	select {
	case a, ok := <-came:
		if !ok {
			return answer{}, l.ended
		}
		return a, nil
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
}

// run delivers answers until the connection breaks, the signer stops
// answering, or ctx is done.
func (l *link) run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { l.conn.Close() })
	defer stop()
	var looking sync.WaitGroup
	defer looking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	looking.Go(func() { l.look(ctx) })
	for {
		if err := l.read(); err != nil {
			l.end(err) // so that look ends too
			return err
		}
	}
}

// look requests the status regularly, and closes a connection without an
// answer.
func (l *link) look(ctx context.Context) {
	for {
		limited, cancel := context.WithTimeout(ctx, max(l.c.config.Patience, beatLost))
		a, err := l.ask(limited, askStatus, nil)
		cancel()
		if err != nil {
			l.conn.Close()
			return
		}
		var s Status
		if a.kind == status && json.Unmarshal(a.body, &s) == nil {
			l.c.counted.Store(&s)
		}
		if !pause(ctx, beat) {
			return
		}
	}
}

func isAnswer(k kind) bool { return !k.isQuestion() }

// read reads one frame.
func (l *link) read() error {
	f, err := readFrame(l.in, isAnswer, nil)
	if err != nil {
		return err
	}
	if f.kind == described {
		var d description
		if err := json.Unmarshal(f.body, &d); err != nil {
			return err
		}
		l.signs = &signing.Description{
			Name: d.Name, Subject: d.Subject, Issuers: d.Issuers, Fingerprint: d.Fingerprint, Key: d.Key, NotAfter: d.NotAfter,
			Development: d.Development, Process: l.c.config.Socket,
		}
		l.c.described.Store(l.signs)
		return nil
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	if came := l.waiting[f.number]; came != nil {
		delete(l.waiting, f.number)
		came <- answer{f.kind, f.body, l.signs}
	}
	return nil
}

// end tells all waiting callers that no answer will come.
func (l *link) end(err error) {
	l.conn.Close()
	l.lock.Lock()
	defer l.lock.Unlock()
	if l.ended != nil {
		return
	}
	l.ended = fmt.Errorf("the connection to the signer was closed: %w", err)
	for _, came := range l.waiting {
		close(came)
	}
	clear(l.waiting)
}
