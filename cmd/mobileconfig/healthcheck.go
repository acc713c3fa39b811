package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"
)

// healthcheckCommand is for containers without another HTTP client.
type healthcheckCommand struct {
	Listen string `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Address that the service listens on, the same as for serve (default: 127.0.0.1:8080)."`
}

// Run asks the service whether it can serve.
func (c *healthcheckCommand) Run() error {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return flagError("--listen", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	// The certificate is for another name, which doesn't matter here.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	var failed error
	for _, scheme := range []string{"http", "https"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/readyz", nil)
		if err != nil {
			return err
		}
		res, err := client.Do(req)
		if err != nil {
			failed = err
			continue
		}
		res.Body.Close()
		if res.StatusCode == http.StatusOK {
			return nil
		}
		failed = fmt.Errorf("the service answered %s", res.Status)
	}
	return failed
}
