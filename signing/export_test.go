package signing

import (
	"crypto"
	"crypto/x509"
	"time"
)

// Unchecked is New without its checks, for times at which no root is valid.
func Unchecked(key crypto.Signer, chain []*x509.Certificate, now func() time.Time) (*Identity, error) {
	id := &Identity{key: key, leaf: chain[0], path: chain, intermediates: chain[1:], now: now}
	return id, id.prepare()
}
