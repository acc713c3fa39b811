package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/updatecase/mobileconfig/server/push"
)

type pushCommand struct {
	Batch          []string `sep:"none" required:"" placeholder:"ARCHIVE" help:"Output of a batch: the archive, or the folder it was unpacked to. Can be repeated."`
	NanoMDM        string   `name:"nanomdm" required:"" placeholder:"URL" help:"URL of NanoMDM, for example https://mdm.example.com."`
	KeyFile        string   `required:"" placeholder:"FILE" help:"File with NanoMDM's API key."`
	Enrollments    string   `placeholder:"CSV" help:"CSV that maps people to devices, with the columns email and enrollment_id (default: the UDIDs in the batch)."`
	Journal        string   `placeholder:"FILE" help:"File that records what was sent, with the results (default: the name of the first batch, with .push.jsonl)."`
	Webhook        string   `placeholder:"ADDRESS" help:"Wait for the devices' answers on this address, for example 127.0.0.1:9010. NanoMDM's -webhook-url must point to it."`
	WebhookKeyFile string   `placeholder:"FILE" help:"File with the key of NanoMDM's -webhook-hmac-key, which signs the answers."`
	Attempts       int      `default:"3" placeholder:"N" help:"Number of attempts for a profile that a device refuses and for a request that fails, 1 to 20 (default: 3)."`
	JSON           bool     `name:"json" help:"Report progress as JSON, one event per line."`
	declareFlags
}

// declareFlags are the flags for declarations.
type declareFlags struct {
	KMFDDM        string   `name:"kmfddm" placeholder:"URL" help:"URL of KMFDDM, which serves declarations to NanoMDM."`
	KMFDDMKeyFile string   `name:"kmfddm-key-file" placeholder:"FILE" help:"File with KMFDDM's API key."`
	Declarations  string   `placeholder:"FOLDER" help:"Folder with declarations for the devices of the batch: *.json files written by mobileconfig declarations."`
	Platform      string   `default:"iphone" enum:"iphone,mac" placeholder:"iphone|mac" help:"Platform of the devices that get the declarations (default: iphone)."`
	Set           string   `default:"mobileconfig" placeholder:"NAME" help:"KMFDDM set for the declarations (default: mobileconfig)."`
	texts         [][]byte // texts of the declarations
}

// Concurrency and request timeout.
const (
	pushWorkers = 8
	pushTimeout = time.Minute
)

// Run sends the profiles that devices don't have yet.
func (c *pushCommand) Run(s streams) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	run, err := c.prepare(s)
	if err != nil {
		return err
	}
	defer run.close()
	return run.push(ctx)
}

// A pushRun is a running push command.
type pushRun struct {
	*pushCommand
	reporter
	pusher      push.Pusher
	kmfddm      *push.API // nil without declarations
	enrollments push.Enrollments
	profiles    []push.Profile
	webhookKey  []byte
	listener    net.Listener // nil if it doesn't wait for answers
	closers     []func() error
}

func (r *pushRun) close() {
	for _, f := range r.closers {
		f()
	}
}

// prepare reads the flags and their files.
func (c *pushCommand) prepare(s streams) (*pushRun, error) {
	r := &pushRun{pushCommand: c, reporter: newReporter(s, c.JSON)}
	for _, step := range []func() error{c.checkFlags, r.servers, r.files, r.journal, r.listen} {
		if err := step(); err != nil {
			r.close()
			return nil, usage(err)
		}
	}
	return r, nil
}

func (c *pushCommand) checkFlags() error {
	switch {
	case c.Attempts < 1 || c.Attempts > 20:
		return errors.New("--attempts: give a number from 1 to 20")
	case c.WebhookKeyFile != "" && c.Webhook == "":
		return errors.New("--webhook-key-file and --webhook must be used together")
	case (c.KMFDDM == "") != (c.Declarations == "") || (c.KMFDDM == "") != (c.KMFDDMKeyFile == ""):
		return errors.New("--kmfddm, --kmfddm-key-file and --declarations must be used together")
	case strings.ContainsAny(c.Set, "/?#%") || c.Set == "":
		return errors.New("--set: give a name without / ? # %")
	}
	return nil
}

