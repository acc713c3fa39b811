package pushes

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/push"
)

// Files opens what batches have made. *batches.Service is one.
type Files interface {
	Get(ctx context.Context, account, id string) (batches.Batch, error)
	Look(ctx context.Context, account, id, name string) (batches.File, error)
}

// A Config is what a Service needs. All fields are required.
type Config struct {
	Store  Store
	Files  Files
	Secret *crypt.Secret // of the installation
	Client push.Doer     // that goes where the service may
	Now    func() time.Time
}

// A Service connects accounts to their NanoMDM and brings it batches.
type Service struct {
	Config
	cipher *crypt.Cipher
}

// New returns a Service.
func New(c Config) *Service { return &Service{c, c.Secret.Cipher(crypt.DeviceServers)} }

const (
	maxURL = 500
	maxKey = 500
)

// A Spec is what a caller says of a NanoMDM.
type Spec struct {
	URL string
	// Key is that of its API. Empty: the one that is kept, if the URL stays.
	Key string
}

// Server returns the account's server, or a NotFound fault.
func (s *Service) Server(ctx context.Context, account string) (Server, error) {
	return s.Store.DeviceServer(ctx, account)
}

// Connect connects the account to a NanoMDM, or changes how it is. It returns the
// secret of the webhook the first time, which is shown this once, and later an
// empty text.
func (s *Service) Connect(ctx context.Context, by audit.Grant, account string, spec Spec) (secret string, err error) {
	spec.URL, spec.Key = strings.TrimRight(profile.Trim(spec.URL), "/"), profile.Trim(spec.Key)
	if err := spec.check(); err != nil {
		return "", err
	}
	err = s.Store.ChangeDeviceServer(ctx, by, account, func(old Server) (Server, audit.Action, error) {
		secret = ""
		now := s.Now()
		d, name := old, audit.DeviceServerUpdate
		if old.Account == "" {
			d, name = Server{Account: account, Hook: id.New("hook"), Created: now}, audit.DeviceServerConnect
			secret = newSecret()
			d.Secret = s.cipher.Encrypt([]byte(secret), d.Hook)
		}
		if spec.Key == "" && (old.Account == "" || old.URL != spec.URL) {
			return Server{}, audit.Action{}, fault.On("key", fault.Invalid, "Enter the API key. It's needed for each new address.")
		}
		if spec.Key != "" {
			d.Key = s.cipher.Encrypt([]byte(spec.Key), d.Hook)
		}
		d.URL, d.Updated = spec.URL, now
		a := serverAction(name, by, d, audit.Change{Field: "url", Old: old.URL, New: d.URL})
		if spec.Key != "" {
			a.Changes = append(a.Changes, audit.Change{Field: "key", New: "***"})
		}
		return d, a, nil
	})
	return secret, err
}

// hostSpelling is that of a name in its ASCII form or of an address.
var hostSpelling = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)

