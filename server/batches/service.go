package batches

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/tempfile"
	"github.com/updatecase/mobileconfig/signing"
)

// A Service manages batches. All fields are required unless the comment says
// otherwise.
type Service struct {
	Store interface {
		Store
		WorkStore
	}
	Files   blob.Store
	Domains interface {
		// Domain returns the domain with the name, or a NotFound fault.
		Domain(ctx context.Context, name string) (settings.Domain, error)
	}
	Links interface {
		// Build returns the link of the spec without storing it.
		Build(ctx context.Context, by audit.Grant, spec setup.LinkSpec) (setup.Link, error)
	}
	Issuer   *issue.Issuer
	Identity func() signing.Description
	// Tool names the program in archives.
	Tool string
	// Retention is how long files are kept.
	Retention time.Duration
	Log       *slog.Logger
	Now       func() time.Time

	kept kept
}

// Create stores the list from the file, and enqueues its check.
func (s *Service) Create(ctx context.Context, by audit.Grant, account string, list *os.File, name string, c Choice) (Batch, error) {
	c, err := c.checked()
	if err != nil {
		return Batch{}, err
	}
	if _, err := list.Seek(0, io.SeekStart); err != nil {
		return Batch{}, fmt.Errorf("batches: %w", err)
	}
	digest, size, err := batch.Digest(list)
	if err != nil {
		return Batch{}, fmt.Errorf("batches: %w", err)
	}
	now := s.Now()
	b := Batch{ID: id.New("bat"), Account: account, Name: nameOf(name), State: Checking, Choice: c, By: ActsBy(by), Size: size, Digest: digest, Created: now, Round: 1}
	if err := s.Files.Put(ctx, fileOf(b.ID, listFile), list); err != nil {
		return Batch{}, err
	}
	if err := s.Store.CreateBatch(ctx, by, b, action(audit.BatchCreate, by, b, audit.Change{Field: "sha256", New: digest})); err != nil {
		s.deleteFiles(ctx, b.ID, nil)
		return Batch{}, err
	}
	return s.Store.Batch(ctx, account, b.ID)
}

// checked fills in defaults, and refuses invalid options.
func (c Choice) checked() (Choice, error) {
	c.Variant, c.Platforms = cmp.Or(c.Variant, settings.Mail), cmp.Or(c.Platforms, batch.IPhone)
	c.Output = cmp.Or(c.Output, Files)
	var bad []error
	if c.Variant != settings.Mail && c.Variant != settings.Secure {
		bad = append(bad, fault.On("variant", fault.VariantUnknown, "The variant is %q or %q.", settings.Mail, settings.Secure))
	}
	if _, err := batch.ParsePlatforms(string(c.Platforms)); err != nil {
		bad = append(bad, fault.On("platform", fault.PlatformUnknown, "The platform is iphone, mac or both."))
	}
	if !slices.Contains([]Output{Files, Links, Both}, c.Output) {
		bad = append(bad, fault.On("output", fault.Invalid, "The output is %q, %q or %q.", Files, Links, Both))
	}
	if c.Mail && !c.MakesLinks() {
		c.Mail = false
	}
	if c.Declarations && !c.MakesFiles() {
		c.Declarations = false
	}
	if _, err := language.Parse(c.Locale); c.Locale != "" && err != nil {
		bad = append(bad, fault.On("locale", fault.Invalid, "Enter a language, for example en or pt-BR."))
	}
	for _, field := range c.Map {
		if !slices.Contains(batch.Fields(), field) {
			bad = append(bad, fault.On("map", fault.Invalid, "A column must be one of %s.", strings.Trim(fmt.Sprint(batch.Fields()), "[]")))
			break
		}
	}
	return c, errors.Join(bad...)
}

// nameOf returns the display name of a batch: up to 100 characters on one line.
func nameOf(name string) string {
	name = profile.Plain(strings.ToValidUTF8(name, ""))
	if profile.CheckLine(name) != nil {
		name = ""
	}
	if utf8.RuneCountInString(name) > 100 {
		name = string([]rune(name)[:100])
	}
	return cmp.Or(name, "batch")
}

// ActsBy returns the right that a batch uses after the request has ended.
func ActsBy(by audit.Grant) audit.Grant {
	g := audit.Grant{
		Actor: audit.Actor{Kind: by.Actor.Kind, ID: by.Actor.ID, Name: by.Actor.Name, Interface: audit.Internal},
		Kind:  by.Kind, ID: by.ID, Account: by.Account, Need: by.Need, Domains: by.Domains, Expires: by.Expires,
	}
	if by.Kind == audit.SessionGrant {
		g.Kind, g.ID = audit.MemberGrant, by.Actor.ID
	}
	return g
}

