package server

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/netutil"
	"golang.org/x/sync/errgroup"

	"github.com/updatecase/mobileconfig/server/night"
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

// Run serves until ctx is done and then lets the requests under way finish.
// When it returns, everything that it started has stopped. Once the server
// listens it calls ready, if that is not nil, with the address.
func (s *Server) Run(ctx context.Context, ready func(net.Addr)) error {
	defer s.store.Close()
	public := s.httpServer(s.handler)
	if s.config.TLSCert != "" {
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
	group, ctx := errgroup.WithContext(ctx)
	if s.config.MetricsListen != "" {
		inside, err := listen(ctx, s.config.MetricsListen)
		if err != nil {
			return err
		}
		serve(ctx, group, s.httpServer(s.inside()), inside)
	}
	serve(ctx, group, public, outside)
	group.Go(func() error { return s.tendAlways(ctx) })
	group.Go(func() error { return s.RunJobs(ctx) })
	if ready != nil {
		ready(outside.Addr())
	}
	return group.Wait()
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return netutil.LimitListener(listener, maxConnections), nil
}

// serve has the group serve until ctx is done.
func serve(ctx context.Context, group *errgroup.Group, hs *http.Server, listener net.Listener) {
	group.Go(func() error {
		var err error
		if hs.TLSConfig != nil {
			err = hs.ServeTLS(listener, "", "")
		} else {
			err = hs.Serve(listener)
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

// tendAlways clears away what has run out, now and then, and does what is due
// by the clock.
func (s *Server) tendAlways(ctx context.Context) error {
	prune, look := time.NewTicker(pruneEvery), time.NewTicker(time.Minute)
	defer prune.Stop()
	defer look.Stop()
	tend := func() {
		if err := s.Tend(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.Error("what is due", "error", err)
		}
	}
	tend()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			tend()
		case <-prune.C:
			if err := s.store.Prune(ctx); err != nil && ctx.Err() == nil {
				s.config.Log.Error("prune", "error", err)
			}
		}
	}
}

// Tend does what is due by the clock. It notes what signs, looking whether the
// identity's files have changed also while nothing is signed, tells of a
// certificate about to expire, and has the night's work done on the action
// logs once a night. Run calls it every minute; of several servers on one
// database each may.
func (s *Server) Tend(ctx context.Context) error {
	return errors.Join(s.tellIdentity(ctx), s.tellExpiry(ctx), s.store.BeginNight(ctx, night.Begin(s.config.Now())))
}

// connectionLog takes what net/http says of broken connections. Its words may
// hold what a client sent, so only that it happened is kept.
type connectionLog struct{ log *slog.Logger }

func (l connectionLog) Write(p []byte) (int, error) {
	l.log.Debug("connection error")
	return len(p), nil
}
