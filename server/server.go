// Package server puts the service together.
package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/id"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/pages"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/setup"
	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/templates"
)

// Bounds on what one client can hold of the server.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	shutdownTimeout   = 20 * time.Second
	maxHeaderBytes    = 16 << 10
	maxConnections    = 4096
)

// pruneEvery is how often what has run out is cleared away.
const pruneEvery = 10 * time.Minute

// A Server is the service. It has opened its database; it does not listen yet.
type Server struct {
	config  Config
	base    *url.URL
	store   *store.Store
	handler http.Handler
}

// New opens the database and brings it up to date.
func New(ctx context.Context, config Config) (*Server, error) {
	base, err := config.complete()
	if err != nil {
		return nil, err
	}
	texts, err := templates.New()
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{config: config, base: base}
	s.store, err = store.Open(ctx, store.Config{Database: config.Database, Now: config.Now})
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if err := s.prepare(ctx, texts); err != nil {
		s.store.Close()
		return nil, fmt.Errorf("server: %w", err)
	}
	return s, nil
}

// prepare keeps the first domain and builds the handler.
func (s *Server) prepare(ctx context.Context, texts *templates.Set) error {
	if err := s.keepFirst(ctx); err != nil {
		return err
	}
	links, err := setup.New(s.store, s.store, s.config.Secret, s.config.Now)
	if err != nil {
		return err
	}
	s.handler = s.routes(&pages.Pages{
		Links:       links,
		Issuer:      issue.New(texts, s.config.Identity),
		Texts:       texts,
		BaseURL:     s.base,
		Signer:      s.config.Identity.Name(),
		Development: s.config.Identity.Development(),
	})
	return nil
}

// keepFirst brings the domain that the operator named into the database.
func (s *Server) keepFirst(ctx context.Context) error {
	first := s.config.First
	if first == nil {
		return nil
	}
	now := s.config.Now()
	return s.store.SetDomain(ctx, settings.Domain{
		ID:      id.New("dom"),
		Account: account.Default,
		Name:    first.Name,
		Service: first.Service,
		Policy:  settings.Offered,
		Created: now,
		Updated: now,
	}, audit.Action{
		Account: account.Default,
		Outcome: audit.Done,
		Actor:   audit.Actor{Kind: audit.System, Interface: audit.CommandLine},
	})
}

// Handler is the service as an HTTP handler.
func (s *Server) Handler() http.Handler { return s.handler }

// BaseURL is how people reach the service.
func (s *Server) BaseURL() string { return s.base.String() }

// Close closes the database of a server that does not run.
func (s *Server) Close() { s.store.Close() }

// Run serves until ctx is done and then lets the requests under way finish.
// When it returns, everything that it started has stopped. Once the server
// listens it calls ready, if that is not nil, with the address.
func (s *Server) Run(ctx context.Context, ready func(net.Addr)) error {
	defer s.store.Close()
	hs, err := s.httpServer()
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.config.Listen)
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var owned sync.WaitGroup
	owned.Go(func() { s.prune(ctx) })
	stopped := make(chan error, 1)
	owned.Go(func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		stopped <- hs.Shutdown(grace)
	})
	if ready != nil {
		ready(listener.Addr())
	}
	err = serve(hs, netutil.LimitListener(listener, maxConnections))
	stop()
	owned.Wait()
	if !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("server: %w", err)
	}
	return <-stopped
}

func serve(hs *http.Server, listener net.Listener) error {
	if hs.TLSConfig != nil {
		return hs.ServeTLS(listener, "", "")
	}
	return hs.Serve(listener)
}

func (s *Server) httpServer() (*http.Server, error) {
	hs := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(connectionLog{s.config.Log}, "", 0),
	}
	if s.config.TLSCert == "" {
		return hs, nil
	}
	var err error
	hs.TLSConfig, err = tlsConfig(s.config.TLSCert, s.config.TLSKey, s.config.Log)
	return hs, err
}

// prune clears away what has run out, now and then.
func (s *Server) prune(ctx context.Context) {
	tick := time.NewTicker(pruneEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.store.Prune(ctx); err != nil && ctx.Err() == nil {
				s.config.Log.Error("prune", "error", err)
			}
		}
	}
}

// connectionLog takes what net/http says of broken connections. Its words may
// hold what a client sent, so only that it happened is kept.
type connectionLog struct{ log *slog.Logger }

func (l connectionLog) Write(p []byte) (int, error) {
	l.log.Debug("connection error")
	return len(p), nil
}
