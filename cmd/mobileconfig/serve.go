package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/signal"
	"syscall"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/datadir"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/signerd"
	"github.com/updatecase/mobileconfig/signing"
)

type serveCommand struct {
	Listen        string         `placeholder:"ADDR" help:"Address to listen on (default: 127.0.0.1:8080, or :443 with --acme-email)."`
	HTTPListen    string         `name:"http-listen" placeholder:"ADDR" help:"Address for plain HTTP, which answers ACME challenges and redirects to --base-url. none turns it off (default: :80 with --acme-email)."`
	BaseURL       string         `placeholder:"URL" help:"Public URL of the service, for example https://setup.example.com (default: derived from --listen)."`
	Database      string         `placeholder:"DB" help:"sqlite:PATH or postgres://… (default: SQLite in the data folder)."`
	SecretFile    string         `placeholder:"FILE" help:"File with the installation's 32-byte secret, shared by all its servers (default: in the data folder)."`
	LogKeyFile    string         `placeholder:"FILE" help:"File with the 32-byte key that signs checkpoints of the action log, shared by all servers (default: in the data folder)."`
	TLSCert       string         `name:"tls-cert" placeholder:"PEM" help:"Certificate for HTTPS. It's reloaded when it changes."`
	TLSKey        string         `name:"tls-key" placeholder:"PEM" help:"Private key of --tls-cert."`
	MetricsListen string         `placeholder:"ADDR" help:"Address for metrics (/metrics) and health details (/details), for the operator only."`
	TrustedProxy  []netip.Prefix `placeholder:"CIDR" help:"Network of a reverse proxy whose X-Forwarded-For is trusted. Can be repeated."`
	AllowNetwork  []netip.Prefix `placeholder:"CIDR" help:"Private network that checks and webhooks may reach. Can be repeated."`
	Contact       string         `name:"security-contact" placeholder:"URI" help:"Contact for security reports, for /.well-known/security.txt: an email address or https:// page."`
	acmeFlags
	Archive       string `placeholder:"WHERE" help:"Storage for lists and archives of batches: a folder, or s3://BUCKET/PREFIX for several servers (default: in the data folder)."`
	ArchiveS3     string `name:"archive-endpoint" placeholder:"URL" help:"S3 service of --archive, for example https://s3.example.com (default: Amazon's). Its keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the file in AWS_SHARED_CREDENTIALS_FILE."`
	ArchiveRegion string `placeholder:"REGION" help:"Region of the bucket (default: detected from the service)."`
	ArchiveDays   int    `default:"7" placeholder:"N" help:"Days to keep archives (default: 7)."`
	loggerFlags
	mailFlags
	Domain string `placeholder:"D" help:"Mail domain to set up at start, with its servers."`
	IMAP   string `name:"imap" placeholder:"H[:P]" help:"Its IMAP server: HOST, HOST:PORT or HOST:143/starttls (default port: 993)."`
	SMTP   string `name:"smtp" placeholder:"H[:P]" help:"Its SMTP server: HOST, HOST:PORT or HOST:587/starttls (default port: 465)."`
	Signer string `placeholder:"SOCKET" help:"Sign in another process that has the key: the socket of mobileconfig signer, for example /run/mobileconfig-signer/socket."`
	identityFlags
}

// Run serves until the process is told to stop.
func (c *serveCommand) Run(s streams) error {
	config, err := c.config(s)
	if err != nil {
		return err
	}
	if client, ok := config.Identity.(*signerd.Client); ok {
		defer client.Close()
	}
	server.Tune()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	srv, err := server.New(ctx, config)
	if errors.Is(err, server.ErrConfig) {
		return usage(err)
	}
	if err != nil {
		return err
	}
	setup, err := srv.SetupURL(ctx)
	if fault.Is(err, fault.StorageFull) {
		fmt.Fprintln(s.err, "mobileconfig: the disk is full. Existing data is served. Free some space for everything else, and restart for the URL that sets up the control panel.")
	} else if err != nil {
		srv.Close()
		return err
	}
	return srv.Run(ctx, func(net.Addr) {
		if config.ACME != nil && !srv.Certificate().Present() {
			fmt.Fprintf(s.out, "Getting a certificate for %s. Pages don't work until it arrives; see the log for progress.\n", srv.BaseURL())
		}
		c.greet(s.out, srv.BaseURL(), setup, srv.Development())
	})
}

// greet prints the next steps.
func (c *serveCommand) greet(out io.Writer, base, setup string, development bool) {
	fmt.Fprintf(out, "Open %s in a browser. Stop with Ctrl-C.\n", base)
	if setup != "" {
		fmt.Fprintf(out, "Set up the control panel (works once, within three days): %s\n", setup)
	} else {
		fmt.Fprintf(out, "Control panel: %s/panel\n", base)
	}
	if c.Domain != "" {
		fmt.Fprintf(out, "Try it: %s/?address=jane@%s\n", base, c.Domain)
	}
	if development {
		fmt.Fprint(out, onAPhone)
	}
}

