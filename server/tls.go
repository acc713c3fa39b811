package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// checkEvery is how often the TLS files are looked at for a change.
const checkEvery = 2 * time.Second

// tlsConfig serves a certificate that is read again when its files change.
func tlsConfig(cert, key string, log *slog.Logger) (*tls.Config, error) {
	files := &tlsFiles{cert: cert, key: key, log: log}
	if err := files.load(); err != nil {
		return nil, fmt.Errorf("server: TLS: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: files.certificate}, nil
}

// tlsFiles is a certificate and the files that it came from.
type tlsFiles struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	changed time.Time // of the files that current came from
	checked time.Time
}

// certificate returns the current certificate. A bad new file leaves the old
// one in use.
func (f *tlsFiles) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.checked) < checkEvery {
		return f.current, nil
	}
	f.checked = time.Now()
	if changed := f.lastChange(); changed.Equal(f.changed) {
		return f.current, nil
	}
	if err := f.load(); err != nil {
		f.log.Error("TLS certificate not reloaded; the old one stays", "error", err)
	} else {
		f.log.Info("TLS certificate reloaded")
	}
	return f.current, nil
}

func (f *tlsFiles) load() error {
	changed := f.lastChange()
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return err
	}
	f.current, f.changed = &pair, changed
	return nil
}

// lastChange is the later time of change of the two files.
func (f *tlsFiles) lastChange() time.Time {
	var last time.Time
	for _, file := range []string{f.cert, f.key} {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}
