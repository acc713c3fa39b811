package push

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
)

// MaxEvent is the size in bytes of the largest event that is read.
const MaxEvent = 16 << 20

// SignatureHeader contains the signature of an event.
const SignatureHeader = "X-Hmac-Signature"

// An Event is an event of an enrollment from NanoMDM's webhook.
type Event struct {
	Enrollment string
	// Command is the command that the device answers, State its result, and
	// Detail the device's description of an error. Command is empty if the
	// event isn't an answer.
	Command string
	State   State
	Detail  string
	// Enrolled means that the device, or a user on it, has just enrolled, and
	// Left that it's no longer enrolled.
	Enrolled, Left bool
	// UDID and Serial belong to the device that has just enrolled. The serial
	// number is empty for a user on it.
	UDID, Serial string
}

// Signed reports whether the event is signed with the key (-webhook-hmac-key).
func Signed(body, key []byte, signature string) bool {
	sum, err := base64.StdEncoding.DecodeString(signature)
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return err == nil && hmac.Equal(sum, mac.Sum(nil))
}

// identifiers identify an enrollment in an event.
type identifiers struct {
	ID string `json:"id"`
}

// ReadEvent reads an event.
func ReadEvent(body []byte) (Event, error) {
	var e struct {
		Topic       string `json:"topic"`
		Acknowledge *struct {
			Command string      `json:"command_uuid"`
			Status  string      `json:"status"`
			Raw     []byte      `json:"raw_payload"`
			IDs     identifiers `json:"ids"`
		} `json:"acknowledge_event"`
		CheckIn *struct {
			UDID string      `json:"udid"`
			Raw  []byte      `json:"raw_payload"`
			IDs  identifiers `json:"ids"`
		} `json:"checkin_event"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return Event{}, errors.New("it isn't a NanoMDM event")
	}
	switch a, c := e.Acknowledge, e.CheckIn; {
	case a != nil:
		out := Event{Enrollment: a.IDs.ID, Command: a.Command}
		switch a.Status {
		case "Acknowledged":
			out.State = Installed
		case "NotNow":
			out.State = NotNow
		case "Error", "CommandFormatError":
			out.State, out.Detail = Refused, legible(complaint(a.Raw))
		default:
			out.Command = ""
		}
		return out, nil
	case c != nil:
		out := Event{Enrollment: c.IDs.ID, UDID: c.UDID, Left: e.Topic == "mdm.CheckOut"}
		if out.Enrolled = e.Topic == "mdm.Authenticate" || e.Topic == "mdm.TokenUpdate"; out.Enrolled {
			out.Serial = valueOf(c.Raw, "SerialNumber")
		}
		return out, nil
	}
	return Event{}, nil
}

// Webhook returns the handler for NanoMDM's webhook. With a key, events must
// be signed with it (-webhook-hmac-key).
func (p *Pusher) Webhook(key []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxEvent))
		if err != nil {
			http.Error(w, "The event is too large.", http.StatusRequestEntityTooLarge)
			return
		}
		if len(key) > 0 && !Signed(body, key, r.Header.Get(SignatureHeader)) {
			http.Error(w, "The event isn't signed with this key.", http.StatusUnauthorized)
			return
		}
		e, err := ReadEvent(body)
		if err != nil {
			http.Error(w, "This isn't a NanoMDM event.", http.StatusBadRequest)
			return
		}
		if e.Command == "" {
			return
		}
		if err := p.answered(e.Enrollment, e.Command, e.State, e.Detail); err != nil {
			http.Error(w, "The event couldn't be saved.", http.StatusInternalServerError)
		}
	})
}

// complaint returns the error chain of an answer as text: each error, in
// English if possible, with its domain and code.
func complaint(raw []byte) string {
	var chain []string
	one := map[string]string{}
	walk(raw, func(key, value string) { one[key] = value }, func() {
		text := one["USEnglishDescription"]
		if text == "" {
			text = one["LocalizedDescription"]
		}
		if name := strings.TrimSpace(one["ErrorDomain"] + " " + one["ErrorCode"]); name != "" {
			text = strings.TrimSpace(text + " (" + name + ")")
		}
		if text != "" {
			chain = append(chain, text)
		}
		clear(one)
	})
	return strings.Join(chain, " ")
}

// valueOf returns the first value of the key in a property list, or "".
func valueOf(raw []byte, key string) (value string) {
	walk(raw, func(k, v string) {
		if k == key && value == "" {
			value = v
		}
	}, func() {})
	return legible(value)
}

// walk calls pair for each string and number of a property list with its key,
// and end at the end of each dictionary. It stops at anything that it can't
// read.
func walk(raw []byte, pair func(key, value string), end func()) {
	d := xml.NewDecoder(strings.NewReader(string(raw)))
	key := ""
	for {
		token, err := d.Token()
		if err != nil {
			return
		}
		if over, ok := token.(xml.EndElement); ok && over.Name.Local == "dict" {
			end()
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "key", "string", "integer":
		default:
			continue
		}
		var text string
		if d.DecodeElement(&text, &start) != nil {
			return
		}
		if start.Name.Local == "key" {
			key = text
			continue
		}
		pair(key, text)
	}
}
