package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"golang.org/x/text/language"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/batch"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/templates"
)

type batchCommand struct {
	Input   string   `placeholder:"FILE" help:"People: CSV with a header, or JSON Lines. Exports of Google Workspace, Microsoft 365, Entra, Apple and cPanel are accepted unchanged."`
	Reissue []string `sep:"none" placeholder:"MANIFEST" help:"Instead of --input: create the files of a batch again from its manifest.csv or archive. Can be repeated."`
	serviceFlags
	Variant           string            `default:"mail" enum:"mail,secure" placeholder:"mail|secure" help:"mail, or secure for the passcode policy as well (default: mail)."`
	Platform          string            `default:"iphone" enum:"iphone,mac,both" placeholder:"iphone|mac|both" help:"For rows without a platform: iphone (also for iPads), mac or both (default: iphone)."`
	MaxFailedAttempts int               `default:"10" placeholder:"N" help:"With --variant secure: number of wrong passcodes that erase an iPhone or lock a Mac, 7 to 10 (default: 10)."`
	Declarations      bool              `help:"Add the passcode policy of each email domain to the archives as declarations, for an MDM. Use it with --variant mail: otherwise devices get the policy twice."`
	Declared          bool              `name:"experimental-declarations" help:"Experimental, for manual installation on iOS 17 and macOS 14 or later: write the passcode policy in the profiles of --variant secure as declarations. An MDM can't install these profiles."`
	Locale            string            `placeholder:"L" help:"Language of the profiles' texts, for rows without a locale (default: en)."`
	Map               map[string]string `mapsep:"none" placeholder:"COLUMN=FIELD" help:"Which field a column contains, for example Mailbox=email. Can be repeated."`
	DropColumn        []string          `sep:"none" placeholder:"COLUMN" help:"Column to ignore. Can be repeated."`
	DryRun            bool              `help:"Check the input without creating files."`
	Since             []string          `sep:"none" placeholder:"MANIFEST" help:"With --dry-run: count new, changed, unchanged and removed files compared with an earlier batch, given as its manifest.csv or archive."`
	SkipBadRows       bool              `help:"Skip rows with problems. Without this flag, any problem stops the batch."`
	Resume            bool              `help:"Resume an interrupted batch. Give the same flags as before."`
	JSON              bool              `name:"json" help:"Report progress as JSON, one event per line."`
	Output            string            `short:"o" placeholder:"FILE" help:"Archive to write, for example out.zip. More than 50,000 files are split into out-001.zip, out-002.zip and so on."`
	identityFlags
}

// The garbage collector runs when garbage reaches this percentage of the memory
// in use, or when the process uses this many bytes.
const (
	batchGCPercent = 400
	batchMemory    = 80 << 20
)

// Run checks the input, creates the files and writes them to archives.
func (c *batchCommand) Run(s streams) error {
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(batchGCPercent))
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(batchMemory))
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	run, err := c.prepare(s)
	if err != nil {
		return err
	}
	if c.DryRun {
		return run.dry(ctx)
	}
	return run.make(ctx)
}

// A batchRun is a running batch command.
type batchRun struct {
	*batchCommand
	reporter
	service settings.MailService
	policy  profile.Passcode
	texts   *templates.Set
	id      *signing.Identity // nil in a dry run
}

// checkFlags refuses invalid combinations of flags.
func (c *batchCommand) checkFlags() error {
	switch {
	case (c.Input == "") == (len(c.Reissue) == 0):
		return errors.New("give --input FILE or --reissue MANIFEST")
	case c.Output == "" && !c.DryRun:
		return errors.New("-o is missing: give the archive to write, for example out.zip")
	case len(c.Since) > 0 && !c.DryRun:
		return errors.New("--since needs --dry-run")
	case c.Declared && c.Variant != string(settings.Secure) && len(c.Reissue) == 0:
		return errors.New("--experimental-declarations needs --variant secure")
	case c.Resume && c.DryRun:
		return errors.New("--resume and --dry-run can't be used together")
	}
	return nil
}

// prepare reads the flags.
func (c *batchCommand) prepare(s streams) (*batchRun, error) {
	run := &batchRun{batchCommand: c, reporter: newReporter(s, c.JSON)}
	err := c.checkFlags()
	if err != nil {
		return nil, usage(err)
	}
	if run.service, err = c.service(); err != nil {
		return nil, err
	}
	if run.policy, err = devicePolicy(c.MaxFailedAttempts); err != nil {
		return nil, err
	}
	if _, err := language.Parse(c.Locale); c.Locale != "" && err != nil {
		return nil, flagError("--locale", errors.New("give a language tag, for example en or pt-BR"))
	}
	if run.texts, err = templates.Words(); err != nil {
		return nil, err
	}
	if !c.DryRun {
		if run.id, err = c.load(s.err); err != nil {
			return nil, err
		}
	}
	for _, server := range []profile.Server{run.service.Incoming, run.service.Outgoing} {
		if advice := settings.PasswordAdvice(server.Host); advice != "" {
			run.warn(fmt.Sprintf("%s: %s", server.Host, advice))
			break
		}
	}
	return run, nil
}

