package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

type linksCommand struct {
	List   linksList   `cmd:"" help:"List the setup links of a running service."`
	Get    linksGet    `cmd:"" help:"Show a setup link."`
	Create linksCreate `cmd:"" help:"Create a setup link for a mailbox."`
	Bulk   linksBulk   `cmd:"" help:"Create many setup links from a file."`
	Update linksUpdate `cmd:"" help:"Update the given settings of a setup link, for example its expiry."`
	Revoke linksRevoke `cmd:"" help:"Revoke a setup link, or all links of a mailbox or domain."`
}

type linksList struct {
	remoteFlags
	jsonFlag
	Address    string   `json:"address,omitempty" placeholder:"ADDRESS" help:"Only links for this mailbox."`
	Domain     string   `json:"domain,omitempty" placeholder:"DOMAIN" help:"Only links for this mail domain."`
	State      []string `json:"state,omitempty" placeholder:"STATE,…" help:"Only links in these states: waiting, opened, downloaded, used, expired, revoked."`
	ExternalID string   `json:"external_id,omitempty" placeholder:"ID" help:"Only links with this external ID."`
	Name       string   `json:"name,omitempty" placeholder:"TEXT" help:"Only links whose name contains this text."`
	From       string   `json:"from,omitempty" placeholder:"TIME" help:"Only links created at or after this time, for example 2026-11-24T09:30:00Z."`
	To         string   `json:"to,omitempty" placeholder:"TIME" help:"Only links created before this time."`
	Test       string   `json:"test,omitempty" placeholder:"true|false" help:"Only test links, or only real ones."`
	Sort       string   `json:"sort,omitempty" placeholder:"ORDER" help:"Sort by created_at or expires_at, with a minus sign for the latest first."`
}

// Run lists the links.
func (c *linksList) Run(s streams) error {
	query, err := queryOf(c)
	if err != nil {
		return err
	}
	return c.showAll(s, c.JSON, "setup-links", query, "setup_links", "id", "state", "address", "name", "downloads", "expires_at")
}

type linksGet struct {
	ID string `arg:"" help:"Link ID."`
	remoteFlags
	jsonFlag
}

// Run shows the link.
func (c *linksGet) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodGet, pathOf("setup-links", c.ID), nil, nil)
}

// linkSettings are the API's settings of a link.
type linkSettings struct {
	Name         *string `json:"name,omitempty" placeholder:"NAME" help:"The sender's name in new messages."`
	Login        *string `json:"login,omitempty" placeholder:"LOGIN" help:"Username on the servers."`
	Locale       *string `json:"locale,omitempty" placeholder:"LANGUAGE" help:"Language of the page and of the profile's texts."`
	Variant      *string `json:"variant,omitempty" placeholder:"mail|secure" help:"Variant that the page offers."`
	MaxDownloads *int    `json:"max_downloads,omitempty" placeholder:"N" help:"Maximum number of downloads."`
	ExternalID   *string `json:"external_id,omitempty" placeholder:"ID" help:"Your own ID for the link."`
	ReturnURL    *string `json:"return_url,omitempty" placeholder:"URL" help:"URL that the page links back to."`
}

type linksCreate struct {
	Address string `arg:"" json:"address" help:"Email address of the mailbox."`
	linkSettings
	ExpiresIn *int64 `json:"expires_in,omitempty" placeholder:"SECONDS" help:"Lifetime in seconds."`
	remoteFlags
	jsonFlag
}

// Run creates the link.
func (c *linksCreate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, "setup-links", c, nil)
}

type linksUpdate struct {
	ID string `arg:"" json:"-" help:"Link ID."`
	linkSettings
	ExpiresAt *string `json:"expires_at,omitempty" placeholder:"TIME" help:"When it expires, at most 30 days from now, for example 2026-11-24T09:30:00Z."`
	remoteFlags
	jsonFlag
}

