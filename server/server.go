// Package server assembles the service.
package server

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/blob"
	"github.com/updatecase/mobileconfig/server/branding"
	"github.com/updatecase/mobileconfig/server/certificate"
	"github.com/updatecase/mobileconfig/server/crypt"
	"github.com/updatecase/mobileconfig/server/dial"
	"github.com/updatecase/mobileconfig/server/discovery"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/mailing"
	"github.com/updatecase/mobileconfig/server/maintenance"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/pages"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/pushes"
	"github.com/updatecase/mobileconfig/server/redirect"
	"github.com/updatecase/mobileconfig/server/secret"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/templates"
)

// A Server is the service. Its database is open, but it isn't listening yet.
type Server struct {
	config  Config
	base    *url.URL
	store   *store.Store
	secrets *secret.Keeper
	vault   *account.Vault
	once    web.Once
	members *account.Members
	metrics *metrics
	handler http.Handler

	certificate *certificate.Manager
	identity    Identity // the signing identity

	links       *setup.Links
	brands      *branding.Brands
	batches     *batches.Service
	pushes      *pushes.Service
	notifier    *notify.Notifier
	mailer      *mailing.Sender
	maintenance *maintenance.Runner
	// signs is the fingerprint of the identity that this server has recorded.
	signs string
	// stopping is closed by stop when the server starts to stop.
	stopping chan struct{}
	stop     func()
}

// New opens the database and migrates it.
func New(ctx context.Context, config Config) (*Server, error) {
	base, err := config.complete()
	if err != nil {
		return nil, err
	}
	texts, err := config.texts()
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{config: config, base: base, stopping: make(chan struct{})}
	s.stop = sync.OnceFunc(func() { close(s.stopping) })
	s.store, err = store.Open(ctx, store.Config{Database: config.Database, CallTimeout: config.DatabaseTimeout, Now: config.Now, Signer: audit.NewKeyring(config.logKeys)})
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if s.secrets, err = secret.Open(ctx, s.store, config.Secret, config.Now); err == nil {
		err = s.newCertificate(ctx)
	}
	if err != nil {
		s.store.Close()
		return nil, fmt.Errorf("server: %w", err)
	}
	s.metrics = newMetrics(s.identity)
	s.metrics.watchCertificate(s.certificate)
	s.metrics.watchSigner(s.config.Identity)
	s.metrics.watchWrites(s.store.Database().Writes)
	s.metrics.watchBackup(s.store.LastBackup)
	s.metrics.watchClock(s.store.Ahead)
	s.metrics.watchLogs(s.store.FailedLogs)
	if err := s.prepare(ctx, texts); err != nil {
		s.store.Close()
		return nil, fmt.Errorf("server: %w", err)
	}
	return s, nil
}

// prepare stores the first domain and creates the handlers and workers.
func (s *Server) prepare(ctx context.Context, texts *templates.Set) error {
	if err := s.storeFirst(ctx); err != nil {
		return err
	}
	var err error
	if s.vault, err = account.NewVault(s.secrets.Secret, s.base, s.config.Now); err != nil {
		return err
	}
	s.once = web.NewOnce(s.base, s.secrets.Secret, s.config.Now)
	s.members = account.NewMembers(s.vault, s.store)
	s.brands = branding.New(s.store, s.config.Now)
	s.maintenance = &maintenance.Runner{Store: s.store, Log: s.config.Log, Now: s.config.Now}
	s.links = setup.New(s.store, s.store, s.secrets.Secret, s.config.Now)
	if err := s.newNotifier(ctx, texts); err != nil {
		return err
	}
	if err := s.newBatches(ctx, texts); err != nil {
		return err
	}
	s.pushes = pushes.New(pushes.Config{Store: s.store, Files: s.batches, Secret: s.secrets.Secret, Client: s.outside(pushes.CallTimeout), Now: s.config.Now})
	if s.config.Templates != nil {
		s.handler = &reloadingHandler{files: s.config.Templates, build: s.newHandler, log: s.config.Log}
		return nil
	}
	s.handler, err = s.newHandler(texts)
	return err
}

// newBatches opens the archive.
func (s *Server) newBatches(ctx context.Context, texts *templates.Set) error {
	files, err := blob.Open(ctx, s.config.Archive, s.config.ArchiveS3)
	if err != nil {
		return fmt.Errorf("%w: archive: %w", ErrConfig, err)
	}
	s.batches = &batches.Service{
		Store: s.store, Files: files, Domains: s.store, Links: s.links,
		Issuer: issue.New(texts, s.identity.Current), Identity: s.describeIdentity,
		Tool: s.config.Version, Retention: time.Duration(s.config.ArchiveDays) * 24 * time.Hour, Log: s.config.Log, Now: s.config.Now,
	}
	return nil
}

