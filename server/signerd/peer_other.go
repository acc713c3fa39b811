//go:build !linux

package signerd

import (
	"errors"
	"net"
)

func hardened() error { return nil }

func peerOf(*net.UnixConn) (peer, error) {
	return peer{}, errors.New("a separate signer runs only on Linux")
}
