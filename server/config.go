package server

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/pages"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Config has all settings. The zero values are fine unless the comment says
// that a field is required.
type Config struct {
	// Listen is the address to listen on. The default is 127.0.0.1:8080, and
	// :443 with ACME.
	Listen string
	// BaseURL is the public URL, for example https://setup.example.com. The
	// default is derived from Listen.
	BaseURL string
	// Database is "sqlite:PATH" or "postgres://…". Required.
	Database string
	// DatabaseTimeout is the maximum time of a call to the database, including
	// all waits; requests fail after it. The default is 10 seconds.
	DatabaseTimeout time.Duration
	// Secret is the installation's secret of 32 bytes. Required.
	Secret []byte
	// LogKey is the seed of the key that signs checkpoints of the action log,
	// of audit.LogKeySize bytes. Required.
	LogKey []byte
	// LogKeys reads the seed of the log's key again, and then that of the key that
	// is to replace it, if there is one. It is called when the key was replaced.
	// The default is LogKey alone.
	LogKeys func() ([][]byte, error)
	// Archive is the storage for lists and archives of batches: a folder, or
	// s3://BUCKET/PREFIX, which several servers can share. Required.
	Archive string
	// ArchiveS3 configures access to the bucket.
	ArchiveS3 blob.S3Options
	// ArchiveDays is how many days archives are kept. The default is 7.
	ArchiveDays int
	// Version names the program in archives and in /details. The default is "mobileconfig".
	Version string
	// Identity signs. Required without ACME.
	Identity Identity
	// ACME configures the certificate for signing and for HTTPS. Without it,
	// Identity signs; if that is a development identity, an uploaded
	// certificate replaces it.
	ACME *ACME
	// SigningRoots are the allowed roots for certificates from ACME or uploads.
	// The default is the system's.
	SigningRoots *x509.CertPool
	// TLSCert and TLSKey are PEM files for HTTPS. They are reloaded when they
	// change. Without them, and without ACME, the server uses plain HTTP.
	TLSCert, TLSKey string
	// HTTPListen is the address for plain HTTP, which redirects to the base URL
	// and answers ACME challenges. The default is none, and :80 with ACME;
	// "none" turns it off.
	HTTPListen string
	// MetricsListen is the address for metrics and details, for the operator
	// only. The default is none.
	MetricsListen string
	// TrustedProxies are the networks whose X-Forwarded-For is trusted.
	TrustedProxies []netip.Prefix
	// AllowNetworks are private networks that checks of mail servers and
	// webhooks may reach. The default is none: only public addresses.
	AllowNetworks []netip.Prefix
	// Mail is the mail server for outgoing messages. Nil: nothing is emailed.
	Mail *notify.RelayConfig
	// WebhookRoots are trusted for webhook endpoints. The default is the
	// system's.
	WebhookRoots *x509.CertPool
	// HostResolver resolves mail servers and webhook hosts. The default is the
	// system's.
	HostResolver *net.Resolver
	// HostRoots are trusted for mail servers that are checked. The default is
	// the system's.
	HostRoots *x509.CertPool
	// First is a domain to create at startup. An existing one gets these
	// servers.
	First *FirstDomain
	// SecurityContact is the contact for security reports in security.txt: an
	// email address or a URI. The default is none.
	SecurityContact string
	// Templates replaces the binary's pages. It's laid out like the folder
	// templates and read again for each request, so it's only for development.
	Templates fs.FS
	// Log receives the program's log. The default discards it.
	Log *slog.Logger
	// Resolver looks up DNS proofs of domains. The default is
	// net.DefaultResolver.
	Resolver settings.Resolver
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

// A FirstDomain is a mail domain that the operator sets at startup. A new one
// offers the standard passcode policy.
type FirstDomain struct {
	Name    string               // as ParseHost returns it
	Service settings.MailService // only Incoming and Outgoing are used
}

// NewFirstDomain parses a domain and its servers in the formats of
// [profile.ParseHost], [profile.ParseIncoming] and [profile.ParseOutgoing].
func NewFirstDomain(name, incoming, outgoing string) (*FirstDomain, error) {
	var d FirstDomain
	var err error
	if d.Name, err = profile.ParseHost(name); err != nil {
		return nil, fmt.Errorf("--domain: %w", err)
	}
	if d.Service.Incoming, err = profile.ParseIncoming(incoming); err != nil {
		return nil, fmt.Errorf("--imap: %w", err)
	}
	if d.Service.Outgoing, err = profile.ParseOutgoing(outgoing); err != nil {
		return nil, fmt.Errorf("--smtp: %w", err)
	}
	return &d, nil
}

// secretSize is the size of an installation's secret in bytes, as package
// datadir creates it.
const secretSize = 32

// ErrConfig is wrapped by every error about a configuration that can't work.
var ErrConfig = errors.New("configuration")

// complete fills in the defaults and refuses values that can't work.
func (c *Config) complete() (base *url.URL, err error) {
	c.defaults()
	if err := c.possible(); err != nil {
		return nil, err
	}
	if c.SecurityContact != "" {
		if c.SecurityContact, err = pages.ParseContact(c.SecurityContact); err != nil {
			return nil, fmt.Errorf("%w: security contact: %w", ErrConfig, err)
		}
	}
	if c.BaseURL == "" {
		c.BaseURL, err = c.localURL()
		if err != nil {
			return nil, err
		}
	}
	if base, err = parseBaseURL(c.BaseURL); err != nil {
		return nil, err
	}
	if c.HTTPListen != "" && base.Scheme != "https" {
		return nil, fmt.Errorf("%w: plain HTTP can only redirect to a base URL with https", ErrConfig)
	}
	return base, c.completeACME(base)
}

// defaults fills in unset values.
func (c *Config) defaults() {
	c.addresses()
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Version, c.ArchiveDays = cmp.Or(c.Version, "mobileconfig"), cmp.Or(c.ArchiveDays, int(batches.Retention/(24*time.Hour)))
}

// possible refuses missing and always invalid values.
func (c *Config) possible() error {
	switch {
	case c.Database == "":
		return fmt.Errorf("%w: no database", ErrConfig)
	case len(c.Secret) != secretSize:
		return fmt.Errorf("%w: no secret of %d bytes", ErrConfig, secretSize)
	case len(c.LogKey) != audit.LogKeySize:
		return fmt.Errorf("%w: no log key of %d bytes", ErrConfig, audit.LogKeySize)
	case c.Archive == "":
		return fmt.Errorf("%w: no archive", ErrConfig)
	case c.ArchiveDays < 0 || c.ArchiveDays > 3650:
		return fmt.Errorf("%w: archives are kept for 1 to 3650 days", ErrConfig)
	case c.Identity == nil && c.ACME == nil:
		return fmt.Errorf("%w: no signing identity", ErrConfig)
	case slices.ContainsFunc(c.TrustedProxies, func(p netip.Prefix) bool { return p.Bits() == 0 }):
		return fmt.Errorf("%w: --trusted-proxy trusts every network, so anyone could pretend to be any client: give only the proxy's network, for example 127.0.0.1/32", ErrConfig)
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return fmt.Errorf("%w: TLS needs a certificate and its key, both", ErrConfig)
	}
	return nil
}

// addresses fills in the listen addresses.
func (c *Config) addresses() {
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8080"
		if c.ACME != nil {
			c.Listen = ":443"
		}
	}
	if c.HTTPListen == "" && c.ACME != nil {
		c.HTTPListen = ":80"
	}
	if c.HTTPListen == "none" {
		c.HTTPListen = ""
	}
}