// orders are the settings for every domain.
func (r *batchRun) orders(who issue.Person, what batch.FileKind) (issue.Order, error) {
	return issue.Order{
		Service: r.service, Person: who, Platform: what.Platform, Variant: what.Variant, Policy: r.policy,
		Declared: r.Declared && what.Variant == settings.Secure,
	}, nil
}

func (r *batchRun) maker() *batch.Maker {
	issuer := issue.New(r.texts, func() signing.Signer { return r.id })
	return &batch.Maker{Issuer: issuer, Orders: r.orders, Declare: func(domain string, p profile.Platform) ([]profile.Declaration, error) {
		return issuer.Declare(settings.Domain{Name: domain, DevicePolicy: r.policy}, p)
	}}
}

// checking returns the options for checking rows. The caller sets where good
// rows go.
func (r *batchRun) checking() batch.Checking {
	return batch.Checking{
		Defaults: batch.Defaults{Platforms: batch.Platforms(r.Platform), Variant: settings.Variant(r.Variant), Locale: r.Locale},
		Orders:   r.orders, Declarations: r.Declarations,
		Problem: r.problem,
	}
}

// reader opens the input and also writes everything it reads to the digest.
func (r *batchRun) reader(digest io.Writer) (*batch.Reader, func(), error) {
	files, options := []string{r.Input}, batch.Options{Map: map[string]batch.Field{}, Drop: r.DropColumn}
	for column, field := range r.Map {
		options.Map[column] = batch.Field(field)
	}
	if r.Input == "" {
		files, options.Manifest = r.Reissue, true
	}
	var closers []io.Closer
	done := func() {
		for _, c := range closers {
			c.Close()
		}
	}
	var readers []*batch.Reader
	for _, name := range files {
		f, err := openInput(name, options.Manifest)
		if err != nil {
			done()
			return nil, nil, usage(err)
		}
		closers = append(closers, f)
		reader, err := batch.NewReader(io.TeeReader(f, digest), options)
		if err != nil {
			done()
			return nil, nil, inputError(name, err)
		}
		readers = append(readers, reader)
	}
	return batch.Join(readers...), done, nil
}

// inputError adds the input's name to an error in the input.
func inputError(name string, err error) error {
	if _, ok := errors.AsType[*batch.InputError](err); ok {
		return usage(fmt.Errorf("%s: %w", name, err))
	}
	return err
}

// inputName is the input's name in errors.
func (r *batchRun) inputName() string {
	if r.Input != "" {
		return r.Input
	}
	return r.Reissue[0]
}

// dry checks the input without creating anything.
func (r *batchRun) dry(ctx context.Context) error {
	reader, done, err := r.reader(io.Discard)
	if err != nil {
		return err
	}
	defer done()
	checking := r.checking()
	checking.Rows, checking.Errors = io.Discard, io.Discard
	if len(r.Since) > 0 {
		f, err := os.CreateTemp("", "mobileconfig-batch")
		if err != nil {
			return err
		}
		defer os.Remove(f.Name())
		defer f.Close()
		checking.Rows = f
		if err := r.compare(ctx, reader, checking, f); err != nil {
			return err
		}
		return nil
	}
	plan, err := batch.Check(ctx, reader, checking)
	if err != nil {
		return inputError(r.inputName(), err)
	}
	r.checked(plan)
	return badRows(plan)
}

// compare checks the input and compares it with earlier batches.
func (r *batchRun) compare(ctx context.Context, reader *batch.Reader, checking batch.Checking, rows *os.File) error {
	var since batch.Since
	if err := eachManifest(r.Since, since.Read); err != nil {
		return err
	}
	plan, err := batch.Check(ctx, reader, checking)
	if err != nil {
		return inputError(r.inputName(), err)
	}
	r.checked(plan)
	if _, err := rows.Seek(0, io.SeekStart); err != nil {
		return err
	}
	d, err := r.maker().Compare(ctx, batch.ReadRows(rows), &since, r.differs)
	if err != nil {
		return err
	}
	err = eachManifest(r.Since, func(m io.Reader) error {
		return since.Gone(m, func(address string) error { return r.differs("gone", address) })
	})
	if err != nil {
		return err
	}
	r.compared(d)
	return badRows(plan)
}