// check refuses what is no address of NanoMDM. Where it leads is decided when it is
// called.
func (s Spec) check() error {
	var errs []error
	u, err := url.Parse(s.URL)
	switch {
	case err != nil, len(s.URL) > maxURL, u.Scheme != "https", !hostSpelling.MatchString(u.Hostname()), u.User != nil, u.RawQuery != "", u.Fragment != "",
		strings.ContainsFunc(s.URL, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		errs = append(errs, fault.On("url", fault.Invalid, "Write an address that begins with https:// and holds no user name, ? or #, such as https://mdm.example.com."))
	}
	if len(s.Key) > maxKey || s.Key != "" && profile.CheckLine(s.Key) != nil {
		errs = append(errs, fault.On("key", fault.Invalid, "The API key is one line of up to %d bytes.", maxKey))
	}
	return errors.Join(errs...)
}

// Rotate gives the webhook of the account's server a new secret, which is shown
// this once. The old one stops working.
func (s *Service) Rotate(ctx context.Context, by audit.Grant, account string) (secret string, err error) {
	err = s.Store.ChangeDeviceServer(ctx, by, account, func(d Server) (Server, audit.Action, error) {
		if d.Account == "" {
			return d, audit.Action{}, errNoServer()
		}
		secret = newSecret()
		d.Secret, d.Updated = s.cipher.Encrypt([]byte(secret), d.Hook), s.Now()
		return d, serverAction(audit.DeviceServerUpdate, by, d, audit.Change{Field: "secret", Old: "***", New: "***"}), nil
	})
	return secret, err
}

// Disconnect forgets the account's server. What was sent stays on devices.
func (s *Service) Disconnect(ctx context.Context, by audit.Grant, account string) error {
	return s.Store.DeleteDeviceServer(ctx, by, account, func(d Server) audit.Action {
		return serverAction(audit.DeviceServerDisconnect, by, d, audit.Change{Field: "url", Old: d.URL})
	})
}

// newSecret is a secret for a webhook.
func newSecret() string { return "nms_" + strings.ToLower(rand.Text()) }

func serverAction(name audit.Name, by audit.Grant, d Server, changes ...audit.Change) audit.Action {
	a := audit.Action{Account: d.Account, Name: name, Outcome: audit.Done, Actor: by.Actor, Target: audit.Target{Kind: audit.DeviceServerTarget, ID: d.Hook}}
	if u, err := url.Parse(d.URL); err == nil {
		a.Target.Name = u.Host
	}
	for _, c := range changes {
		if c.Old != c.New || c.Field == "secret" {
			a.Changes = append(a.Changes, c)
		}
	}
	return a
}

func errNoServer() error {
	return fault.New(fault.Conflict, "No NanoMDM is connected. Connect one under For MDM.")
}

// Push has the files of a batch sent to the devices of its people: those that
// don't have them, and to which they aren't on their way.
func (s *Service) Push(ctx context.Context, by audit.Grant, account, batch string) (Overview, error) {
	if _, err := s.Files.Get(ctx, account, batch); err != nil {
		return Overview{}, err
	}
	if _, err := s.Store.DeviceServer(ctx, account); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = errNoServer()
		}
		return Overview{}, err
	}
	now := s.Now()
	p := Push{Batch: batch, Account: account, By: batches.ActsBy(by), Created: now, Updated: now}
	err := s.Store.AskForPush(ctx, by, p, func(b batches.Batch) (audit.Action, error) {
		switch {
		case b.State != batches.Done || !b.Choice.MakesFiles():
			return audit.Action{}, fault.New(fault.Conflict, "This batch has made no files that could be sent.")
		case b.Expired:
			return audit.Action{}, fault.New(fault.Gone, "The files of this batch have been deleted.")
		case b.Erases && by.Kind == audit.SessionGrant && !by.Fresh:
			return audit.Action{}, fault.New(fault.ConfirmationNeeded, "Confirm it's you, then try again.")
		}
		return audit.Action{Account: account, Name: audit.BatchPush, Outcome: audit.Done, Actor: by.Actor, Target: audit.Target{Kind: audit.BatchTarget, ID: b.ID, Name: b.Name}}, nil
	})
	if err != nil {
		return Overview{}, err
	}
	return s.Overview(ctx, account, batch)
}

// Overview returns the push of a batch, or a NotFound fault.
func (s *Service) Overview(ctx context.Context, account, batch string) (Overview, error) {
	p, err := s.Store.Push(ctx, account, batch)
	if err != nil {
		return Overview{}, err
	}
	states, err := s.Store.CountDeliveries(ctx, account, batch)
	return Overview{p, states}, err
}

// Deliveries returns the deliveries of the batch that the filter finds.
func (s *Service) Deliveries(ctx context.Context, account, batch string, f Filter) ([]Delivery, error) {
	f.Limit = min(max(f.Limit, 1), 1001)
	return s.Store.PushDeliveries(ctx, account, batch, f)
}

// Hear keeps what the webhook of a NanoMDM tells. An address that isn't there is a
// NotFound fault, and a signature that isn't by its secret an Unauthorized one.
func (s *Service) Hear(ctx context.Context, hook, signature string, read func() ([]byte, error)) error {
	d, err := s.Store.DeviceServerByHook(ctx, hook)
	if err != nil {
		return err
	}
	secret, err := s.cipher.Decrypt(d.Secret, d.Hook)
	if err != nil {
		return err
	}
	body, err := read()
	if err != nil {
		return err
	}
	if !push.Signed(body, secret, signature) {
		return errSignature()
	}
	e, err := push.ReadEvent(body)
	if err != nil || len(e.Enrollment) > maxEnrollment || len(e.UDID) > maxEnrollment {
		return fault.New(fault.Invalid, "It isn't an event of NanoMDM.")
	}
	// While the event was read, the secret may have been replaced.
	still := func(d Server) error {
		now, err := s.cipher.Decrypt(d.Secret, d.Hook)
		if err == nil && !bytes.Equal(now, secret) {
			err = errSignature()
		}
		return err
	}
	now := s.Now()
	switch {
	case e.Enrollment == "":
		return nil
	case e.Left:
		return s.Store.LeaveDevice(ctx, d.Account, e.Enrollment, now, still)
	case e.Enrolled:
		return s.Store.HearDevice(ctx, Enrollment{Account: d.Account, ID: e.Enrollment, UDID: e.UDID, Serial: e.Serial, Heard: now}, still)
	case e.Command != "":
		return s.Store.AnswerDelivery(ctx, d.Account, e, now, still)
	}
	return nil
}

func errSignature() error {
	return fault.New(fault.Unauthorized, "The signature isn't by the secret of this webhook. Start NanoMDM with -webhook-hmac-key.")
}

// maxEnrollment is the length of the longest ID of an enrollment, in bytes.
const maxEnrollment = 255
