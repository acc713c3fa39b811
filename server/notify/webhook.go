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
	// maxURL is the longest URL of an endpoint in bytes.
	maxURL = 2000
	// MaxWebhooks is how many webhooks an account can have.
	MaxWebhooks = 20
	// History is how many deliveries are kept for each webhook.
	History = 100
)

// A Webhook is an endpoint that is called when something happens.
type Webhook struct {
	ID      string
	Account string
	URL     string
	Types   []Type // sorted
	// Secret is encrypted. So is Previous, which also signs until RotationLife
	// after Rotated. Nil: none.
	Secret   []byte
	Previous []byte
	Rotated  time.Time // zero: never
	// Failing is since when no delivery has succeeded. It is zero if the last
	// one did.
	Failing time.Time
	// Disabled is since when the webhook isn't called any more, and Reason
	// why.
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
	Exhausted    Reason = "exhausted" // the last attempt of a delivery failed
	ByOwner      Reason = "owner"
)

// Wants reports whether the webhook is subscribed to the type.
func (w Webhook) Wants(t Type) bool { return t == TestEvent || slices.Contains(w.Types, t) }

// RotationLife is how long the old secret also signs after a rotation.
const RotationLife = 24 * time.Hour

// A WebhookStore stores webhooks. A webhook of another account results in a
// NotFound fault.
type WebhookStore interface {
	// CreateWebhook stores w and a. If the account has too many webhooks, or one
	// with this URL, it returns a Conflict fault.
	CreateWebhook(ctx context.Context, by audit.Grant, w Webhook, a audit.Action) error
	Webhook(ctx context.Context, account, id string) (Webhook, error)
	// Webhooks returns those of an account, oldest first.
	Webhooks(ctx context.Context, account string) ([]Webhook, error)
	// ChangeWebhook applies change to the webhook of the account, and stores
	// everything but its secrets and the action that change returns. If
	// nothing differs, it stores nothing. If the webhook doesn't exist, it
	// returns a NotFound fault, and if another one has the URL, a Conflict.
	// Change may be called more than once.
	ChangeWebhook(ctx context.Context, by audit.Grant, account, id string, change func(Webhook) (Webhook, audit.Action, error)) error
	// RotateWebhook stores the secrets of w, and a.
	RotateWebhook(ctx context.Context, by audit.Grant, w Webhook, a audit.Action) error
	// DeleteWebhook deletes a webhook and its deliveries if check allows it,
	// and stores a. If the webhook doesn't exist, it returns a NotFound fault.
	DeleteWebhook(ctx context.Context, by audit.Grant, account, id string, check func(Webhook) error, a audit.Action) error
	// TestWebhook stores a delivery of a TestEvent, and a.
	TestWebhook(ctx context.Context, by audit.Grant, d Delivery, a audit.Action) error
	// Deliveries returns the last deliveries to a webhook, newest first.
	Deliveries(ctx context.Context, account, webhook string) ([]Delivery, error)
	// Delivery returns a delivery to a webhook, or a NotFound fault.
	Delivery(ctx context.Context, account, webhook, id string) (Delivery, error)
	// Payloads returns the deliveries with their content, if it still exists.
	Payloads(ctx context.Context, all []Delivery) ([]Try, error)
	Redeliverer
}

// A Redeliverer stores repeated deliveries.
type Redeliverer interface {
	// Redeliver stores d, which repeats an old delivery, and a. The caller
	// sets d's ID, Account, Webhook and Created; Redeliver returns all of d.
	// If the old delivery isn't the account's, or not to the webhook, it
	// returns a NotFound fault. It returns a Conflict fault if the old
	// delivery hasn't ended or was already repeated, or for an email if email
	// can't be sent.
	Redeliver(ctx context.Context, by audit.Grant, d Delivery, old string, a audit.Action) (Delivery, error)
}

// Webhooks manages webhooks.
type Webhooks struct {
	store  WebhookStore
	cipher *crypt.Cipher
	now    func() time.Time
}

// NewWebhooks returns Webhooks that use the store. The installation's secret
// encrypts their secrets.
func NewWebhooks(store WebhookStore, secret *crypt.Secret, now func() time.Time) *Webhooks {
	return &Webhooks{store, secret.Cipher(crypt.Webhooks), now}
}

// A WebhookSpec is a caller's description of a webhook.
type WebhookSpec struct {
	URL      string
	Types    []string
	Disabled bool
}

// Check returns a fault for each invalid field.
func (s WebhookSpec) Check() error {
	_, err := s.Webhook()
	return err
}

// Webhook returns the webhook that the spec describes, without an account. If
// it is disabled, it has been from the start. The error holds a fault for each
// invalid field.
func (s WebhookSpec) Webhook() (Webhook, error) {
	var w Webhook
	err := s.apply(&w, time.UnixMilli(0))
	return w, err
}

// apply copies the spec into w, or returns a fault.
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

// hostSpelling matches a name in its ASCII form or an address. Anything else
// that a URL can encode must not appear in the action log.
var hostSpelling = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)