// Run updates the link.
func (c *linksUpdate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPatch, pathOf("setup-links", c.ID), c, mergePatch)
}

type linksRevoke struct {
	ID      string `arg:"" optional:"" json:"-" help:"Link ID."`
	Address string `json:"address,omitempty" placeholder:"ADDRESS" help:"All links of a mailbox."`
	Domain  string `json:"domain,omitempty" placeholder:"DOMAIN" help:"All links of a domain."`
	remoteFlags
	jsonFlag
}

// Run revokes the links.
func (c *linksRevoke) Run(s streams) error {
	given := 0
	for _, text := range []string{c.ID, c.Address, c.Domain} {
		if text != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return usage(errors.New("give a link ID, --address or --domain"))
	case c.ID != "":
		return c.show(s, c.JSON, http.MethodPost, pathOf("setup-links", c.ID, "revoke"), nil, nil)
	}
	return c.show(s, c.JSON, http.MethodPost, "revoke-setup-links", c, nil)
}

type linksBulk struct {
	Input string `arg:"" help:"JSON Lines with one link per line, with the fields of the API, for example {\"address\":\"jane@example.com\"}. -: standard input."`
	remoteFlags
	jsonFlag
}

// bulkSize is the number of links created per request.
const bulkSize = 1000

// Run creates the links and prints the URL of each. If the same file is sent
// again within a day, existing links aren't created again.
func (c *linksBulk) Run(s streams) error {
	r, err := c.connect()
	if err != nil {
		return err
	}
	lines, err := readLines(c.Input)
	if err != nil {
		return usage(err)
	}
	ctx, stop := untilStopped()
	defer stop()
	sum := sha256.New()
	refused := 0
	for first := 0; first < len(lines); first += bulkSize {
		part := lines[first:min(first+bulkSize, len(lines))]
		for _, line := range part {
			sum.Write(append(line, '\n'))
		}
		n, err := c.make(ctx, r, s, first, part, hex.EncodeToString(sum.Sum(nil)))
		if err != nil {
			return err
		}
		refused += n
	}
	if refused > 0 {
		return fmt.Errorf("%d of %d links weren't created", refused, len(lines))
	}
	return nil
}

// make creates some links and returns how many were refused.
func (c *linksBulk) make(ctx context.Context, r *remote, s streams, first int, part []json.RawMessage, name string) (int, error) {
	data, err := r.call(ctx, http.MethodPost, "setup-links/bulk", nil, map[string]any{"setup_links": part}, http.Header{"Idempotency-Key": {name}})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Refused int
		Results []json.RawMessage
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return 0, err
	}
	for i, result := range answer.Results {
		if err := c.tell(s, first+i+1, result); err != nil {
			return 0, err
		}
	}
	return answer.Refused, nil
}

func (c *linksBulk) tell(s streams, line int, result json.RawMessage) error {
	if c.JSON {
		_, err := fmt.Fprintf(s.out, "%s\n", result)
		return err
	}
	var r struct {
		Link *struct{ Address, URL string } `json:"setup_link"`
		// Problem explains why there is no link.
		Problem *problemError
	}
	if err := json.Unmarshal(result, &r); err != nil {
		return err
	}
	if r.Link == nil {
		_, err := fmt.Fprintf(s.err, "line %d: %s\n", line, r.Problem)
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s\t%s\n", r.Link.Address, r.Link.URL)
	return err
}

// readLines reads JSON Lines and skips empty lines.
func readLines(file string) ([]json.RawMessage, error) {
	in := io.Reader(os.Stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	var all []json.RawMessage
	scanner := bufio.NewScanner(in)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if line == "" {
			continue
		}
		if !json.Valid([]byte(line)) {
			return nil, fmt.Errorf("%s: line %d isn't JSON", file, n)
		}
		all = append(all, json.RawMessage(line))
	}
	if err := scanner.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no links", file)
	}
	return all, nil
}
