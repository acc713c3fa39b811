package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/admission"
	"github.com/updatecase/mobileconfig/server/maintenance"
)

// Limits for what one client can use of the server.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 60 * time.Second
	shutdownTimeout   = 20 * time.Second
	maxHeaderBytes    = 16 << 10
	maxConnections    = 4096
	// maxPerAddress is for one address, or one /56 in IPv6; maxPerNetwork is
	// for a /48. Proxies, and this machine, have no limit.
	maxPerAddress = 256
	maxPerNetwork = 1024
)

// pruneEvery is how often expired data is deleted.
const pruneEvery = 10 * time.Minute

// Run serves until ctx is done and then finishes the requests in progress. When
// it returns, everything that it started has stopped, unless the disk failed to
// store a write: then it returns immediately, and the process must exit. Once
// the server listens, it calls ready, if that isn't nil, with the address.
func (s *Server) Run(ctx context.Context, ready func(net.Addr)) error {
	defer s.store.Close()
	public := s.httpServer(s.handler)
	public.RegisterOnShutdown(s.stop)
	switch {
	case s.config.ACME != nil:
		public.TLSConfig = s.certificate.TLSConfig()
	case s.config.TLSCert != "":
		var err error
		if public.TLSConfig, err = tlsConfig(s.config.TLSCert, s.config.TLSKey, s.config.Log); err != nil {
			return err
		}
	}
	outside, err := listen(ctx, s.config.Listen)
	if err != nil {
		return err
	}
	defer outside.Close()
	var plain net.Listener
	if s.config.HTTPListen != "" {
		if plain, err = listen(ctx, s.config.HTTPListen); err != nil {
			return err
		}
		defer plain.Close()
	}
	group, ctx := errgroup.WithContext(ctx)
	if s.config.MetricsListen != "" {
		metrics, err := listen(ctx, s.config.MetricsListen)
		if err != nil {
			return err
		}
		s.serve(ctx, group, s.httpServer(s.operatorHandler()), metrics)
	}
	if plain != nil {
		s.serve(ctx, group, s.httpServer(s.plain()), plain)
	}
	s.serve(ctx, group, public, outside)
	group.Go(func() error { return s.certificate.Run(ctx) })
	group.Go(func() error { return s.runMaintenance(ctx) })
	group.Go(func() error { return s.RunJobs(ctx) })
	if ready != nil {
		ready(outside.Addr())
	}
	stopped := make(chan error, 1)
	go func() { stopped <- group.Wait() }()
	broken, why := s.store.Database().Broken()
	select {
	case err := <-stopped:
		return err
	case <-broken:
		return fmt.Errorf("server: %w", why())
	}
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return listener, nil
}

var loopback4 = netip.MustParseAddr("127.0.0.1")

// admit limits the number of connections per client.
func (s *Server) admit(l net.Listener) *admission.Listener {
	return admission.NewListener(l, admission.ConnLimits{Total: maxConnections, Near: maxPerAddress, Wide: maxPerNetwork}, func(ip netip.Addr) bool {
		return ip == loopback4 || ip == netip.IPv6Loopback() || slices.ContainsFunc(s.config.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(ip) })
	})
}

// serve runs the server in the group until ctx is done.
func (s *Server) serve(ctx context.Context, group *errgroup.Group, hs *http.Server, listener net.Listener) {
	if hs.TLSConfig == nil {
		listener = framedListener{listener}
	}
	admitted := s.admit(listener)
	hs.ConnState = admitted.State
	group.Go(func() error {
		var err error
		if hs.TLSConfig != nil {
			err = hs.ServeTLS(admitted, "", "")
		} else {
			err = hs.Serve(admitted)
		}
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("server: %w", err)
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		return hs.Shutdown(grace)
	})
}

func (s *Server) httpServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          log.New(connectionLog{s.config.Log}, "", 0),
	}
}

// runMaintenance deletes expired rows and runs scheduled work until ctx is
// done.
//
// The schedule is a ticker that inserts unique jobs instead of River's periodic
// jobs: those depend on timers of the leading process, which tests can't
// control, and miss a run while no server is up.
func (s *Server) runMaintenance(ctx context.Context) error {
	prune, look := time.NewTicker(pruneEvery), time.NewTicker(time.Minute)
	defer prune.Stop()
	defer look.Stop()
	run := func() {
		if err := s.RunScheduled(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.Error("scheduled work", "error", err)
		}
	}
	run()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			run()
		case <-prune.C:
			if err := errors.Join(s.store.Prune(ctx), s.batches.Tidy(ctx)); err != nil && ctx.Err() == nil {
				s.config.Log.Error("prune", "error", err)
			}
		}
	}
}

// RunScheduled runs everything that is due. It records the signing identity
// (checking its files even while nothing is signed), notifies about a
// certificate and keys that are about to expire, links that have expired and an
// old backup, records the time, enqueues the daily maintenance of the action logs, and
// reads the versions of the secret. Run calls it every minute. Each of several
// servers on one database can.
func (s *Server) RunScheduled(ctx context.Context) error {
	return errors.Join(s.store.NoteClock(ctx), s.recordIdentity(ctx), s.recordExpiry(ctx), s.recordExpiringKeys(ctx), s.recordExpiredLinks(ctx), s.recordOldBackup(ctx), s.enqueueMaintenance(ctx), s.reloadSecret(ctx),
		account.NewSessions(s.vault, s.store).SumUp(ctx))
}

// enqueueMaintenance enqueues the last due round of maintenance. If all servers were
// off at its time, it's run late.
func (s *Server) enqueueMaintenance(ctx context.Context) error {
	return s.store.EnqueueRound(ctx, maintenance.Day(s.config.Now()))
}

// reloadSecret reads the versions of the secret, which another server may have
// changed. While there are old ones, it enqueues an hourly job that reencrypts
// values of old versions.
func (s *Server) reloadSecret(ctx context.Context) error {
	if err := s.secrets.Reload(ctx); err != nil || !s.secrets.Pending() {
		return err
	}
	return s.store.EnqueueRewrite(ctx, s.config.Now().UTC().Format("2006-01-02T15"))
}

// connectionLog receives net/http's messages about broken connections. They may
// contain what a client sent, so only the fact is logged.
type connectionLog struct{ log *slog.Logger }

func (l connectionLog) Write(p []byte) (int, error) {
	l.log.Debug("connection error")
	return len(p), nil
}
