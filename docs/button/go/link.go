// Package button shows how a hosting panel that is written in Go leads to the
// service.
package button

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// A Link is a setup link as the service has made it.
type Link struct {
	ID      string    `json:"id"`
	URL     string    `json:"url"`
	QRURL   string    `json:"qr_url"`
	Expires time.Time `json:"expires_at"`
}

// client takes no answer from elsewhere and waits for none for long.
var client = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// MakeLink makes a setup link by a call to the service, such as
// https://setup.example.com. The API key needs the scope links:write. The link
// has an "address", and may have more: "name", "locale", "return_url", …
func MakeLink(ctx context.Context, service, key string, link map[string]any) (Link, error) {
	body, err := json.Marshal(link)
	if err != nil {
		return Link{}, err
	}
	name := rand.Text()
	for range 3 { // by the same Idempotency-Key: one link
		var made Link
		if made, err = post(ctx, service+"/api/v1/setup-links", key, name, body); err == nil {
			return made, nil
		}
		if _, refused := err.(*Refused); refused {
			break
		}
	}
	return Link{}, fmt.Errorf("mobileconfig: no link: %w", err)
}

// Refused says that the service has refused a call, and why: see docs/codes.md.
type Refused struct {
	Code string `json:"code"`
}

// Error is the code.
func (r *Refused) Error() string { return r.Code }

func post(ctx context.Context, url, key, name string, body []byte) (Link, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return Link{}, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", name)
	res, err := client.Do(req)
	if err != nil {
		return Link{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		var refused Refused
		if err := json.NewDecoder(res.Body).Decode(&refused); err != nil {
			return Link{}, err
		}
		return Link{}, &refused
	}
	var made Link
	return made, json.NewDecoder(res.Body).Decode(&made)
}
