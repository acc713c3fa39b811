//go:build !race

package server_test

import (
	"bytes"
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
)

var keyText = regexp.MustCompile(`mck_(test_)?[a-z2-7]+`)

// makeKey creates the API key of a stage, with all permissions. fields are
// additional fields of the form.
func (s *stage) makeKey(t *testing.T, name string, fields ...string) {
	t.Helper()
	fields = append(fields, "name", name, "expires", "30")
	for _, scope := range account.Scopes() {
		fields = append(fields, string(scope), "yes")
	}
	a := s.post(t, "/panel/keys/new", fields...)
	s.key = string(keyText.Find(bytes.ReplaceAll(a.Body, []byte("<wbr>"), nil)))
	s.find(t, "{key}", "keys", "name = '"+name+"'")
}

// operation returns a row of the API.
func operation(method, path string, prepare func(*testing.T, *stage), body string) *authorityRow {
	return &authorityRow{method: method, path: "/api/v1" + path, cases: apiCases, prepare: prepare, body: body}
}

const (
	servers = `"imap":"imap.example.com","smtp":"smtp.example.com"`
	rules   = `"min_length":6,"max_failed_attempts":0,"auto_lock_minutes":5`
)

// apiRows returns the rows of the API.
func apiRows() []*authorityRow {
	const post, put, patch, del = http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	named := func(r *authorityRow) {
		r.note, r.header = "repeatable", http.Header{"Idempotency-Key": {"once"}}
	}
	drawing := func(r *authorityRow) { r.header = http.Header{"Content-Type": {"image/svg+xml"}} }
	return []*authorityRow{
		// The other domain has the same servers.
		operation(post, "/domains", haveDomain, `{"name":"new.{domain}",`+servers+`}`),
		operation(put, "/domains/:id", haveDomainID, `{"display_name":"Other",`+servers+`}`),
		operation(patch, "/domains/:id", haveDomainID, `{"display_name":"Other"}`),
		operation(del, "/domains/:id", haveDomainID, ""),
		with(operation(post, "/domains/:id/check", haveCheckable, "{}"), func(r *authorityRow) { r.reads = true }),
		operation(put, "/branding", nil, `{"name":"Other"}`),
		operation(patch, "/branding", nil, `{"color":"#0b6b62"}`),
		with(operation(put, "/branding/logo", nil, authorityLogo), drawing),
		operation(del, "/branding/logo", haveLogo, ""),
		operation(put, "/domains/:id/branding", haveDomainID, `{"name":"Other"}`),
		operation(patch, "/domains/:id/branding", haveDomainID, `{"color":"#0b6b62"}`),
		with(operation(put, "/domains/:id/branding/logo", haveDomainID, authorityLogo), drawing),
		operation(del, "/domains/:id/branding/logo", haveDomainLogo, ""),
		operation(post, "/policies", nil, `{"name":"Phones",`+rules+`}`),
		operation(put, "/policies/:id", havePolicy, `{"name":"Other",`+rules+`}`),
		operation(patch, "/policies/:id", havePolicy, `{"history":3}`),
		operation(del, "/policies/:id", havePolicy, ""),
		operation(post, "/profiles", haveDomain, `{"address":"jane@{domain}"}`),
		with(operation(post, "/profiles", haveDomain, `{"address":"jane@{domain}"}`), named),
		operation(post, "/setup-links", haveDomain, `{"address":"jane@{domain}"}`),
		with(operation(post, "/setup-links", haveDomain, `{"address":"jane@{domain}"}`), named),
		operation(post, "/setup-links/bulk", haveDomain, `{"setup_links":[{"address":"jane@{domain}"}]}`),
		operation(patch, "/setup-links/:id", haveLink, `{"max_downloads":3}`),
		operation(post, "/setup-links/:id/revoke", haveLink, ""),
		operation(post, "/setup-links/:id/mail", haveLink, ""),
		operation(post, "/revoke-setup-links", haveLink, `{"domain":"{domain}"}`),
		with(operation(post, "/batches", nil, "email\njane@{domain}\n"), func(r *authorityRow) {
			r.header = http.Header{"Content-Type": {"text/csv"}}
		}),
		operation(post, "/batches/:id/check", haveBatch("ready"), `{"platform":"mac"}`),
		operation(post, "/batches/:id/start", haveBatch("ready"), ""),
		operation(post, "/batches/:id/cancel", haveBatch("ready"), ""),
		operation(post, "/batches/:id/reissue", haveBatch("done"), ""),
		operation(post, "/batches/:id/push", havePushable, ""),
		operation(del, "/batches/:id", haveBatch("ready"), ""),
		operation(post, "/keys", nil, `{"name":"Child","scopes":["domains:read"],"expires_in":60}`),
		operation(patch, "/keys/:id", haveKey, `{"name":"Other"}`),
		operation(post, "/keys/:id/rotate", haveKey, ""),
		operation(post, "/keys/:id/revoke", haveKey, ""),
		operation(post, "/redirect-keys", nil, `{"name":"Panel","public_key":"`+escaped(authorityPublicKey)+`","expires_in":60}`),
		operation(put, "/redirect-keys/:id", haveRedirect, `{"name":"Other"}`),
		operation(patch, "/redirect-keys/:id", haveRedirect, `{"name":"Other"}`),
		operation(del, "/redirect-keys/:id", haveRedirect, ""),
		operation(post, "/webhooks", nil, `{"url":"https://{domain}/hook","events":["key.created"]}`),
		operation(put, "/webhooks/:id", haveWebhook, `{"url":"https://{domain}/other","events":["key.created"]}`),
		operation(patch, "/webhooks/:id", haveWebhook, `{"disabled":true}`),
		operation(del, "/webhooks/:id", haveWebhook, ""),
		operation(post, "/webhooks/:id/test", haveWebhook, ""),
		operation(post, "/webhooks/:id/rotate", haveWebhook, ""),
		operation(post, "/webhooks/:id/deliveries/:delivery_id/redeliver", haveCall, ""),
	}
}

// haveDomainID is haveDomain for API paths with the domain's ID.
func haveDomainID(t *testing.T, s *stage) {
	haveDomain(t, s)
	s.ids[":id"] = s.domain
}

// haveLogo gives the account a logo, and haveDomainLogo its domain.
func haveLogo(t *testing.T, s *stage) { s.uploadLogo(t, "/panel/branding/logo") }

func haveDomainLogo(t *testing.T, s *stage) {
	haveDomainID(t, s)
	s.uploadLogo(t, "/panel/domains/"+s.domain+"/branding/logo")
}

func (s *stage) uploadLogo(t *testing.T, path string) {
	t.Helper()
	header := http.Header{"Content-Type": {"multipart/form-data; boundary=x"}, "Sec-Fetch-Site": {"same-origin"}}
	if a := s.server.As(s.owner).Do(http.MethodPost, path, header, authorityLogoForm); a.Status != http.StatusSeeOther {
		t.Fatalf("%s: %d %s", path, a.Status, a.Body)
	}
}

// haveCheckable creates a domain whose servers were last checked when it was
// added, long enough ago.
func haveCheckable(t *testing.T, s *stage) {
	haveDomainID(t, s)
	s.world.clock.Move(time.Minute)
}

// escaped escapes a text for a JSON string.
func escaped(text string) string {
	return string(bytes.ReplaceAll([]byte(text), []byte("\n"), []byte(`\n`)))
}
