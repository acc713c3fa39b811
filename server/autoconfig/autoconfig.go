// Package autoconfig writes a domain's mail settings in the forms that other
// mail programs than Apple's ask for, and the DNS records by which they find
// them. What a program sends chooses among the domains that are set up here and
// gets nowhere else: no host name in an answer comes from a request.
package autoconfig

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

// The names below a mail domain at which programs look.
const (
	ThunderbirdHost = "autoconfig"
	PACCHost        = "ua-auto-config"
)

// A Directory knows the domains that are set up.
type Directory interface {
	// Domain returns the domain with the name, or a NotFound fault.
	Domain(ctx context.Context, name string) (settings.Domain, error)
}

// errNone is the one answer for whatever is not set up, or cannot be said: it
// does not tell which.
func errNone() error { return fault.New(fault.NotFound, "There are no settings for this.") }

// ForAddress returns the mailbox and its domain. What is no mailbox of a domain
// that is set up is a NotFound fault. Whether the mailbox exists is not asked.
func ForAddress(ctx context.Context, from Directory, address string) (settings.Domain, profile.Address, error) {
	mailbox, err := profile.ParseAddress(address)
	if err != nil {
		return settings.Domain{}, profile.Address{}, errNone()
	}
	d, err := find(ctx, from, mailbox.Domain())
	return d, mailbox, err
}

// ForHost returns the domain by whose name a program reached the service: below
// the domain, as in autoconfig.example.com, or the domain's own. A port does
// not count. Another name is a NotFound fault.
func ForHost(ctx context.Context, from Directory, below, host string) (settings.Domain, error) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host, err := profile.ParseHost(host)
	if err != nil {
		return settings.Domain{}, errNone()
	}
	return find(ctx, from, strings.TrimPrefix(host, below+"."))
}

func find(ctx context.Context, from Directory, name string) (settings.Domain, error) {
	d, err := from.Domain(ctx, name)
	if fault.Is(err, fault.NotFound) {
		err = errNone()
	}
	return d, err
}

// marshal writes a document with its declaration.
func marshal(document any) ([]byte, error) {
	body, err := xml.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("autoconfig: %w", err)
	}
	return bytes.Join([][]byte{[]byte(xml.Header), body, []byte("\n")}, nil), nil
}
