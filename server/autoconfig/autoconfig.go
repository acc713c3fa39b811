// Package autoconfig returns a domain's email settings in the formats that
// other mail programs than Apple's ask for, and the DNS records through which
// they find them. A request only chooses among the domains that are set up
// here: no host name in an answer comes from a request.
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

// The names below an email domain that programs look up.
const (
	ThunderbirdHost = "autoconfig"
	PACCHost        = "ua-auto-config"
)

// A Directory finds the domains that are set up.
type Directory interface {
	// Domain returns the domain with the name, or a NotFound fault.
	Domain(ctx context.Context, name string) (settings.Domain, error)
}

// errNone is the same answer for everything that isn't set up or can't be
// expressed: it doesn't say which.
func errNone() error { return fault.New(fault.NotFound, "There are no settings for this.") }

// ForAddress returns the mailbox and its domain. An address outside the domains
// that are set up is a NotFound fault. It doesn't check whether the mailbox
// exists.
func ForAddress(ctx context.Context, from Directory, address string) (settings.Domain, profile.Address, error) {
	mailbox, err := profile.ParseAddress(address)
	if err != nil {
		return settings.Domain{}, profile.Address{}, errNone()
	}
	d, err := find(ctx, from, mailbox.Domain())
	return d, mailbox, err
}

// ForHost returns the domain of the host name in a request: a name below the
// domain, for example autoconfig.example.com, or the domain itself. The port is
// ignored. Any other name is a NotFound fault.
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

// marshal returns a document with its XML declaration.
func marshal(document any) ([]byte, error) {
	body, err := xml.MarshalIndent(document, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("autoconfig: %w", err)
	}
	return bytes.Join([][]byte{[]byte(xml.Header), body, []byte("\n")}, nil), nil
}
