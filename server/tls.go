package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"

	"github.com/updatecase/mobileconfig/server/reload"
)

// tlsConfig serves a certificate that is reloaded when its files change. If the
// new files are bad, the old certificate stays in use.
func tlsConfig(cert, key string, log *slog.Logger) (*tls.Config, error) {
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		return &pair, err
	}
	files, err := reload.New([]string{cert, key}, load, func(err error) {
		if err != nil {
			log.Error("TLS certificate not reloaded; the old one stays in use", "error", err)
			return
		}
		log.Info("TLS certificate reloaded")
	})
	if err != nil {
		return nil, fmt.Errorf("server: TLS: %w", err)
	}
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return files.Current(), nil },
	}, nil
}
