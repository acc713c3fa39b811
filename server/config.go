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

// Config is all that can be set. Zero values are good unless the comment says
// that a field is required.
type Config struct {
	// Listen is the address to serve on. The default is 127.0.0.1:8080, and with
	// ACME :443.
	Listen string
	// BaseURL is how people reach the server, such as
	// https://setup.example.com. The default is made from Listen.
	BaseURL string
	// Database is "sqlite:PATH" or "postgres://…". Required.
	Database string
	// Secret is the installation's, of 32 bytes. Required.
	Secret []byte
	// LogKey is the seed of the key that signs checkpoints of the action log,
	// of audit.LogKeySize bytes. Required.
	LogKey []byte
	// LogKeys reads the seed of the log's key again, and then that of the key that
	// is to replace it, if there is one. It is called when the key was replaced.
	// The default is LogKey alone.
	LogKeys func() ([][]byte, error)
	// Archive is where the lists and archives of batches are kept: a folder, or
	// s3://BUCKET/PREFIX, which several servers can share. Required.
	Archive string
	// ArchiveS3 says how the bucket is reached.
	ArchiveS3 blob.S3Options
	// ArchiveDays is for how many days archives are kept. The default is 7.
	ArchiveDays int
	// Version names the program in archives and in /details. The default is "mobileconfig".
	Version string
	// Identity signs. Required without ACME.
	Identity Identity
	// ACME says from whom the certificate comes that signs and that serves
	// HTTPS. Without it Identity signs; where that is a development identity, a
	// certificate that an operator has uploaded takes its place.
	ACME *ACME
	// SigningRoots are whom the chain of a certificate by ACME, or of one that
	// was uploaded, may end in. The default are the system's.
	SigningRoots *x509.CertPool
	// TLSCert and TLSKey are PEM files to serve HTTPS with. They are read
	// again when they change. Without them, and without ACME, the server speaks
	// plain HTTP.
	TLSCert, TLSKey string
	// HTTPListen is where plain HTTP leads on to the base URL, and where the
	// authority of ACME is answered. The default is nowhere, and with ACME :80;
	// "none" turns that off.
	HTTPListen string
	// MetricsListen is where metrics and details are served, to the operator
	// alone. The default is nowhere.
	MetricsListen string
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// AllowNetworks are private networks that checks of mail servers and
	// webhooks may reach. The default is none: public addresses alone.
	AllowNetworks []netip.Prefix
	// Mail says by which server mails are sent. Nil: none are.
	Mail *notify.RelayConfig
	// WebhookRoots are whom to trust to vouch for the endpoints of webhooks.
	// The default are the system's.
	WebhookRoots *x509.CertPool
	// HostResolver looks up the addresses of mail servers and webhooks. The default is the
	// system's.
	HostResolver *net.Resolver
	// HostRoots are whom to trust to vouch for mail servers that are checked. The
	// default are the system's.
	HostRoots *x509.CertPool
	// First is a domain to create at start. One that is there already gets
	// these servers.
	First *FirstDomain
	// SecurityContact is whom to tell of a hole, for security.txt: a mail
	// address or a URI. The default is nobody.
	SecurityContact string
	// Templates are the pages, laid out as the folder templates, to be read
	// again for each request: for work on them alone. The default are those of
	// the binary.
	Templates fs.FS
	// Log takes the program's log. The default throws it away.
	Log *slog.Logger
	// Resolver asks the DNS whose a domain is. The default is
	// net.DefaultResolver.
	Resolver settings.Resolver
	// Now is the clock. The default is time.Now.
	Now func() time.Time
}

// A FirstDomain is a mail domain that the operator names at start. A new one
// offers the standard device policy.
type FirstDomain struct {
	Name    string               // as ParseHost returns it
	Service settings.MailService // Incoming and Outgoing; nothing else of it counts
}

// NewFirstDomain reads a domain and its servers in the forms that
// [profile.ParseHost], [profile.ParseIncoming] and [profile.ParseOutgoing]
// take.
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
// datadir makes it.
const secretSize = 32

// ErrConfig is behind every error of a configuration that cannot work.
var ErrConfig = errors.New("configuration")

// complete fills in the defaults and refuses what cannot work.
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
		return nil, fmt.Errorf("%w: plain HTTP can lead on only to a base URL with https", ErrConfig)
	}
	return base, c.completeACME(base)
}

// defaults fills in what was left out.
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

// possible refuses what is missing, and what can never be right.
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
		return fmt.Errorf("%w: --trusted-proxy trusts every network, so that anybody could say to be anybody: name that of the proxy alone, such as 127.0.0.1/32", ErrConfig)
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return fmt.Errorf("%w: TLS needs a certificate and its key, both", ErrConfig)
	}
	return nil
}

// addresses fills in where to listen.
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

// localURL is the base URL for a browser on this machine.
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
		return nil, fmt.Errorf("%w: the base URL is a scheme and a host alone, such as https://setup.example.com", ErrConfig)
	}
	return base, nil
}

// Check returns the base URL, or why a server can't be made of the configuration.
// What is secret need not be there.
func (c Config) Check() (*url.URL, error) {
	c.Secret, c.LogKey = make([]byte, secretSize), make([]byte, audit.LogKeySize)
	if c.Identity == nil && c.ACME == nil {
		c.Identity = Fixed(nil)
	}
	c.Archive = cmp.Or(c.Archive, ".")
	return c.complete()
}

// IsPublic reports whether a host may be reached from other networks, as far as
// its name tells.
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
