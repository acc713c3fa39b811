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
	Listen        string         `placeholder:"ADDR" help:"Address to serve on (default: 127.0.0.1:8080, and with --acme-email :443)."`
	HTTPListen    string         `name:"http-listen" placeholder:"ADDR" help:"Address for plain HTTP, which answers the authority and leads on to --base-url; none turns it off (default: with --acme-email :80)."`
	BaseURL       string         `placeholder:"URL" help:"How people reach the service, such as https://setup.example.com (default: made from --listen)."`
	Database      string         `placeholder:"DB" help:"sqlite:PATH or postgres://… (default: SQLite in the data folder)."`
	SecretFile    string         `placeholder:"FILE" help:"The installation's secret of 32 bytes, shared by all its servers (default: in the data folder)."`
	LogKeyFile    string         `placeholder:"FILE" help:"The key of 32 bytes that signs checkpoints of the action log, shared by all servers (default: in the data folder)."`
	TLSCert       string         `name:"tls-cert" placeholder:"PEM" help:"Certificate to serve HTTPS with; read again when it changes."`
	TLSKey        string         `name:"tls-key" placeholder:"PEM" help:"Private key of --tls-cert."`
	MetricsListen string         `placeholder:"ADDR" help:"Address for metrics (/metrics) and details of health (/details), for the operator alone."`
	TrustedProxy  []netip.Prefix `placeholder:"CIDR" help:"Network of a reverse proxy whose X-Forwarded-For is believed; may be repeated."`
	AllowNetwork  []netip.Prefix `placeholder:"CIDR" help:"Private network that checks and webhooks may reach; may be repeated."`
	Contact       string         `name:"security-contact" placeholder:"URI" help:"Whom to tell of a hole in the service, for /.well-known/security.txt: a mail address or https:// page."`
	acmeFlags
	Archive       string `placeholder:"WHERE" help:"Where lists and archives of batches are kept: a folder, or s3://BUCKET/PREFIX for several servers (default: in the data folder)."`
	ArchiveS3     string `name:"archive-endpoint" placeholder:"URL" help:"S3 service of --archive, such as https://s3.example.com (default: Amazon's). Its keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the file that AWS_SHARED_CREDENTIALS_FILE names."`
	ArchiveRegion string `placeholder:"REGION" help:"Region of the bucket (default: as the service says)."`
	ArchiveDays   int    `default:"7" placeholder:"N" help:"For how many days archives are kept (default: 7)."`
	loggerFlags
	mailFlags
	Domain string `placeholder:"D" help:"Mail domain to set up at start, with its servers."`
	IMAP   string `name:"imap" placeholder:"H[:P]" help:"Its IMAP server: HOST, HOST:PORT or HOST:143/starttls (default port: 993)."`
	SMTP   string `name:"smtp" placeholder:"H[:P]" help:"Its SMTP server: HOST, HOST:PORT or HOST:587/starttls (default port: 465)."`
	Signer string `placeholder:"SOCKET" help:"Have another process sign, which has the key: the socket of mobileconfig signer, such as /run/mobileconfig-signer/socket."`
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
	server.TuneMemory()
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
		fmt.Fprintln(s.err, "mobileconfig: the disk is full. What is there is served; free some space for all else, and start again for the link that sets up the control panel.")
	} else if err != nil {
		srv.Close()
		return err
	}
	return srv.Run(ctx, func(net.Addr) {
		if config.ACME != nil && !srv.Certificate().Present() {
			fmt.Fprintf(s.out, "Getting a certificate for %s. Until it is there, no page answers; the log says how it goes.\n", srv.BaseURL())
		}
		c.greet(s.out, srv.BaseURL(), setup, srv.Development())
	})
}

// greet says what to do next.
func (c *serveCommand) greet(out io.Writer, base, setup string, development bool) {
	fmt.Fprintf(out, "Open %s in a browser. Stop with Ctrl-C.\n", base)
	if setup != "" {
		fmt.Fprintf(out, "Set up the control panel, once, within three days: %s\n", setup)
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

// onAPhone is what a phone needs that a browser on this machine does not.
const onAPhone = `
On a phone it takes a host name that leads to this machine, with ports 80 and
443 open. The service gets the certificate by itself, for HTTPS and for signing:

  mobileconfig serve --base-url https://setup.example.com --acme-email you@example.com \
    --domain example.com --imap imap.example.com --smtp smtp.example.com

`

// plain are the settings that are taken as they are.
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
		fmt.Fprintln(s.err, "No mail server: notifications and invitations are not sent by mail. Name one by --mail-server.")
	}
	return config, c.identity(&config, s)
}

// identity reads what signs: another process, files, a certificate that comes by
// itself, or the development identity.
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
		return usage(errors.New("--acme-email brings the certificate: leave out --signing-cert, --signing-key, --signing-p12, --tls-cert and --tls-key"))
	}
	return nil
}

// checkSigner refuses other keys to sign with beside a signer that is a process of
// its own: with them, this process could sign without it.
func (c *serveCommand) checkSigner() error {
	switch {
	case c.Email != "":
		return usage(errors.New("--acme-email and --signer exclude each other: the key of a certificate by ACME is in this process, and devices accept its signatures on profiles too. " +
			"Have a reverse proxy serve HTTPS and get its certificate there; renew the signer's by certbot with --reuse-key"))
	case c.SigningCert != "" || c.SigningKey != "" || c.SigningP12 != "" || c.SigningPassphraseFile != "" || c.SigningRoots != "":
		return usage(errors.New("with --signer this process has no key to sign with: give --signing-cert, --signing-key, --signing-p12, --signing-passphrase-file and --signing-roots to mobileconfig signer instead"))
	}
	return nil
}

// secrets reads what all servers of the installation share.
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

// first reads the flags of the first domain, all or none.
func (c *serveCommand) first(config *server.Config) error {
	if c.Domain == "" && c.IMAP == "" && c.SMTP == "" {
		return nil
	}
	if c.Domain == "" || c.IMAP == "" || c.SMTP == "" {
		return usage(errors.New("--domain, --imap and --smtp go together"))
	}
	var err error
	config.First, err = server.NewFirstDomain(c.Domain, c.IMAP, c.SMTP)
	return usage(err)
}
