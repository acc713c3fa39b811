//go:build soak

package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/servertest"
	"github.com/updatecase/mobileconfig/server/soak"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// TestSoakStrangers has 64 networks guess a member's password without a pause,
// while the member signs in from a known device.
func TestSoakStrangers(t *testing.T) {
	storetest.EachDatabase(t, func(t *testing.T, database string) {
		c := newCrowd(t, database)
		jane := c.Owner("jane@example.com")
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		var guesses atomic.Int64
		for i := range 64 {
			group.Go(func() {
				// Each network also guesses for another address, so that
				// passwords are hashed.
				for n := 0; ctx.Err() == nil; n++ {
					for _, email := range []string{jane.Email, fmt.Sprintf("p%d-%d@example.com", i, n)} {
						c.from(fmt.Sprintf("198.51.100.%d", i), "/panel/sign-in", signInForm(email, "not the password"))
						guesses.Add(1)
					}
				}
			})
		}
		var took []time.Duration
		for range soak.Count(10, 100) {
			c.ahead.Add(int64(16 * time.Minute)) // all networks can guess again
			begin := time.Now()
			if a := jane.SignIn(); a.Status != http.StatusSeeOther {
				t.Errorf("%d", a.Status)
			}
			took = append(took, time.Since(begin))
		}
		stop()
		group.Wait()
		slices.Sort(took)
		soak.Figure(t, fmt.Sprintf("sign-in from a known device beside %d guesses of 64 networks: longest of %d (median %v)", guesses.Load(), len(took), took[len(took)/2].Round(time.Millisecond)),
			took[len(took)-1].Round(time.Millisecond), time.Second)
	})
}

// TestSoakOneAddress has one address open 4,000 connections. A client from
// another address still gets its page.
func TestSoakOneAddress(t *testing.T) {
	s := servertest.New(t, storetest.SQLite(t), func(c *server.Config) { c.Listen = "127.0.0.1:0" })
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() { done <- s.Run(ctx, func(a net.Addr) { ready <- a }) }()
	addr := (<-ready).String()
	alone := pages(t, addr)
	var held []net.Conn
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.7")}, Timeout: 10 * time.Second}
	for range 4000 {
		if conn, err := d.Dial("tcp4", addr); err == nil {
			held = append(held, conn)
		}
	}
	beside := pages(t, addr)
	for _, conn := range held {
		conn.Close()
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	soak.Figure(t, fmt.Sprintf("p99 of a page with %d connections from another address, relative to without (%v)", len(held), alone), fmt.Sprintf("%.2f", float64(beside)/float64(alone)), 2.0)
}

// pages fetches the start page over new connections from its own address, and
// returns the 99th percentile of the time.
func pages(t *testing.T, addr string) time.Duration {
	t.Helper()
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.8")}}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
	var took []time.Duration
	for range soak.Count(500, 5000) {
		begin := time.Now()
		res, err := client.Get("http://" + addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
		took = append(took, time.Since(begin))
		if res.StatusCode != http.StatusOK {
			t.Fatal(res.StatusCode)
		}
	}
	slices.Sort(took)
	return took[len(took)*99/100]
}
