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
	Create linksCreate `cmd:"" help:"Make a setup link for a mailbox."`
	Bulk   linksBulk   `cmd:"" help:"Make many setup links from a file."`
	Update linksUpdate `cmd:"" help:"Change what the flags name of a setup link, such as its end."`
	Revoke linksRevoke `cmd:"" help:"Revoke a setup link, or all of a mailbox or domain."`
}

type linksList struct {
	remoteFlags
	jsonFlag
	Address    string   `json:"address,omitempty" placeholder:"ADDRESS" help:"Those of a mailbox."`
	Domain     string   `json:"domain,omitempty" placeholder:"DOMAIN" help:"Those of a mail domain."`
	State      []string `json:"state,omitempty" placeholder:"STATE,…" help:"Those in one of these states: waiting, opened, downloaded, used, expired, revoked."`
	ExternalID string   `json:"external_id,omitempty" placeholder:"ID" help:"Those with an ID of yours."`
	Name       string   `json:"name,omitempty" placeholder:"TEXT" help:"Those with a text in the name."`
	From       string   `json:"from,omitempty" placeholder:"TIME" help:"Those made at this time or later, such as 2026-11-24T09:30:00Z."`
	To         string   `json:"to,omitempty" placeholder:"TIME" help:"Those made before this time."`
	Test       string   `json:"test,omitempty" placeholder:"true|false" help:"Tests, or those that are none."`
	Sort       string   `json:"sort,omitempty" placeholder:"ORDER" help:"created_at, expires_at, or either with a minus sign for the latest first."`
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
	ID string `arg:"" help:"The link's ID."`
	remoteFlags
	jsonFlag
}

// Run shows the link.
func (c *linksGet) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodGet, pathOf("setup-links", c.ID), nil, nil)
}

// linkSettings are those of the API.
type linkSettings struct {
	Name         *string `json:"name,omitempty" placeholder:"NAME" help:"The sender's name in new messages."`
	Login        *string `json:"login,omitempty" placeholder:"LOGIN" help:"The user name on the servers."`
	Locale       *string `json:"locale,omitempty" placeholder:"LANGUAGE" help:"Language of the page and of the profile's texts."`
	Variant      *string `json:"variant,omitempty" placeholder:"mail|secure" help:"The one that the page offers."`
	MaxDownloads *int    `json:"max_downloads,omitempty" placeholder:"N" help:"How often the button on the page works."`
	ExternalID   *string `json:"external_id,omitempty" placeholder:"ID" help:"What you know the link by."`
	ReturnURL    *string `json:"return_url,omitempty" placeholder:"URL" help:"Where the page leads back to."`
}

type linksCreate struct {
	Address string `arg:"" json:"address" help:"The mailbox."`
	linkSettings
	ExpiresIn *int64 `json:"expires_in,omitempty" placeholder:"SECONDS" help:"Life in seconds."`
	remoteFlags
	jsonFlag
}

// Run makes the link.
func (c *linksCreate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPost, "setup-links", c, nil)
}

type linksUpdate struct {
	ID string `arg:"" json:"-" help:"The link's ID."`
	linkSettings
	ExpiresAt *string `json:"expires_at,omitempty" placeholder:"TIME" help:"When it ends, such as 2026-11-24T09:30:00Z: in up to 30 days."`
	remoteFlags
	jsonFlag
}

// Run changes the link.
func (c *linksUpdate) Run(s streams) error {
	return c.show(s, c.JSON, http.MethodPatch, pathOf("setup-links", c.ID), c, mergePatch)
}

type linksRevoke struct {
	ID      string `arg:"" optional:"" json:"-" help:"The link's ID."`
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
		return usage(errors.New("name a link, --address or --domain"))
	case c.ID != "":
		return c.show(s, c.JSON, http.MethodPost, pathOf("setup-links", c.ID, "revoke"), nil, nil)
	}
	return c.show(s, c.JSON, http.MethodPost, "revoke-setup-links", c, nil)
}

type linksBulk struct {
	Input string `arg:"" help:"JSON Lines: in each line a link with the fields of the API, such as {\"address\":\"jane@example.com\"}. -: standard input."`
	remoteFlags
	jsonFlag
}

// bulkSize is how many links one call makes.
const bulkSize = 1000

// Run makes the links, and writes the address of each. Of a file that is sent
// again within a day, links that were made are not made again.
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
		return fmt.Errorf("%d of %d links were not made", refused, len(lines))
	}
	return nil
}

// make makes some links and returns how many were refused.
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
		// Problem is why there is no link.
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

// readLines reads JSON Lines. Empty lines don't count.
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
			return nil, fmt.Errorf("%s: line %d is no JSON", file, n)
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