// servers reads the servers' addresses and keys.
func (r *pushRun) servers() error {
	client := &http.Client{
		Timeout:       pushTimeout,
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: pushWorkers, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	nanoMDM, err := apiOf("--nanomdm", r.NanoMDM, "--key-file", r.KeyFile)
	if err != nil {
		return err
	}
	nanoMDM.Client, nanoMDM.User = client, "nanomdm"
	r.pusher = push.Pusher{
		NanoMDM: nanoMDM, Attempts: r.Attempts, Workers: pushWorkers, Now: time.Now, Pause: pause, Tell: r.delivered,
	}
	if r.KMFDDM != "" {
		if r.kmfddm, err = apiOf("--kmfddm", r.KMFDDM, "--kmfddm-key-file", r.KMFDDMKeyFile); err != nil {
			return err
		}
		r.kmfddm.Client, r.kmfddm.User = client, "kmfddm"
	}
	if r.WebhookKeyFile != "" {
		key, err := readKey(r.WebhookKeyFile)
		if err != nil {
			return flagError("--webhook-key-file", err)
		}
		r.webhookKey = []byte(key)
	}
	return nil
}

// apiOf reads a URL and a key. The key is never sent unencrypted to another
// machine.
func apiOf(flag, address, keyFlag, keyFile string) (*push.API, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, flagError(flag, errors.New("give a URL, for example https://mdm.example.com"))
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, flagError(flag, errors.New("http sends the key unencrypted: use https, or http on this machine"))
	}
	key, err := readKey(keyFile)
	if err != nil {
		return nil, flagError(keyFlag, err)
	}
	return &push.API{URL: u, Key: key}, nil
}

func readKey(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(text))
	if key == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return key, nil
}

// pause waits twice as long each time.
func pause(ctx context.Context, attempt int) error {
	return sleep(ctx, min(time.Second<<(attempt-1), time.Minute))
}

// sleep waits, or returns early when ctx is done.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// files reads the batches, the enrollments and the declarations.
func (r *pushRun) files() error {
	for _, name := range r.Batch {
		source, err := push.Open(name)
		if err != nil {
			return flagError("--batch", err)
		}
		r.closers = append(r.closers, source.Close)
		profiles, err := source.Profiles()
		if err != nil {
			return flagError("--batch", fmt.Errorf("%s: %w", name, err))
		}
		r.profiles = append(r.profiles, profiles...)
	}
	if r.Enrollments != "" {
		f, err := os.Open(r.Enrollments)
		if err != nil {
			return flagError("--enrollments", err)
		}
		defer f.Close()
		if r.enrollments, err = push.ReadEnrollments(f); err != nil {
			return flagError("--enrollments", fmt.Errorf("%s: %w", r.Enrollments, err))
		}
	}
	if r.Declarations == "" {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(r.Declarations, "*.json"))
	if err != nil || len(names) == 0 {
		return flagError("--declarations", fmt.Errorf("no *.json files in %s", r.Declarations))
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return flagError("--declarations", err)
		}
		r.texts = append(r.texts, text)
	}
	return nil
}

func (r *pushRun) journal() error {
	name := r.Journal
	if name == "" {
		name = filepath.Clean(r.Batch[0]) + ".push.jsonl"
	}
	journal, err := push.OpenJournal(name)
	if err != nil {
		return flagError("--journal", err)
	}
	r.pusher.Journal = journal
	r.closers = append(r.closers, journal.Close)
	return nil
}

func (r *pushRun) listen() (err error) {
	if r.Webhook == "" {
		return nil
	}
	if r.listener, err = net.Listen("tcp", r.Webhook); err != nil {
		return flagError("--webhook", err)
	}
	r.closers = append(r.closers, r.listener.Close)
	return nil
}

