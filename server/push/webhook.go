package push

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"strings"
)

// maxEvent is the size in bytes of the largest event that is read.
const maxEvent = 16 << 20

// An event is what NanoMDM's webhook tells of a device's answer.
type event struct {
	Acknowledge *struct {
		Command string `json:"command_uuid"`
		Status  string `json:"status"`
		Raw     []byte `json:"raw_payload"`
		IDs     struct {
			ID string `json:"id"`
		} `json:"ids"`
	} `json:"acknowledge_event"`
}

// Webhook returns the handler that NanoMDM's webhook calls. With a key, events
// must be signed by it (-webhook-hmac-key).
func (p *Pusher) Webhook(key []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
		if err != nil {
			http.Error(w, "The event is too large.", http.StatusRequestEntityTooLarge)
			return
		}
		if len(key) > 0 && !signed(body, key, r.Header.Get("X-Hmac-Signature")) {
			http.Error(w, "The signature of the event isn't that of the key.", http.StatusUnauthorized)
			return
		}
		var e event
		if err := json.Unmarshal(body, &e); err != nil {
			http.Error(w, "It isn't an event of NanoMDM.", http.StatusBadRequest)
			return
		}
		if err := p.event(e); err != nil {
			http.Error(w, "The event can't be kept.", http.StatusInternalServerError)
		}
	})
}

func signed(body, key []byte, signature string) bool {
	sum, err := base64.StdEncoding.DecodeString(signature)
	mac := hmac.New(sha256.New, key)
	mac.Write(body)
	return err == nil && hmac.Equal(sum, mac.Sum(nil))
}

// event keeps what a device has answered.
func (p *Pusher) event(e event) error {
	a := e.Acknowledge
	if a == nil || a.Command == "" {
		return nil
	}
	switch a.Status {
	case "Acknowledged":
		return p.answered(a.IDs.ID, a.Command, Installed, "")
	case "NotNow":
		return p.answered(a.IDs.ID, a.Command, NotNow, "")
	case "Error", "CommandFormatError":
		return p.answered(a.IDs.ID, a.Command, Refused, complaint(a.Raw))
	}
	return nil
}

// complaint is the first description in the error chain of an answer, in
// English where there is one.
func complaint(raw []byte) string {
	d := xml.NewDecoder(strings.NewReader(string(raw)))
	key, local := "", ""
	for {
		token, err := d.Token()
		if err != nil {
			return local
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "key" && start.Name.Local != "string" {
			continue
		}
		var text string
		if d.DecodeElement(&text, &start) != nil {
			return local
		}
		switch {
		case start.Name.Local == "key":
			key = text
		case key == "USEnglishDescription":
			return text
		case key == "LocalizedDescription" && local == "":
			local = text
		}
	}
}
