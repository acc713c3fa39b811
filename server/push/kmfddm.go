package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// statusChunk is how many devices one request to KMFDDM covers.
const statusChunk = 50

// Declare uploads declarations to KMFDDM, adds them to a set, and assigns the
// set to the devices. KMFDDM notifies the devices if something has changed.
func (a *API) Declare(ctx context.Context, set string, declarations [][]byte, devices []string) error {
	for _, text := range declarations {
		identifier := Identifier(text)
		if identifier == "" {
			return errors.New("a declaration file isn't JSON with an Identifier")
		}
		if err := a.put(ctx, nil, text, "v1", "declarations"); err != nil {
			return err
		}
		if err := a.put(ctx, url.Values{"declaration": {identifier}}, nil, "v1", "set-declarations", set); err != nil {
			return err
		}
	}
	for _, device := range devices {
		if err := a.put(ctx, url.Values{"set": {set}}, nil, "v1", "enrollment-sets", device); err != nil {
			return err
		}
	}
	return nil
}

// Identifier returns the Identifier of a declaration in JSON, or "".
func Identifier(declaration []byte) string {
	var d struct{ Identifier string }
	if json.Unmarshal(declaration, &d) != nil {
		return ""
	}
	return d.Identifier
}

// put makes a change. It succeeds if the change was made before.
func (a *API) put(ctx context.Context, query url.Values, body []byte, path ...string) error {
	status, answer, err := a.call(ctx, http.MethodPut, query, body, path...)
	if err != nil {
		return fmt.Errorf("KMFDDM: %w", err)
	}
	if status/100 != 2 && status != http.StatusNotModified {
		return fmt.Errorf("KMFDDM answered %d to %s: %s", status, strings.Join(path, "/"), legible(string(answer)))
	}
	return nil
}

// A DeclarationStatus is a device's status report on a declaration.
type DeclarationStatus struct {
	Enrollment string `json:"enrollment_id"`
	Identifier string `json:"identifier"`
	Active     bool   `json:"active"`
	Valid      string `json:"valid"`
	Current    bool   `json:"current"` // it refers to the newest revision
}

// Status returns the devices' status reports on declarations from KMFDDM.
func (a *API) Status(ctx context.Context, devices []string) ([]DeclarationStatus, error) {
	var all []DeclarationStatus
	for chunk := range slices.Chunk(devices, statusChunk) {
		status, answer, err := a.call(ctx, http.MethodGet, nil, nil, "v1", "declaration-status", strings.Join(chunk, ","))
		if err != nil {
			return nil, fmt.Errorf("KMFDDM: %w", err)
		}
		if status == http.StatusNoContent {
			continue
		}
		var said map[string][]DeclarationStatus
		if err := json.Unmarshal(answer, &said); err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("KMFDDM answered %d to the status request", status)
		}
		for _, device := range chunk {
			for _, s := range said[device] {
				s.Enrollment = device
				all = append(all, s)
			}
		}
	}
	return all, nil
}