// push sends the profiles, and waits for answers if requested.
func (r *pushRun) push(ctx context.Context) error {
	if r.listener != nil {
		server := &http.Server{Handler: r.pusher.Webhook(r.webhookKey), ReadTimeout: pushTimeout, WriteTimeout: pushTimeout}
		served := make(chan error, 1)
		go func() { served <- server.Serve(r.listener) }()
		defer func() { server.Close(); <-served }()
	}
	devices := push.Devices(r.profiles, r.enrollments, r.Platform == "mac")
	if r.kmfddm != nil {
		if err := r.kmfddm.Declare(ctx, r.Set, r.texts, devices); err != nil {
			return err
		}
	}
	result, err := r.pusher.Push(ctx, r.profiles, r.enrollments)
	if err == nil && r.listener != nil {
		r.waiting(result)
		result, err = r.pusher.Wait(ctx)
	}
	if err != nil && ctx.Err() == nil {
		if errors.Is(err, push.ErrKey) {
			return flagError("--key-file", err)
		}
		return err
	}
	r.pushed(result)
	if r.kmfddm != nil && ctx.Err() == nil {
		status, err := r.kmfddm.Status(ctx, devices)
		if err != nil {
			return err
		}
		r.declared(len(devices), status)
	}
	return r.verdict(ctx, result)
}

// verdict returns an error, and so sets the exit code, if something is left to
// do.
func (r *pushRun) verdict(ctx context.Context, result push.Result) error {
	switch n := result.States[push.Failed] + result.States[push.Refused]; {
	case ctx.Err() != nil:
		return errors.New("interrupted; run the same command again to continue")
	case n > 0:
		return fmt.Errorf("profiles not delivered: %d; run the same command again to resend them", n)
	case result.NoDevice > 0:
		return fmt.Errorf("profiles without a known device: %d; list the devices in --enrollments", result.NoDevice)
	}
	return nil
}

// delivered reports a change of a delivery.
func (r *pushRun) delivered(d push.Delivery) {
	if r.event("delivery", d) {
		return
	}
	line := fmt.Sprintf("%-9s %s %s", d.State, d.Enrollment, d.Email)
	if d.Detail != "" {
		line += ": " + d.Detail
	}
	fmt.Fprintln(r.out, line)
}

func (r *pushRun) waiting(result push.Result) {
	if !r.event("waiting", result) && result.Waiting() > 0 {
		fmt.Fprintf(r.err, "mobileconfig: waiting for answers from devices: %d. Stop with Ctrl-C; you can resume later.\n", result.Waiting())
	}
}

func (r *pushRun) pushed(result push.Result) {
	if !r.event("pushed", result) {
		n := result.States
		fmt.Fprintf(r.out, "Installed: %d. Waiting for the device: %d. Refused by the device: %d. Not accepted by NanoMDM: %d. No known device: %d.\n",
			n[push.Installed], result.Waiting(), n[push.Refused], n[push.Failed], result.NoDevice)
	}
}

// declared reports on how many devices each declaration is active.
func (r *pushRun) declared(devices int, all []push.DeclarationStatus) {
	if r.event("declared", map[string]any{"devices": devices, "status": all}) {
		return
	}
	active := map[string]int{}
	for _, s := range all {
		if s.Active && s.Current {
			active[s.Identifier]++
		}
	}
	for _, text := range r.texts {
		identifier := push.Identifier(text)
		fmt.Fprintf(r.out, "%s: active on %d of %d devices.\n", identifier, active[identifier], devices)
	}
	if slices.ContainsFunc(all, func(s push.DeclarationStatus) bool { return s.Valid == "invalid" }) {
		fmt.Fprintln(r.out, "Some devices report a declaration as invalid. Use --json for details.")
	}
}
