package push

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode"
)

// A Doer sends requests. *http.Client is one.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// ErrKey means that a server refused the API key.
var ErrKey = errors.New("the server refused the API key")

// maxAnswer is how much of a response is read, in bytes.
const maxAnswer = 1 << 20

// An API is the HTTP API of NanoMDM or KMFDDM.
type API struct {
	Client Doer
	URL    *url.URL
	User   string // "nanomdm" or "kmfddm"
	Key    string
}

// call sends a request and returns the status and the body of the response.
func (a *API) call(ctx context.Context, method string, query url.Values, body []byte, path ...string) (int, []byte, error) {
	u := a.URL.JoinPath(path...)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.SetBasicAuth(a.User, a.Key)
	resp, err := a.Client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err == nil && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden) {
		err = ErrKey
	}
	return resp.StatusCode, answer, err
}

// A tried is a failure that may go away if the request is repeated.
type tried struct{ error }

func (t tried) Unwrap() error { return t.error }

// Install sends NanoMDM the command that installs a profile on an enrollment.
// A command that NanoMDM already has counts as accepted, because the response
// to an earlier attempt was lost. [Again] reports whether another attempt may
// help after an error.
func (a *API) Install(ctx context.Context, enrollment, command string, profile []byte) error {
	return a.enqueue(ctx, enrollment, install(command, profile))
}

// Again reports whether another attempt may help after the error.
func Again(err error) bool {
	_, again := errors.AsType[tried](err)
	return again
}

// enqueue sends NanoMDM a command for an enrollment. A command that NanoMDM
// already has counts as accepted.
func (a *API) enqueue(ctx context.Context, enrollment string, command []byte) error {
	status, answer, err := a.call(ctx, http.MethodPut, nil, command, "v1", "enqueue", enrollment)
	switch {
	case errors.Is(err, ErrKey):
		return err
	case err != nil:
		return tried{err}
	}
	var result struct {
		Command *string `json:"command_error"`
		Status  map[string]struct {
			Command *string `json:"command_error"`
		} `json:"status"`
	}
	if err := json.Unmarshal(answer, &result); err != nil {
		if status/100 == 5 || status == http.StatusTooManyRequests {
			return tried{fmt.Errorf("NanoMDM answered %d", status)}
		}
		return fmt.Errorf("the response isn't from NanoMDM: status %d; check the URL", status)
	}
	for _, failure := range []*string{result.Command, result.Status[enrollment].Command} {
		if failure != nil && !known(*failure) {
			return tried{errors.New("NanoMDM: " + legible(*failure))}
		}
	}
	// Only failed push notifications are left: the device fetches the command
	// when it connects next.
	return nil
}

// known reports whether a failure means that the command already exists, in
// the words of NanoMDM or its databases.
func known(failure string) bool {
	failure = strings.ToLower(failure)
	return strings.Contains(failure, "already exists") || strings.Contains(failure, "duplicate")
}

// maxDetail is how much of others' messages is kept, in bytes.
const maxDetail = 300

// legible returns others' text without control characters, which a terminal
// might interpret.
func legible(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(s, " "))
	if len(s) > maxDetail {
		s = strings.ToValidUTF8(s[:maxDetail], "") + "…"
	}
	return s
}

// install is the command that installs a profile (profile.install.yaml).
func install(id string, profile []byte) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>Command</key>
	<dict>
		<key>Payload</key>
		<data>%s</data>
		<key>RequestType</key>
		<string>InstallProfile</string>
	</dict>
	<key>CommandUUID</key>
	<string>%s</string>
</dict>
</plist>
`, base64.StdEncoding.EncodeToString(profile), id)
}
