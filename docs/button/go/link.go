// Package button shows how a hosting panel written in Go links to the service.
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

// A Link is a setup link created by the service.
type Link struct {
	ID      string    `json:"id"`
	URL     string    `json:"url"`
	QRURL   string    `json:"qr_url"`
	Expires time.Time `json:"expires_at"`
}

// client follows no redirects and has a timeout.
var client = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// CreateLink creates a setup link with an API call to the service, such as
// https://setup.example.com. The API key needs the scope links:write. The link
// needs an "address" and can have more: "name", "locale", "return_url", …
func CreateLink(ctx context.Context, service, key string, link map[string]any) (Link, error) {
	body, err := json.Marshal(link)
	if err != nil {
		return Link{}, err
	}
	name := rand.Text()
	for range 3 { // same Idempotency-Key: one link
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

// Refused is the error of a refused call; see docs/codes.md for the codes.
type Refused struct {
	Code string `json:"code"`
}

// Error returns the code.
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
