package certificate

import (
	"cmp"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/signing"
)

// LetsEncrypt is the directory of the default authority.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

const (
	// lookEvery is how often Run checks whether something is due.
	lookEvery = time.Minute
	// orderTimeout limits an order. The lease lasts longer.
	orderTimeout = 4 * time.Minute
	leaseLife    = orderTimeout + time.Minute
	// askEvery is how often the authority is asked when to renew, unless it
	// sets the interval. This detects revocations.
	askEvery = 6 * time.Hour
	// restAfter is the minimum time between a success and the next order,
	// whatever the clock says.
	restAfter = 12 * time.Hour
)

// backoff is how long to wait after each of a series of failures. Let's Encrypt
// allows five failed validations of a name per hour.
func backoff(failures int) time.Duration {
	waits := []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 6 * time.Hour}
	wait := waits[min(failures, len(waits))-1]
	return wait - time.Duration(rand.Int64N(int64(wait/10)))
}

// Run checks every minute whether to order a certificate, and loads what other
// servers have ordered, until ctx is done.
func (m *Manager) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := m.Look(ctx); err != nil && ctx.Err() == nil {
			m.config.Log.Error("certificate", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-m.wake:
		}
	}
}

// Wake makes Run check now.
func (m *Manager) Wake() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// Look loads the stored certificate, and orders one if that is due and no other
// server is doing so.
func (m *Manager) Look(ctx context.Context) error {
	m.looking.Lock()
	defer m.looking.Unlock()
	if err := m.saveUnsaved(ctx); err != nil {
		return err
	}
	if err := m.load(ctx); err != nil || m.config.ACME == nil {
		return err
	}
	request, err := m.request(ctx)
	if err != nil || !m.due(request) {
		return err
	}
	won, err := m.config.Store.Lease(ctx, m.owner, leaseLife)
	if err != nil || !won {
		return err
	}
	defer m.endLease(ctx)
	// Another server may have done it meanwhile.
	if err := m.load(ctx); err != nil {
		return err
	}
	if request, err = m.request(ctx); err != nil || !m.due(request) {
		return err
	}
	return m.work(ctx, request)
}

func (m *Manager) endLease(ctx context.Context) {
	if err := m.config.Store.EndLease(context.WithoutCancel(ctx), m.owner); err != nil {
		m.config.Log.Warn("the lease for orders wasn't released; it expires by itself", "error", err)
	}
}

// saveUnsaved stores a certificate that couldn't be stored when it arrived.
func (m *Manager) saveUnsaved(ctx context.Context) error {
	if m.unsaved == nil {
		return nil
	}
	if err := m.write(ctx, certificateName, m.unsaved, 0); err != nil {
		return err
	}
	m.unsaved = nil
	return nil
}

// request returns the request for an early renewal, or nil.
func (m *Manager) request(ctx context.Context) (*Request, error) {
	data, err := m.config.Store.CertificateValue(ctx, RequestName)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var r Request
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("certificate: request: %w", err)
	}
	return &r, nil
}

// due reports whether to contact the authority.
func (m *Manager) due(request *Request) bool {
	return request != nil || m.orderDue() || m.askDue()
}

// orderDue reports whether it is time for a certificate.
func (m *Manager) orderDue() bool {
	s, now := m.state.Load(), m.config.Now()
	if now.Before(s.attempt.Next) && !m.retriesAfterStart(s, now) {
		return false
	}
	return s.pair == nil || !m.covers(s.pair.Leaf) || s.kept.Source != FromACME || !now.Before(m.renewAt(s))
}

// retriesAfterStart reports whether to order despite a recent failure: once after a start,
// if there is no certificate at all. Operators restart the service after fixing
// the cause.
func (m *Manager) retriesAfterStart(s *state, now time.Time) bool {
	return m.starting && s.pair == nil && !now.Before(s.attempt.At.Add(lookEvery))
}

// covers reports whether the certificate has all names.
func (m *Manager) covers(leaf *x509.Certificate) bool {
	return !slices.ContainsFunc(m.config.ACME.Names, func(name string) bool { return leaf.VerifyHostname(name) != nil })
}

// askDue reports whether it is time to ask when to renew.
func (m *Manager) askDue() bool {
	s := m.state.Load()
	return s.pair != nil && s.attempt.Failures == 0 && s.kept.Source == FromACME && !m.config.Now().Before(s.kept.AskAt)
}

