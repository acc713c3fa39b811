package notify

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
)

const (
	// maxURL is the longest address of an endpoint in bytes.
	maxURL = 2000
	// MaxWebhooks is how many webhooks an account can have.
	MaxWebhooks = 20
	// History is how many deliveries are kept of each webhook.
	History = 100
)

// A Webhook is an endpoint that is called when something happens.
type Webhook struct {
	ID      string
	Account string
	URL     string
	Types   []Type // sorted
	// Secret is encrypted, and so is Previous, which also signs until Rotated is
	// RotationLife ago. Nil: none.
	Secret   []byte
	Previous []byte
	Rotated  time.Time // zero: never
	// Failing is since when no delivery has come through. Zero: the last did.
	Failing time.Time
	// Disabled is since when it is called no more, and Reason why.
	Disabled time.Time
	Reason   Reason
	Created  time.Time
	Updated  time.Time
}

// A Reason says why a webhook is disabled.
type Reason string

// The reasons.
const (
	EndpointGone Reason = "gone"      // it answered 410
	Exhausted    Reason = "exhausted" // the last try of a delivery failed
	ByOwner      Reason = "owner"
)

// Wants reports whether the webhook asks for the type.
func (w Webhook) Wants(t Type) bool { return t == TestEvent || slices.Contains(w.Types, t) }

// RotationLife is how long the old secret signs beside a new one.
const RotationLife = 24 * time.Hour

// A WebhookStore keeps webhooks. One that is not the account's is a NotFound
// fault.
type WebhookStore interface {
	// CreateWebhook keeps w and a. One too many is a Conflict fault.
	CreateWebhook(ctx context.Context, by audit.Grant, w Webhook, a audit.Action) error
	Webhook(ctx context.Context, account, id string) (Webhook, error)
	// Webhooks returns those of an account, the oldest first.
	Webhooks(ctx context.Context, account string) ([]Webhook, error)
	// ChangeWebhook gives the webhook of the account all but secrets of what
	// change makes of it as it is, and keeps the action that change returns.
	// Where nothing differs it keeps nothing. One that is not there is a
	// NotFound fault. Change may be called more than once.
	ChangeWebhook(ctx context.Context, by audit.Grant, account, id string, change func(Webhook) (Webhook, audit.Action, error)) error
	// RotateWebhook keeps the secrets of w and a.
	RotateWebhook(ctx context.Context, by audit.Grant, w Webhook, a audit.Action) error
	// DeleteWebhook deletes a webhook with its deliveries, if check has
	// nothing against it as it is, and keeps a. One that is not there is a
	// NotFound fault.
	DeleteWebhook(ctx context.Context, by audit.Grant, account, id string, check func(Webhook) error, a audit.Action) error
	// TestWebhook keeps a delivery of a TestEvent that is to be made, and a.
	TestWebhook(ctx context.Context, by audit.Grant, d Delivery, a audit.Action) error
	// Deliveries returns the last deliveries to a webhook, the newest first.
	Deliveries(ctx context.Context, account, webhook string) ([]Delivery, error)
	// Delivery returns a delivery to a webhook, or a NotFound fault.
	Delivery(ctx context.Context, account, webhook, id string) (Delivery, error)
	// Payloads returns the deliveries with what they tell of, as far as there
	// is something left of it.
	Payloads(ctx context.Context, all []Delivery) ([]Try, error)
	Redeliverer
}

// A Redeliverer keeps what is sent again.
type Redeliverer interface {
	// Redeliver keeps d, which tells again what an old delivery told of, and
	// a. D brings its ID, Account, Webhook and Created; all of it is returned.
	// An old delivery that is not the account's, or not to the webhook, is a
	// NotFound fault. One that has not ended, or was sent again, is a Conflict,
	// so is a mail where no mails can be sent.
	Redeliver(ctx context.Context, by audit.Grant, d Delivery, old string, a audit.Action) (Delivery, error)
}

// Webhooks makes and changes webhooks.
type Webhooks struct {
	store  WebhookStore
	cipher *crypt.Cipher
	now    func() time.Time
}

// NewWebhooks returns Webhooks that are kept in the store. The installation's
// secret encrypts theirs.
func NewWebhooks(store WebhookStore, secret *crypt.Secret, now func() time.Time) *Webhooks {
	return &Webhooks{store, secret.Cipher(crypt.Webhooks), now}
}

// A WebhookSpec is what a caller says of a webhook.
type WebhookSpec struct {
	URL      string
	Types    []string
	Disabled bool
}

// Check returns a fault for each field that cannot be taken.
func (s WebhookSpec) Check() error {
	_, err := s.Webhook()
	return err
}

// Webhook returns what the spec describes: a webhook that is nobody's yet, which
// is disabled since the first moment if it is. The error holds a fault for each
// field that cannot be taken.
func (s WebhookSpec) Webhook() (Webhook, error) {
	var w Webhook
	err := s.apply(&w, time.UnixMilli(0))
	return w, err
}