func action(name audit.Name, by audit.Grant, b Batch, changes ...audit.Change) audit.Action {
	return audit.Action{
		Account: b.Account, Name: name, Outcome: audit.Done, Actor: by.Actor,
		Target:  audit.Target{Kind: audit.BatchTarget, ID: b.ID, Name: b.Name},
		Changes: changes,
	}
}

// Preview checks a list and stores nothing. It returns the first hundred
// problems.
func (s *Service) Preview(ctx context.Context, by audit.Grant, account string, list io.Reader, c Choice) (batch.Plan, []Problem, error) {
	c, err := c.checked()
	if err != nil {
		return batch.Plan{}, nil, err
	}
	problems := &problems{limit: 100}
	plan, _, err := s.read(ctx, Batch{Account: account, By: by, Choice: c}, list, batch.Checking{Rows: io.Discard, Errors: io.Discard, Problem: problems.add})
	if input, ok := errors.AsType[*batch.InputError](err); ok {
		return batch.Plan{}, nil, fault.New(fault.Invalid, "%s", input.Error())
	}
	if err != nil {
		return batch.Plan{}, nil, err
	}
	return plan.Summary(), problems.all, nil
}

// Recheck checks the list of a batch again with other options. A batch that was
// started can't be checked again, unless it has failed.
func (s *Service) Recheck(ctx context.Context, by audit.Grant, account, id string, c Choice) (Batch, error) {
	c, err := c.checked()
	if err != nil {
		return Batch{}, err
	}
	return s.change(ctx, by, account, id, func(b *Batch) ([]audit.Action, error) {
		if b.State != Ready && b.State != Failed || b.over(s.Now()) {
			return nil, fault.New(fault.Conflict, "This batch can't be checked again. Upload the list as a new batch.")
		}
		c.Manifest = b.Choice.Manifest
		b.State, b.Choice, b.By, b.Reason, b.Detail = Checking, c, ActsBy(by), "", ""
		b.Ended, b.Expires = time.Time{}, time.Time{}
		b.Round++
		return []audit.Action{action(audit.BatchUpdate, by, *b)}, nil
	})
}

func (s *Service) change(ctx context.Context, by audit.Grant, account, id string, change Change) (Batch, error) {
	if err := s.Store.ChangeBatch(ctx, by, account, id, change); err != nil {
		return Batch{}, err
	}
	return s.Store.Batch(ctx, account, id)
}

// Start starts creating the files, or continues with a failed batch. From now
// on it acts for the member or key that starts it. If the files can make
// devices erase themselves, a member needs a recent second factor, and a key
// the account's consent.
func (s *Service) Start(ctx context.Context, by audit.Grant, account, id string) (Batch, error) {
	b, err := s.Store.Batch(ctx, account, id)
	if err != nil {
		return Batch{}, err
	}
	signer := s.Identity()
	if signer.Fault != nil {
		return Batch{}, fault.New(fault.SignerUnavailable, "Profiles can't be signed now. Tell the server operator.")
	}
	set, err := s.settings(ctx, b)
	if err != nil {
		return Batch{}, err
	}
	return s.change(ctx, by, account, id, func(b *Batch) ([]audit.Action, error) {
		switch {
		case !b.Startable() || b.over(s.Now()):
			return nil, notStartable(*b, s.Now())
		case set != b.Settings:
			return nil, errSettings()
		case b.Erases && by.Kind == audit.SessionGrant && !by.Fresh:
			return nil, fault.New(fault.ConfirmationNeeded, "Confirm it's you, then try again.")
		}
		if b.Made == 0 || b.About.Signer.Fingerprint != signer.Fingerprint {
			b.Made, b.Archives, b.About = 0, nil, s.about(*b, signer)
		}
		b.State, b.By, b.Started, b.Reason, b.Detail = Running, ActsBy(by), s.Now(), "", ""
		b.Ended, b.Expires = time.Time{}, time.Time{}
		b.Round++
		changes := []audit.Change{
			{Field: "rows", New: fmt.Sprint(b.Plan.Rows)}, {Field: "files", New: fmt.Sprint(b.Plan.Files)}, {Field: "variant", New: string(b.Choice.Variant)},
		}
		if b.Choice.Declarations {
			changes = append(changes, audit.Change{Field: "declarations", New: "yes"})
		}
		return []audit.Action{action(audit.BatchStart, by, *b, changes...)}, nil
	})
}

func (s *Service) about(b Batch, signer signing.Description) batch.About {
	return batch.About{
		Batch: strings.TrimPrefix(b.ID, "bat_"), Created: s.Now().UTC().Truncate(time.Second), Tool: s.Tool,
		Signer: batch.Signer{Name: signer.Name, Fingerprint: signer.Fingerprint, NotAfter: signer.NotAfter.UTC()},
	}
}