// renewAt returns when to renew the certificate: when the authority says so,
// and no later than in the last third of its life.
func (m *Manager) renewAt(s *state) time.Time {
	leaf := s.pair.Leaf
	at := leaf.NotAfter.Add(-leaf.NotAfter.Sub(leaf.NotBefore) / 3)
	if r := s.kept.RenewAt; !r.IsZero() && r.Before(at) {
		at = r
	}
	return at
}

// work orders, if that is due, or asks when to renew, and orders if that is
// now.
func (m *Manager) work(ctx context.Context, request *Request) error {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	defer func() { m.starting = false }()
	client := m.client()
	if request == nil && !m.orderDue() {
		if err := m.ask(ctx, client); err != nil {
			return err
		}
	}
	if request == nil && !m.orderDue() {
		return nil
	}
	k, err := m.order(ctx, client, request)
	if err != nil {
		if context.Cause(ctx) == context.Canceled {
			return err // the service is stopping
		}
		return m.storeFailure(context.WithoutCancel(ctx), err)
	}
	return m.keep(context.WithoutCancel(ctx), k)
}

// ask stores when the authority wants the certificate to be renewed. If it
// doesn't answer, it is asked again later, and until then the certificate's
// life decides.
func (m *Manager) ask(ctx context.Context, client *acmez.Client) error {
	s := m.state.Load()
	k, now := s.kept, m.config.Now()
	k.AskAt = now.Add(askEvery)
	info, err := client.GetRenewalInfo(ctx, s.pair.Leaf)
	switch {
	case err == nil:
		k.RenewAt = info.SelectedTime
		if info.RetryAfter != nil && info.RetryAfter.After(now) && info.RetryAfter.Before(now.Add(4*askEvery)) {
			k.AskAt = *info.RetryAfter
		}
	case errors.Is(err, acme.ErrUnsupported):
		k.AskAt = now.Add(28 * askEvery)
	default:
		m.config.Log.Warn("the authority doesn't say when to renew", "error", err)
	}
	if err := m.write(ctx, certificateName, k, 0); err != nil {
		return err
	}
	return m.load(ctx)
}

// client returns the ACME client.
func (m *Manager) client() *acmez.Client {
	transport := &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     &tls.Config{RootCAs: m.config.ACME.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: 20 * time.Second,
		DisableKeepAlives:   true,
	}
	return &acmez.Client{
		Client: &acme.Client{
			Directory:   m.config.ACME.Directory,
			UserAgent:   "mobileconfig",
			HTTPClient:  &http.Client{Transport: transport, Timeout: 30 * time.Second},
			PollTimeout: orderTimeout,
		},
		ChallengeSolvers: map[string]acmez.Solver{
			acme.ChallengeTypeHTTP01:    solver{m, httpName},
			acme.ChallengeTypeTLSALPN01: solver{m, alpnName},
		},
	}
}

// order orders a usable certificate. It keeps the key, unless a new one is
// requested.
func (m *Manager) order(ctx context.Context, client *acmez.Client, request *Request) (kept, error) {
	s := m.state.Load()
	k := kept{Source: FromACME, Since: m.config.Now()}
	key, replaces, err := keyFor(s, request)
	if err != nil {
		return k, err
	}
	if k.Key, err = encodeKey(key); err != nil {
		return k, err
	}
	csr, err := acmez.NewCSR(key, m.config.ACME.Names)
	if err != nil {
		return k, err
	}
	account, err := m.account(ctx, client)
	if err != nil {
		return k, err
	}
	params, err := acmez.OrderParametersFromCSR(account, csr)
	if err != nil {
		return k, err
	}
	params.Profile, params.Replaces = m.config.ACME.Profile, replaces
	chains, err := client.ObtainCertificate(ctx, params)
	if problem, ok := errors.AsType[acme.Problem](err); ok && problem.Type == acme.ProblemTypeAccountDoesNotExist {
		// The authority no longer has the account: the next order creates
		// another.
		err = errors.Join(err, m.config.Store.DeleteCertificateValue(ctx, accountName))
	}
	if err != nil {
		return k, err
	}
	return m.choose(k, chains)
}