// outside returns a client for URLs of other programs, which can only reach
// what the service may.
func (s *Server) outside(timeout time.Duration) notify.Client {
	dialer := dial.New(dial.Config{Allow: s.config.AllowNetworks, Resolver: s.config.HostResolver, Timeout: timeout})
	client := dialer.Client()
	if s.config.WebhookRoots != nil {
		transport := dialer.Transport()
		transport.TLSClientConfig.RootCAs = s.config.WebhookRoots
		client.Transport = transport
	}
	return client
}

// newHandler creates the service's handler with the texts.
func (s *Server) newHandler(texts *templates.Set) (http.Handler, error) {
	a := s.newAPI(texts)
	public := &pages.Pages{
		Links:           s.links,
		Redirects:       redirect.New(s.store, s.links, s.base.String(), s.config.Now),
		Domains:         s.store,
		Brands:          s.brands,
		Issuer:          a.Issuer,
		Texts:           texts,
		BaseURL:         s.base,
		Identity:        s.describeIdentity,
		SecurityContact: s.config.SecurityContact,
		Now:             s.config.Now,
	}
	return s.routes(public, a, s.newPanel(a, public))
}

// newAPI creates the API.
func (s *Server) newAPI(texts *templates.Set) *api.API {
	proof := settings.NewDNSProof(s.secrets.Secret, s.config.Resolver)
	return &api.API{
		Keys:      account.NewKeys(s.store, s.config.Now),
		Domains:   settings.NewDomains(s.store, proof, s.config.Now),
		Brands:    s.brands,
		Policies:  settings.NewPolicies(s.store, s.config.Now),
		Hosts:     settings.NewHosts(s.store, s.config.Now),
		Redirects: redirect.NewKeys(s.store, s.config.Now),
		Webhooks:  notify.NewWebhooks(s.store, s.secrets.Secret, s.config.Now),
		Links:     s.links,
		Mails:     mailing.New(s.store, s.links, s.config.Now),
		Batches:   s.batches,
		Pushes:    s.pushes,
		Replays:   s.store,
		Answers:   s.secrets.Cipher(crypt.Answers),
		Issuer:    issue.New(texts, s.identity.Current),
		Identity:  s.describeIdentity,
		Texts:     texts,
		Actions:   s.store,
		Events:    s.store,
		Checker:   probe.NewChecker(s.prober()),
		BaseURL:   s.base,
		Log:       s.config.Log,
		Now:       s.config.Now,
		Stopping:  s.stopping,
	}
}

// describeIdentity describes the current signing identity.
func (s *Server) describeIdentity() signing.Description {
	return s.identity.Current().Describe()
}

// prober checks mail servers that the service may connect to.
func (s *Server) prober() *probe.Prober {
	return probe.New(s.dialer(), s.config.HostRoots, s.config.Now)
}

func (s *Server) dialer() *dial.Dialer {
	return dial.New(dial.Config{Allow: s.config.AllowNetworks, Resolver: s.config.HostResolver})
}

// finder finds a domain's servers that the service may connect to.
func (s *Server) finder() *discovery.Finder {
	dialer := s.dialer()
	transport, client := dialer.Transport(), dialer.Client()
	transport.TLSClientConfig.RootCAs = s.config.HostRoots
	client.Transport, client.CheckRedirect = transport, discovery.CheckRedirect
	return discovery.New(cmp.Or(s.config.HostResolver, net.DefaultResolver), s.prober(), client)
}

// storeFirst stores the operator's first domain. For an existing one, it only
// sets the mail servers.
func (s *Server) storeFirst(ctx context.Context) error {
	first := s.config.First
	if first == nil {
		return nil
	}
	now := s.config.Now()
	d, err := s.store.Domain(ctx, first.Name)
	switch {
	case fault.Is(err, fault.NotFound), err == nil && d.Account != account.Default:
		d = settings.Domain{ID: id.New("dom"), Account: account.Default, Name: first.Name, Policy: settings.DefaultOffer, Created: now}
	case err != nil:
		return err
	}
	d.Service.Incoming, d.Service.Outgoing, d.Updated = first.Service.Incoming, first.Service.Outgoing, now
	return s.store.SetDomain(ctx, audit.ByProgram(), d, audit.Action{
		Account: account.Default,
		Outcome: audit.Done,
	})
}

// Handler returns the service as an HTTP handler.
func (s *Server) Handler() http.Handler { return s.handler }

// BaseURL returns the public URL.
func (s *Server) BaseURL() string { return s.base.String() }

// Close closes the database of a server that isn't running.
func (s *Server) Close() { s.store.Close() }