func errSettings() error {
	return fault.New(fault.SettingsChanged, "The settings of a domain have changed since the list was checked. Check it again.")
}

// notStartable returns a fault that says why.
func notStartable(b Batch, now time.Time) error {
	switch {
	case b.State == Checking:
		return fault.New(fault.Conflict, "The list is still being checked. Try again when that is done.")
	case b.State == Running:
		return fault.New(fault.Conflict, "This batch is running already.")
	case b.State == Done || b.State == Canceled:
		return fault.New(fault.Conflict, "This batch has ended. Upload the list as a new batch.")
	case b.over(now):
		return fault.New(fault.Gone, "The list has been deleted. Upload it again.")
	case b.Plan.Rows == 0:
		return fault.New(fault.Conflict, "The list has no usable row. Correct the list and upload it again.")
	}
	return fault.New(fault.Conflict, "%d rows have problems. Correct the list, or skip them.", b.Plan.Bad)
}

// Cancel stops the batch, and deletes its list and files.
func (s *Service) Cancel(ctx context.Context, by audit.Grant, account, id string) (Batch, error) {
	b, err := s.change(ctx, by, account, id, func(b *Batch) ([]audit.Action, error) {
		if !b.Live() && b.State != Ready {
			return nil, fault.New(fault.Conflict, "This batch has ended.")
		}
		now := s.Now()
		b.State, b.Ended, b.Expires = Canceled, now, now
		return []audit.Action{action(audit.BatchCancel, by, *b)}, nil
	})
	if err != nil {
		return Batch{}, err
	}
	if err := s.expire(ctx, b); err != nil {
		s.Log.Warn("files of a canceled batch weren't deleted; the next cleanup will retry", "batch", b.ID, "error", err)
	}
	return s.Store.Batch(ctx, account, id)
}

// Delete deletes the batch and everything stored of it.
func (s *Service) Delete(ctx context.Context, by audit.Grant, account, id string) error {
	b, err := s.Store.Batch(ctx, account, id)
	if err != nil {
		return err
	}
	if err := s.Store.DeleteBatch(ctx, by, account, id, action(audit.BatchDelete, by, b)); err != nil {
		return err
	}
	s.deleteFiles(ctx, id, nil)
	return nil
}

// List returns the batches of the account that match the filter, the newest
// first.
func (s *Service) List(ctx context.Context, account string, f Filter) ([]Batch, error) {
	f.Limit = min(max(f.Limit, 1), 101)
	return s.Store.Batches(ctx, account, f)
}

// Get returns a batch of the account, or a NotFound fault.
func (s *Service) Get(ctx context.Context, account, id string) (Batch, error) {
	return s.Store.Batch(ctx, account, id)
}

// Problems returns up to limit problems of the batch after the given number.
func (s *Service) Problems(ctx context.Context, account, id string, after, limit int) ([]Problem, error) {
	if _, err := s.Store.Batch(ctx, account, id); err != nil {
		return nil, err
	}
	return s.Store.BatchProblems(ctx, account, id, after, min(max(limit, 1), 1001))
}

// look is how often Watch looks for changes.
const look = 100 * time.Millisecond

// Watch calls f with the batch, and again whenever it has changed, until it is
// no longer being processed, f fails or ctx is done.
func (s *Service) Watch(ctx context.Context, account, id string, f func(Batch) error) error {
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for first, last := true, (Batch{}); ; first = false {
		b, err := s.Store.Batch(ctx, account, id)
		if err != nil {
			return err
		}
		if first || b.State != last.State || b.Made != last.Made || len(b.Archives) != len(last.Archives) {
			if err := f(b); err != nil {
				return err
			}
		}
		if last = b; !b.Live() {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// Reissue creates a new batch from what another has created: with the current
// certificate and settings.
func (s *Service) Reissue(ctx context.Context, by audit.Grant, account, id string) (Batch, error) {
	b, err := s.Store.Batch(ctx, account, id)
	if err != nil {
		return Batch{}, err
	}
	if b.State != Done {
		return Batch{}, fault.New(fault.Conflict, "This batch has created nothing that could be signed again.")
	}
	list, err := tempfile.Create()
	if err != nil {
		return Batch{}, fmt.Errorf("batches: %w", err)
	}
	defer list.Close()
	for n := range b.Archives {
		if err := s.appendManifest(ctx, list.File, b.ID, n+1); err != nil {
			return Batch{}, fmt.Errorf("batches: manifest: %w", err)
		}
	}
	c := b.Choice
	c.Manifest, c.Map, c.Drop = true, nil, nil
	return s.Create(ctx, by, account, list.File, b.Name, c)
}
