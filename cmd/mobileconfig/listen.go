package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/server/notify"
)

type webhooksListen struct {
	remoteFlags
	ForwardTo  string   `required:"" placeholder:"URL" help:"URL to forward the events to, for example http://localhost:3000/hooks."`
	Events     []string `placeholder:"EVENT,…" help:"Events to forward (default: all)."`
	After      string   `placeholder:"ID" help:"ID of the last event that the program received. 0: start with the first event (default: only new events)."`
	State      string   `placeholder:"FILE" help:"File that stores the ID of the last forwarded event, to resume there the next time."`
	SecretFile string   `placeholder:"FILE" help:"File with the signing secret, whsec_… (default: a new one, which is printed)."`
	JSON       bool     `name:"json" help:"Print each event as a line of JSON."`
}

const (
	// streamSilence is how long a stream may be silent before it counts as
	// dead. The service sends something every ten seconds.
	streamSilence = 30 * time.Second
	// forwardTimeout limits how long the program may take to answer.
	forwardTimeout = 30 * time.Second
)

// Run forwards events until it's stopped. It reconnects whenever the stream is
// interrupted.
func (c *webhooksListen) Run(s streams) error {
	l, err := c.prepare(s)
	if err != nil {
		return err
	}
	ctx, stop := untilStopped()
	defer stop()
	return l.run(ctx)
}

// A listener forwards events to a program.
type listener struct {
	*webhooksListen
	streams
	remote *remote
	signer notify.Signer
	client *http.Client
	last   string // ID of the last forwarded event
}

func (c *webhooksListen) prepare(s streams) (*listener, error) {
	l := &listener{webhooksListen: c, streams: s, signer: notify.NewSigner(), last: c.After}
	l.client = &http.Client{Timeout: forwardTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	var err error
	if l.remote, err = c.connect(); err != nil {
		return nil, err
	}
	if u, err := url.Parse(c.ForwardTo); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, flagError("--forward-to", errors.New("give a URL, for example http://localhost:3000/hooks"))
	}
	for _, name := range c.Events {
		if !slices.Contains(notify.Types(), notify.Type(name)) {
			return nil, flagError("--events", fmt.Errorf("unknown event %q", name))
		}
	}
	if c.SecretFile != "" {
		text, err := readKey(c.SecretFile)
		if err == nil {
			l.signer, err = notify.ParseSigner(text)
		}
		if err != nil {
			return nil, flagError("--secret-file", err)
		}
	} else {
		fmt.Fprintf(s.err, "Calls are signed with the secret %s\n", l.signer.Secret())
	}
	if c.State != "" && c.After == "" {
		text, err := os.ReadFile(c.State)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, flagError("--state", err)
		}
		l.last = strings.TrimSpace(string(text))
	}
	if l.last != "" {
		if _, err := notify.ParsePlace("after", l.last); err != nil {
			return nil, usage(errors.New("--after or --state: give the ID of an event, for example 41"))
		}
	}
	return l, nil
}

func (l *listener) run(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		before := l.last
		err := l.follow(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if p, ok := errors.AsType[*problemError](err); ok && p.Status < 500 && p.Status != http.StatusTooManyRequests {
			return err
		}
		if e, ok := errors.AsType[stateError](err); ok {
			return e
		}
		if l.last != before {
			attempt = 1
		}
		fmt.Fprintf(l.err, "The stream was interrupted (%v). Reconnecting.\n", err)
		if pause(ctx, min(attempt, 4)) != nil {
			return nil
		}
	}
}

// A stateError is a failure to store the last forwarded event.
type stateError struct{ error }

// follow forwards the events of one connection.
func (l *listener) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(streamSilence, cancel)
	defer silence.Stop()
	query := url.Values{}
	if l.last != "" {
		query.Set("after", l.last)
	}
	res, err := l.remote.send(ctx, http.MethodGet, "events/stream", query, nil, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	var id string
	var data []byte
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		silence.Reset(streamSilence)
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch {
		case name == "id":
			id = value
		case name == "data":
			data = []byte(value)
		case name == "" && value == "" && data != nil:
			silence.Stop()
			if err := l.event(ctx, id, data); err != nil {
				return err
			}
			silence.Reset(streamSilence)
			id, data = "", nil
		case name == "" && value == "" && id != "": // start of the stream
			if err := l.keep(id); err != nil {
				return err
			}
			id = ""
		}
	}
}

// event forwards an event and stores its ID. It prints the program's answer,
// for the program's developer.
func (l *listener) event(ctx context.Context, id string, data []byte) error {
	var m struct {
		Type string
		Data struct{ Account string }
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	if len(l.Events) == 0 || slices.Contains(l.Events, m.Type) {
		status, err := l.forward(ctx, "msg_"+m.Data.Account+"_"+id, data)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.tell(id, m.Type, status, err, data)
	}
	return l.keep(id)
}

// keep stores the ID of the last forwarded event.
func (l *listener) keep(id string) error {
	l.last = id
	if l.State == "" {
		return nil
	}
	if err := writeWhole(l.State, []byte(id+"\n")); err != nil {
		return stateError{err}
	}
	return nil
}

func (l *listener) forward(ctx context.Context, message string, data []byte) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.ForwardTo, bytes.NewReader(data))
	if err != nil {
		return 0, err
	}
	l.signer.SetHeaders(req.Header, message, time.Now(), data)
	res, err := l.client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return 0, err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 1<<20) // the body doesn't matter
	return res.StatusCode, nil
}

func (l *listener) tell(id, kind string, status int, err error, data []byte) {
	answer := fmt.Sprint(status)
	if err != nil {
		answer = err.Error()
	}
	if l.JSON {
		line, _ := json.Marshal(map[string]any{"id": id, "status": status, "event": json.RawMessage(data)}) // was valid JSON
		fmt.Fprintf(l.out, "%s\n", line)
		return
	}
	fmt.Fprintf(l.out, "%s  %s  %s\n", id, kind, answer)
}

// writeWhole replaces the file atomically.
func writeWhole(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".state-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