func eachManifest(names []string, read func(io.Reader) error) error {
	for _, name := range names {
		f, err := openInput(name, true)
		if err != nil {
			return usage(err)
		}
		err = read(f)
		f.Close()
		if err != nil {
			return inputError(name, err)
		}
	}
	return nil
}

// badRows returns an error if any rows have problems.
func badRows(p *batch.Plan) error {
	if p.Bad == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d rows have problems", p.Bad, p.Read)
}

// make creates the archives.
func (r *batchRun) make(ctx context.Context) error {
	b, err := r.open()
	if err != nil {
		return err
	}
	defer b.Close()
	if b.Plan() == nil {
		err = r.check(ctx, b)
	} else {
		err = r.same(b)
	}
	if err != nil {
		return err
	}
	plan := b.Plan()
	if plan.Bad > 0 && !r.SkipBadRows || plan.Rows == 0 {
		_, name := b.Names(r.Output)
		if err := errors.Join(b.PublishErrors(name), b.Discard()); err != nil {
			return err
		}
		r.refused(plan, name)
		return badRows(plan)
	}
	bar := r.bar(plan.Rows)
	err = b.Make(ctx, r.maker(), bar.update)
	bar.clear()
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; run the same command with --resume to continue, or delete %s", r.folder())
	}
	if err != nil {
		return err
	}
	if err := b.Publish(r.Output); err != nil {
		return err
	}
	r.finished(plan, b, r.Output)
	return badRows(plan)
}

// folder is the working folder of the batch.
func (r *batchRun) folder() string { return r.Output + ".unfinished" }

// open starts or resumes the batch.
func (r *batchRun) open() (*batch.Batch, error) {
	if r.Resume {
		b, err := batch.Resume(r.folder())
		if errors.Is(err, batch.ErrMissing) {
			return nil, usage(fmt.Errorf("--resume: there is no unfinished batch for %s", r.Output))
		}
		return b, usage(err)
	}
	if err := r.free(r.Output); err != nil {
		return nil, err
	}
	b, err := batch.Begin(r.folder())
	if errors.Is(err, batch.ErrExists) {
		return nil, usage(fmt.Errorf("there is an unfinished batch in %s: continue with --resume, or delete it", r.folder()))
	}
	return b, usage(err)
}

// free refuses to overwrite a file.
func (r *batchRun) free(names ...string) error {
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil {
			return usage(fmt.Errorf("%s already exists: delete it, or choose another name", name))
		}
	}
	return nil
}

// check checks the input.
func (r *batchRun) check(ctx context.Context, b *batch.Batch) error {
	digest := sha256.New()
	reader, done, err := r.reader(digest)
	if err != nil {
		return errors.Join(err, b.Discard())
	}
	defer done()
	plan, err := b.Check(ctx, reader, r.checking(), func() (string, batch.About) {
		key, name := r.keys(digest.Sum(nil))
		d := r.id.Describe()
		return key, batch.About{Batch: name, Created: time.Now().UTC().Truncate(time.Second), Tool: version(),
			Signer: batch.Signer{Name: d.Name, Fingerprint: d.Fingerprint, NotAfter: d.NotAfter.UTC()}}
	})
	if err != nil {
		return errors.Join(inputError(r.inputName(), err), b.Discard())
	}
	r.checked(plan)
	archives, errorsFile := b.Names(r.Output)
	if plan.Bad > 0 {
		archives = append(archives, errorsFile)
	}
	if err := r.free(archives...); err != nil {
		return errors.Join(err, b.Discard())
	}
	return nil
}

// keys returns a key that must match for a batch to be resumed, and the batch's
// name, which depends only on the input and the settings.
func (r *batchRun) keys(input []byte) (key, name string) {
	choice := []any{hex.EncodeToString(input), r.service, r.policy.MaxFailedAttempts, r.Variant, r.Platform, r.Locale, r.Declarations, r.Declared, slices.Sorted(maps.Keys(r.Map)), r.Map, r.DropColumn, r.SkipBadRows}
	return digestOf(append(choice, r.id.Fingerprint(), version())), digestOf(choice)[:16]
}

func digestOf(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // not possible: v only has strings and numbers
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// same refuses to resume with another input or other settings.
func (r *batchRun) same(b *batch.Batch) error {
	digest := sha256.New()
	files := []string{r.Input}
	if r.Input == "" {
		files = r.Reissue
	}
	for _, name := range files {
		f, err := openInput(name, r.Input == "")
		if err != nil {
			return usage(err)
		}
		_, err = io.Copy(digest, f)
		f.Close()
		if err != nil {
			return usage(err)
		}
	}
	if key, _ := r.keys(digest.Sum(nil)); key != b.Key() {
		return usage(fmt.Errorf("--resume: the batch in %s was started with a different input, flags, certificate or version of this program; use the same ones, or delete the folder and start again", r.folder()))
	}
	return nil
}