// keyFor returns the key of the next certificate, and the certificate that it
// replaces at the authority, if any.
func keyFor(s *state, request *Request) (crypto.Signer, *x509.Certificate, error) {
	var replaces *x509.Certificate
	if s.pair != nil && s.kept.Source == FromACME {
		replaces = s.pair.Leaf
	}
	if replaces == nil || request != nil && request.NewKey {
		key, err := newKey()
		return key, replaces, err
	}
	key, err := s.kept.key()
	return key, replaces, err
}

// choose returns the first usable chain, or one that older devices trust too.
func (m *Manager) choose(k kept, chains []acme.Certificate) (kept, error) {
	var chosen kept
	var first error
	for _, c := range chains {
		k := k
		k.Chain = c.ChainPEM
		if c.RenewalInfo != nil {
			k.RenewAt = c.RenewalInfo.SelectedTime
		}
		id, pair, err := m.use(k)
		if err == nil && !m.covers(pair.Leaf) {
			err = errors.New("the certificate doesn't have the requested names")
		}
		if err == nil {
			err = id.Usable()
		}
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		old := !slices.ContainsFunc(id.Notices(), func(n signing.Notice) bool { return n.Code == signing.RecentRoot })
		if chosen.Chain == nil || old {
			chosen = k
		}
		if old {
			break
		}
	}
	if chosen.Chain == nil {
		return k, &unusableError{cmp.Or(first, errors.New("the authority sent no certificate"))}
	}
	return chosen, nil
}

// keep uses and stores a new certificate.
func (m *Manager) keep(ctx context.Context, k kept) error {
	now := m.config.Now()
	k.AskAt = now.Add(askEvery)
	id, pair, err := m.use(k)
	if err != nil {
		return err
	}
	done := attempt{At: now, Next: now.Add(restAfter)}
	m.state.Store(&state{kept: k, signer: id, pair: pair, attempt: done})
	m.config.Log.Info("certificate issued", "until", pair.Leaf.NotAfter)
	for _, n := range id.Notices() {
		m.config.Log.Warn("certificate: "+n.Detail, "code", n.Code)
	}
	m.unsaved = &k
	return errors.Join(m.saveUnsaved(ctx), m.write(ctx, attemptName, done, 0), m.config.Store.DeleteCertificateValue(ctx, RequestName))
}

// storeFailure stores that an order failed, and when to retry.
func (m *Manager) storeFailure(ctx context.Context, cause error) error {
	s, now := *m.state.Load(), m.config.Now()
	failed := attempt{At: now, Failures: s.attempt.Failures + 1}
	failed.Reason, failed.Detail = reasonOf(cause)
	failed.Next = now.Add(backoff(failed.Failures))
	s.attempt = failed
	m.state.Store(&s)
	m.config.Log.Error("no certificate", "reason", failed.Reason, "detail", failed.Detail, "next", failed.Next.UTC(), "error", cause)
	return errors.Join(
		m.write(ctx, attemptName, failed, 0),
		m.config.Store.DeleteCertificateValue(ctx, RequestName),
		m.config.Failed(ctx, Failure{Reason: failed.Reason, Detail: failed.Detail, Count: failed.Failures, At: now}),
	)
}

// A keptAccount is a stored account at the authority.
type keptAccount struct {
	Directory string       `json:"directory"`
	Email     string       `json:"email"`
	Account   acme.Account `json:"account"`
	Key       []byte       `json:"key"`
}

// account returns the account at the authority, which is created on first use.
func (m *Manager) account(ctx context.Context, client *acmez.Client) (acme.Account, error) {
	var a keptAccount
	err := m.read(ctx, accountName, &a)
	if err == nil && a.Directory == m.config.ACME.Directory && a.Email == m.config.ACME.Email {
		a.Account.PrivateKey, err = kept{Key: a.Key}.key()
		return a.Account, err
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return acme.Account{}, err
	}
	key, err := newKey()
	if err != nil {
		return acme.Account{}, err
	}
	a = keptAccount{Directory: m.config.ACME.Directory, Email: m.config.ACME.Email}
	if a.Key, err = encodeKey(key); err != nil {
		return acme.Account{}, err
	}
	a.Account, err = client.NewAccount(ctx, acme.Account{Contact: []string{"mailto:" + a.Email}, TermsOfServiceAgreed: true, PrivateKey: key})
	if err != nil {
		return acme.Account{}, err
	}
	return a.Account, m.write(ctx, accountName, a, 0)
}