// checkURL refuses anything but the URL of an HTTPS endpoint. Whether the
// service may connect to it is decided at each call.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil, len(text) > maxURL, u.Scheme != "https", !hostSpelling.MatchString(u.Hostname()), !goodPort(u), u.User != nil, u.Fragment != "",
		strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return fault.On("url", fault.Invalid, "Enter a URL that begins with https:// and contains no username and no fragment.")
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
			return nil, fault.On("events", fault.Invalid, "This event doesn't exist. Use one of %s.", joined(Types()))
		}
		all = append(all, Type(name))
	}
	if len(all) == 0 {
		return nil, fault.On("events", fault.Invalid, "Choose at least one event: %s.", joined(Types()))
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

// List returns the webhooks of an account, oldest first.
func (s *Webhooks) List(ctx context.Context, account string) ([]Webhook, error) {
	return s.store.Webhooks(ctx, account)
}

// Get returns a webhook of the account, or a NotFound fault.
func (s *Webhooks) Get(ctx context.Context, account, webhook string) (Webhook, error) {
	return s.store.Webhook(ctx, account, webhook)
}

// Deliveries returns the last deliveries to a webhook of the account, newest
// first.
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

// Payloads returns the bodies of the deliveries' calls by delivery ID. It
// leaves out those whose content is no longer in the action log.
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

// Create creates a webhook and returns its secret, which is shown only once.
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

// Update sets everything in the spec. If it enables a webhook that was
// disabled, its failures are forgotten.
func (s *Webhooks) Update(ctx context.Context, by audit.Grant, account, webhook string, spec WebhookSpec) (Webhook, error) {
	return s.Change(ctx, by, account, webhook, func(Webhook) (WebhookSpec, error) { return spec, nil })
}

// Change is Update with a spec that is computed from the current webhook:
// nobody else can change it meanwhile. If change fails, nothing is changed. It
// may be called more than once.
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

// Rotate gives a webhook a new secret, which is shown only once. The old one
// also signs for RotationLife.
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

// Delete deletes a webhook of the account if check allows it. Check may be
// nil; its error is returned.
func (s *Webhooks) Delete(ctx context.Context, by audit.Grant, account, webhook string, check func(Webhook) error) error {
	w, err := s.store.Webhook(ctx, account, webhook)
	if err != nil {
		return err
	}
	return s.store.DeleteWebhook(ctx, by, account, webhook, check, webhookAction(audit.WebhookDelete, by, w, Webhook{}))
}

// Test sends a TestEvent to a webhook soon, and returns the delivery.
func (s *Webhooks) Test(ctx context.Context, by audit.Grant, account, webhook string) (Delivery, error) {
	w, err := s.enabled(ctx, account, webhook)
	if err != nil {
		return Delivery{}, err
	}
	d := Delivery{ID: id.New("dlv"), Message: id.New("msg"), Account: account, Type: TestEvent, Webhook: w.ID, State: Waiting, Created: s.now()}
	return d, s.store.TestWebhook(ctx, by, d, webhookAction(audit.WebhookTest, by, w, w))
}

// enabled is Get for operations that need an enabled webhook.
func (s *Webhooks) enabled(ctx context.Context, account, webhook string) (Webhook, error) {
	w, err := s.store.Webhook(ctx, account, webhook)
	if err == nil && !w.Disabled.IsZero() {
		err = fault.New(fault.Conflict, "This webhook is disabled. Enable it first.")
	}
	return w, err
}

// Redeliver repeats a finished call, whether it succeeded or not, and returns
// the new delivery. Each can be repeated once. It has the same webhook-id, by
// which a receiver recognizes what it already has.
func (s *Webhooks) Redeliver(ctx context.Context, by audit.Grant, account, webhook, delivery string) (Delivery, error) {
	w, err := s.enabled(ctx, account, webhook)
	if err != nil {
		return Delivery{}, err
	}
	a := webhookAction(audit.WebhookRedeliver, by, w, w)
	a.Changes = []audit.Change{{Field: "delivery", New: delivery}}
	return s.store.Redeliver(ctx, by, Delivery{ID: id.New("dlv"), Account: account, Webhook: w.ID, Created: s.now()}, delivery, a)
}

// Enable enables a disabled webhook.
func (s *Webhooks) Enable(ctx context.Context, by audit.Grant, account, webhook string) error {
	return s.setDisabled(ctx, by, account, webhook, false)
}

// Disable disables a webhook. Waiting deliveries are dropped.
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

// host is what the log contains of a URL: many have a token in their path.
func host(webhooks ...Webhook) string {
	for _, w := range webhooks {
		if u, err := url.Parse(w.URL); err == nil && u.Host != "" {
			return u.Host
		}
	}
	return ""
}

// Action returns an action of the program itself on the webhook. The reason
// may be empty.
func (w Webhook) Action(name audit.Name, by audit.Grant, reason string) audit.Action {
	a := webhookAction(name, by, w, w)
	if reason != "" {
		a.Changes = []audit.Change{{Field: "disabled", New: reason}}
	}
	return a
}
