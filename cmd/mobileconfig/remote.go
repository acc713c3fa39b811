package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// remoteFlags are for commands that use a running service's API.
type remoteFlags struct {
	Server  string `required:"" json:"-" placeholder:"URL" help:"URL of the service, for example https://setup.example.com."`
	KeyFile string `required:"" json:"-" placeholder:"FILE" help:"File with an API key of the service."`
}

// jsonFlag is for commands that can also print the API's answer.
type jsonFlag struct {
	JSON bool `name:"json" json:"-" help:"Print the API's answer as JSON."`
}

// remoteTimeout limits how long an answer may take.
const remoteTimeout = time.Minute

// A remote is a client for a running service's API.
type remote struct {
	url    *url.URL
	key    string
	client *http.Client
}

// connect reads the flags. It doesn't send a request yet.
func (f remoteFlags) connect() (*remote, error) {
	api, err := apiOf("--server", f.Server, "--key-file", f.KeyFile)
	if err != nil {
		return nil, usage(err)
	}
	return &remote{api.URL, api.Key, &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, ResponseHeaderTimeout: remoteTimeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// patient returns a client with a longer timeout for the start of an answer.
func (r *remote) patient(timeout time.Duration) {
	r.client.Transport.(*http.Transport).ResponseHeaderTimeout = timeout
}

// untilStopped returns a context that is done when the program is told to stop.
func untilStopped() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
}

// A problemError is an error answer of the API.
type problemError struct {
	Status int
	Code   string
	Detail string
	Errors []struct{ Pointer, Detail string }
	// After is how long to wait before the next try.
	After time.Duration `json:"-"`
}

// Error describes the problem field by field.
func (p *problemError) Error() string {
	text := cmp.Or(p.Detail, http.StatusText(p.Status), fmt.Sprintf("the service answered %d", p.Status))
	if p.Code != "" {
		text += " (" + p.Code + ")"
	}
	for _, e := range p.Errors {
		text += fmt.Sprintf("\n  %s: %s", strings.TrimPrefix(e.Pointer, "/"), e.Detail)
	}
	return text
}

// send sends a request, and repeats it if the service asks to wait. The caller
// closes the answer's body.
func (r *remote) send(ctx context.Context, method, path string, query url.Values, body any, header http.Header) (*http.Response, error) {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	for {
		var sent io.Reader
		if body != nil {
			sent = bytes.NewReader(data)
		}
		res, err := r.sendOnce(ctx, method, path, query, sent, header)
		p, ok := errors.AsType[*problemError](err)
		if !ok || p.Status != http.StatusTooManyRequests || p.After <= 0 || p.After > remoteTimeout {
			return res, err
		}
		if sleep(ctx, p.After) != nil {
			return nil, err
		}
	}
}

// sendOnce sends one request. body may be nil, and is JSON unless the header
// says otherwise.
func (r *remote) sendOnce(ctx context.Context, method, path string, query url.Values, body io.Reader, header http.Header) (*http.Response, error) {
	to := r.url.JoinPath("api/v1", path)
	to.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, to.String(), body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	req.Header.Set("User-Agent", "mobileconfig")
	if body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := r.client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // omit the URL: it's long and already known
		}
		return nil, fmt.Errorf("%s: %w", r.url.Host, err)
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	p := &problemError{}
	if json.Unmarshal(text, p) != nil || p.Status == 0 {
		p = &problemError{Status: res.StatusCode}
	}
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		p.After = time.Duration(seconds) * time.Second
	}
	return nil, p
}

// pathOf returns the path of a resource in the API. The parts may contain any
// text.
func pathOf(parts ...string) string {
	escaped := make([]string, len(parts))
	for i, part := range parts {
		escaped[i] = url.PathEscape(part)
	}
	return strings.Join(escaped, "/")
}

// call sends a request and returns the body of the answer.
func (r *remote) call(ctx context.Context, method, path string, query url.Values, body any, header http.Header) (json.RawMessage, error) {
	data, _, err := r.answer(ctx, method, path, query, body, header)
	return data, err
}

// answer is call with the header of the answer.
func (r *remote) answer(ctx context.Context, method, path string, query url.Values, body any, header http.Header) (json.RawMessage, http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*remoteTimeout) // includes the wait that the service asks for
	defer cancel()
	res, err := r.send(ctx, method, path, query, body, header)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return data, res.Header, err
}

// list reads all pages of a list. name is the field with the entries.
func (r *remote) list(ctx context.Context, path string, query url.Values, name string) ([]json.RawMessage, error) {
	return r.upTo(ctx, path, query, name, math.MaxInt)
}

// upTo reads at most limit entries of a list.
func (r *remote) upTo(ctx context.Context, path string, query url.Values, name string, most int) ([]json.RawMessage, error) {
	if query == nil {
		query = url.Values{}
	}
	all := []json.RawMessage{}
	for {
		query.Set("limit", strconv.Itoa(max(min(most-len(all), 500), 1)))
		data, err := r.call(ctx, http.MethodGet, path, query, nil, nil)
		if err != nil {
			return nil, err
		}
		var page map[string]json.RawMessage
		var some []json.RawMessage
		var cursor string
		if err := json.Unmarshal(data, &page); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(page[name], &some); err != nil {
			return nil, err
		}
		all = append(all, some...)
		if page["next_cursor"] == nil || len(all) >= most {
			return all, nil
		}
		if err := json.Unmarshal(page["next_cursor"], &cursor); err != nil {
			return nil, err
		}
		query.Set("cursor", cursor)
	}
}

// showList prints a list as JSON, or as a table with the fields.
func showList(s streams, asJSON bool, name string, all []json.RawMessage, fields ...string) error {
	if asJSON {
		return writeJSON(s.out, map[string]any{name: all})
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(fields, "\t"))
	for _, one := range all {
		v, err := fieldsOf(one)
		if err != nil {
			return err
		}
		cells := make([]string, len(fields))
		for i, field := range fields {
			cells[i] = cell(v, field)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// fieldsOf parses a JSON object. Numbers keep their notation.
func fieldsOf(data []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var fields map[string]any
	err := d.Decode(&fields)
	return fields, err
}

// cell formats a field of an object, which may be nested, on one line.
func cell(v map[string]any, field string) string {
	name, rest, within := strings.Cut(field, ".")
	if inner, ok := v[name].(map[string]any); within && ok {
		return cell(inner, rest)
	}
	return oneLine(v[name])
}

func oneLine(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		return cmp.Or(strings.Join(strings.Fields(v), " "), "-")
	case []any:
		all := make([]string, len(v))
		for i, one := range v {
			all[i] = oneLine(one)
		}
		return cmp.Or(strings.Join(all, ","), "-")
	case map[string]any:
		data, _ := json.Marshal(v) // was valid JSON
		return string(data)
	}
	return fmt.Sprint(v)
}

// showObject prints an object as JSON, or one field per line.
func showObject(s streams, asJSON bool, data json.RawMessage) error {
	if len(data) == 0 {
		return nil
	}
	if asJSON {
		return writeJSON(s.out, data)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if _, err := d.Token(); err != nil {
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return err
		}
		fmt.Fprintf(w, "%v\t%s\n", name, oneLine(v))
	}
	return w.Flush()
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// queryOf returns a command's set fields by their JSON names.
func queryOf(v any) (url.Values, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	fields, err := fieldsOf(data)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for name, value := range fields {
		query.Set(name, oneLine(value))
	}
	return query, nil
}