// localURL returns the base URL for a browser on this machine.
func (c *Config) localURL() (string, error) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "", fmt.Errorf("%w: listen: %w", ErrConfig, err)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	scheme := "http"
	if c.TLSCert != "" || c.ACME != nil {
		scheme = "https"
	}
	return scheme + "://" + net.JoinHostPort(host, port), nil
}

func parseBaseURL(s string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimSuffix(s, "/"))
	if err != nil {
		return nil, fmt.Errorf("%w: base URL: %w", ErrConfig, err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" ||
		base.Path != "" || base.RawQuery != "" || base.Fragment != "" || base.User != nil {
		return nil, fmt.Errorf("%w: the base URL must be only a scheme and a host, for example https://setup.example.com", ErrConfig)
	}
	return base, nil
}

// Check returns the base URL, or an error if the configuration can't work.
// Secrets may be missing.
func (c Config) Check() (*url.URL, error) {
	c.Secret, c.LogKey = make([]byte, secretSize), make([]byte, audit.LogKeySize)
	if c.Identity == nil && c.ACME == nil {
		c.Identity = Fixed(nil)
	}
	c.Archive = cmp.Or(c.Archive, ".")
	return c.complete()
}

// IsPublic reports whether a host may be reachable from other networks, judging
// by its name.
func IsPublic(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return !ip.IsLoopback() && !ip.IsPrivate() && !ip.IsLinkLocalUnicast()
	}
	for _, own := range []string{"localhost", "local", "internal", "test", "lan", "home.arpa"} {
		if host == own || strings.HasSuffix(host, "."+own) {
			return false
		}
	}
	return net.ParseIP(host) == nil && strings.Contains(host, ".")
}

// logKeys returns the seeds of the log's keys.
func (c *Config) logKeys() ([][]byte, error) {
	if c.LogKeys == nil {
		return [][]byte{c.LogKey}, nil
	}
	return c.LogKeys()
}