// onAPhone explains what a phone needs in addition to a browser on this
// machine.
const onAPhone = `
To use a phone, you need a host name that points to this machine, with ports 80
and 443 open. The service gets the certificate itself, for HTTPS and for signing:

  mobileconfig serve --base-url https://setup.example.com --acme-email you@example.com \
    --domain example.com --imap imap.example.com --smtp smtp.example.com

`

// plain are the settings that need no conversion.
func (c *serveCommand) plain() server.Config {
	return server.Config{
		Listen:         c.Listen,
		HTTPListen:     c.HTTPListen,
		BaseURL:        c.BaseURL,
		Database:       c.Database,
		TLSCert:        c.TLSCert,
		TLSKey:         c.TLSKey,
		TrustedProxies: c.TrustedProxy,
		AllowNetworks:  c.AllowNetwork,
		MetricsListen:  c.MetricsListen,

		SecurityContact: c.Contact,

		Archive:     c.Archive,
		ArchiveS3:   blob.S3Options{Endpoint: c.ArchiveS3, Region: c.ArchiveRegion},
		ArchiveDays: c.ArchiveDays,
		Version:     version(),
	}
}

func (c *serveCommand) config(s streams) (server.Config, error) {
	config := c.plain()
	var err error
	if config.Log, err = c.logger(s.err); err != nil {
		return config, err
	}
	c.warn(s.err)
	if err := c.first(&config); err != nil {
		return config, err
	}
	dir, err := datadir.Open(c.Data)
	if err != nil {
		return config, usage(err)
	}
	if config.Database == "" {
		config.Database = dir.Database()
	}
	if config.Archive == "" {
		config.Archive = dir.File("archive")
	}
	if err := c.secrets(&config, dir); err != nil {
		return config, err
	}
	if config.Mail, err = c.relay(); err != nil {
		return config, err
	}
	if config.Mail == nil {
		fmt.Fprintln(s.err, "No mail server: notifications and invitations aren't emailed. Set one with --mail-server.")
	}
	return config, c.identity(&config, s)
}

// identity returns the signing identity: another process, files, an ACME
// certificate, or the development identity.
func (c *serveCommand) identity(config *server.Config, s streams) (err error) {
	if config.ACME, err = c.acme(); err != nil {
		return err
	}
	if c.Signer != "" {
		if err := c.checkSigner(); err != nil {
			return err
		}
		config.Identity = signerd.Dial(signerd.ClientConfig{Socket: c.Signer, Log: config.Log})
		return nil
	}
	if c.SigningRoots != "" {
		if config.SigningRoots, err = signing.Roots(c.SigningRoots); err != nil {
			return err
		}
	}
	if config.ACME == nil {
		config.Identity, err = c.watch(s.err, config.Log)
		return err
	}
	if c.SigningCert != "" || c.SigningKey != "" || c.SigningP12 != "" || c.TLSCert != "" || c.TLSKey != "" {
		return usage(errors.New("--acme-email provides the certificate: remove --signing-cert, --signing-key, --signing-p12, --tls-cert and --tls-key"))
	}
	return nil
}

// checkSigner refuses other signing keys next to a separate signer. With them,
// this process could sign without it.
func (c *serveCommand) checkSigner() error {
	switch {
	case c.Email != "":
		return usage(errors.New("--acme-email and --signer can't be used together: the key of an ACME certificate is in this process, and devices accept its signatures on profiles too. " +
			"Serve HTTPS with a reverse proxy and get its certificate there; renew the signer's with certbot --reuse-key"))
	case c.SigningCert != "" || c.SigningKey != "" || c.SigningP12 != "" || c.SigningPassphraseFile != "" || c.SigningRoots != "":
		return usage(errors.New("with --signer, this process must not have a signing key: give --signing-cert, --signing-key, --signing-p12, --signing-passphrase-file and --signing-roots to mobileconfig signer instead"))
	}
	return nil
}

// secrets reads the secrets shared by all servers of the installation.
func (c *serveCommand) secrets(config *server.Config, dir *datadir.Dir) (err error) {
	if c.SecretFile != "" {
		config.Secret, err = datadir.ReadSecret(c.SecretFile)
		err = flagError("--secret-file", err)
	} else {
		config.Secret, err = dir.Secret()
	}
	if err != nil {
		return err
	}
	file := c.LogKeyFile
	if file == "" {
		file = dir.File(datadir.LogKeyName)
		config.LogKey, err = dir.LogKey()
	} else {
		config.LogKey, err = datadir.ReadLogKey(file)
		err = flagError("--log-key-file", err)
	}
	config.LogKeys = func() ([][]byte, error) { return datadir.ReadLogKeys(file) }
	return err
}

// first reads the flags of the first domain: all or none.
func (c *serveCommand) first(config *server.Config) error {
	if c.Domain == "" && c.IMAP == "" && c.SMTP == "" {
		return nil
	}
	if c.Domain == "" || c.IMAP == "" || c.SMTP == "" {
		return usage(errors.New("--domain, --imap and --smtp must be used together"))
	}
	var err error
	config.First, err = server.NewFirstDomain(c.Domain, c.IMAP, c.SMTP)
	return usage(err)
}