// apply brings the spec into w, or returns a fault.
func (s WebhookSpec) apply(w *Webhook, now time.Time) error {
	s.URL = profile.Trim(s.URL)
	types, err := parseTypes(s.Types)
	if err = errors.Join(checkURL(s.URL), err); err != nil {
		return err
	}
	w.URL, w.Types, w.Updated = s.URL, types, now
	switch {
	case !s.Disabled:
		w.Disabled, w.Reason, w.Failing = time.Time{}, "", time.Time{}
	case w.Disabled.IsZero():
		w.Disabled, w.Reason = now, ByOwner
	}
	return nil
}

// hostSpelling is that of a name in its ASCII form or of an address. What a URL
// can encode beyond it has no place in the action log.
var hostSpelling = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)

// checkURL refuses what is no address of an HTTPS endpoint. Where it leads is
// decided when it is called.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, len(text) > maxURL, u.Scheme != "https", !hostSpelling.MatchString(u.Hostname()), !goodPort(u), u.User != nil, u.Fragment != "",
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return fault.On("url", fault.Invalid, "Write an address that begins with https:// and holds neither a user name nor a fragment.")
	}
	return nil
}

func goodPort(u *url.URL) bool {
	if !strings.HasSuffix(u.Host, ":"+u.Port()) {
		return true // none
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

func parseTypes(names []string) ([]Type, error) {
	var all []Type
	for _, name := range names {
		if !slices.Contains(Types(), Type(name)) {
			return nil, fault.On("events", fault.Invalid, "An event is one of %s.", joined(Types()))
		}
		all = append(all, Type(name))
	}
	if len(all) == 0 {
		return nil, fault.On("events", fault.Invalid, "Name one event or more: %s.", joined(Types()))
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func joined[T ~string](types []T) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

// List returns the webhooks of an account, the oldest first.
func (s *Webhooks) List(ctx context.Context, account string) ([]Webhook, error) {
	return s.store.Webhooks(ctx, account)
}

// Get returns a webhook of the account, or a NotFound fault.
func (s *Webhooks) Get(ctx context.Context, account, webhook string) (Webhook, error) {
	return s.store.Webhook(ctx, account, webhook)
}

// Deliveries returns the last deliveries to a webhook of the account, the
// newest first.
func (s *Webhooks) Deliveries(ctx context.Context, account, webhook string) ([]Delivery, error) {
	if _, err := s.store.Webhook(ctx, account, webhook); err != nil {
		return nil, err
	}
	return s.store.Deliveries(ctx, account, webhook)
}

// Delivery returns a delivery to a webhook of the account.
func (s *Webhooks) Delivery(ctx context.Context, account, webhook, delivery string) (Delivery, error) {
	return s.store.Delivery(ctx, account, webhook, delivery)
}

// Payloads returns what the calls of the deliveries tell, by the deliveries' IDs.
// It lacks those of which nothing is left in the action log.
func (s *Webhooks) Payloads(ctx context.Context, all ...Delivery) (map[string]Message, error) {
	tries, err := s.store.Payloads(ctx, all)
	if err != nil {
		return nil, err
	}
	messages := map[string]Message{}
	for _, t := range tries {
		m, err := messageOf(t)
		if errors.Is(err, errUnreadable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		messages[t.ID] = m
	}
	return messages, nil
}

// Create makes a webhook and returns its secret, which is shown this once.
func (s *Webhooks) Create(ctx context.Context, by audit.Grant, account string, spec WebhookSpec) (Webhook, string, error) {
	now := s.now()
	w := Webhook{ID: id.New("whk"), Account: account, Created: now}
	if err := spec.apply(&w, now); err != nil {
		return Webhook{}, "", err
	}
	secret := newSecret()
	w.Secret = s.cipher.Encrypt(secret, w.ID)
	return w, secret.String(), s.store.CreateWebhook(ctx, by, w, webhookAction(audit.WebhookCreate, by, Webhook{}, w))
}

// Update gives a webhook all that the spec says. One that was disabled and is
// no more starts afresh.
func (s *Webhooks) Update(ctx context.Context, by audit.Grant, account, webhook string, spec WebhookSpec) (Webhook, error) {
	return s.Change(ctx, by, account, webhook, func(Webhook) (WebhookSpec, error) { return spec, nil })
}

// Change is Update by a spec that is made of the webhook as it is: nobody else
// changes it meanwhile. If change fails, nothing is changed. It may be called
// more than once.
func (s *Webhooks) Change(ctx context.Context, by audit.Grant, account, webhook string, change func(Webhook) (WebhookSpec, error)) (Webhook, error) {
	err := s.store.ChangeWebhook(ctx, by, account, webhook, func(old Webhook) (Webhook, audit.Action, error) {
		w := old
		spec, err := change(old)
		if err == nil {
			err = spec.apply(&w, s.now())
		}
		return w, webhookAction(audit.WebhookUpdate, by, old, w), err
	})
	if err != nil {
		return Webhook{}, err
	}
	return s.store.Webhook(ctx, account, webhook)
}

// Rotate gives a webhook a new secret, which is shown this once. The old one
// signs beside it for RotationLife.
func (s *Webhooks) Rotate(ctx context.Context, by audit.Grant, account, webhook string) (Webhook, string, error) {
	w, err := s.store.Webhook(ctx, account, webhook)
	if err != nil {
		return Webhook{}, "", err
	}
	a := webhookAction(audit.WebhookRotate, by, w, w)
	a.Changes = []audit.Change{{Field: "secret", Old: "***", New: "***"}}
	secret := newSecret()
	w.Previous, w.Secret, w.Rotated = w.Secret, s.cipher.Encrypt(secret, w.ID), s.now()
	w.Updated = w.Rotated
	return w, secret.String(), s.store.RotateWebhook(ctx, by, w, a)
}

// Delete deletes a webhook of the account, if check, which may be nil, has nothing
// against it as it is: its error is Delete's.
func (s *Webhooks) Delete(ctx context.Context, by audit.Grant, account, webhook string, check func(Webhook) error) error {
	w, err := s.store.Webhook(ctx, account, webhook)
	if err != nil {
		return err
	}
	return s.store.DeleteWebhook(ctx, by, account, webhook, check, webhookAction(audit.WebhookDelete, by, w, Webhook{}))
}

// Test calls a webhook with a TestEvent, soon, and returns the delivery.
func (s *Webhooks) Test(ctx context.Context, by audit.Grant, account, webhook string) (Delivery, error) {
	w, err := s.enabled(ctx, account, webhook)
	if err != nil {
		return Delivery{}, err
	}
	d := Delivery{ID: id.New("dlv"), Message: id.New("msg"), Account: account, Type: TestEvent, Webhook: w.ID, State: Waiting, Created: s.now()}
	return d, s.store.TestWebhook(ctx, by, d, webhookAction(audit.WebhookTest, by, w, w))
}

// enabled is Get for what needs a webhook that is called.
func (s *Webhooks) enabled(ctx context.Context, account, webhook string) (Webhook, error) {
	w, err := s.store.Webhook(ctx, account, webhook)
	if err == nil && !w.Disabled.IsZero() {
		err = fault.New(fault.Conflict, "This webhook is disabled. Enable it first.")
	}
	return w, err
}

// Redeliver makes a call again that has ended, whether it came through or not,
// and returns the new delivery: each once. It has the same webhook-id, by which
// a receiver knows what it has.
func (s *Webhooks) Redeliver(ctx context.Context, by audit.Grant, account, webhook, delivery string) (Delivery, error) {
	w, err := s.enabled(ctx, account, webhook)
	if err != nil {
		return Delivery{}, err
	}
	a := webhookAction(audit.WebhookRedeliver, by, w, w)
	a.Changes = []audit.Change{{Field: "delivery", New: delivery}}
	return s.store.Redeliver(ctx, by, Delivery{ID: id.New("dlv"), Account: account, Webhook: w.ID, Created: s.now()}, delivery, a)
}

// Enable has a webhook called again that was disabled.
func (s *Webhooks) Enable(ctx context.Context, by audit.Grant, account, webhook string) error {
	return s.setDisabled(ctx, by, account, webhook, false)
}

// Disable has a webhook called no more. What waits to be sent is dropped.
func (s *Webhooks) Disable(ctx context.Context, by audit.Grant, account, webhook string) error {
	return s.setDisabled(ctx, by, account, webhook, true)
}

func (s *Webhooks) setDisabled(ctx context.Context, by audit.Grant, account, webhook string, disabled bool) error {
	w, err := s.store.Webhook(ctx, account, webhook)
	if err != nil || disabled == !w.Disabled.IsZero() {
		return err
	}
	spec := WebhookSpec{URL: w.URL, Disabled: disabled}
	for _, t := range w.Types {
		spec.Types = append(spec.Types, string(t))
	}
	_, err = s.Update(ctx, by, account, webhook, spec)
	return err
}

func webhookAction(name audit.Name, by audit.Grant, old, w Webhook) audit.Action {
	account, target := w.Account, w.ID
	if target == "" {
		account, target = old.Account, old.ID
	}
	a := audit.Action{
		Account: account,
		Name:    name,
		Outcome: audit.Done,
		Actor:   by.Actor,
		Target:  audit.Target{Kind: audit.WebhookTarget, ID: target, Name: host(w, old)},
	}
	for _, c := range []audit.Change{
		{Field: "host", Old: host(old), New: host(w)},
		{Field: "events", Old: joined(old.Types), New: joined(w.Types)},
		{Field: "disabled", Old: string(old.Reason), New: string(w.Reason)},
	} {
		if c.Old != c.New {
			a.Changes = append(a.Changes, c)
		}
	}
	return a
}

// host is what the log says of an address: many hold a token in their path.
func host(webhooks ...Webhook) string {
	for _, w := range webhooks {
		if u, err := url.Parse(w.URL); err == nil && u.Host != "" {
			return u.Host
		}
	}
	return ""
}

// Action is what the program itself does to the webhook. The reason may be
// empty.
func (w Webhook) Action(name audit.Name, by audit.Grant, reason string) audit.Action {
	a := webhookAction(name, by, w, w)
	if reason != "" {
		a.Changes = []audit.Change{{Field: "disabled", New: reason}}
	}
	return a
}
