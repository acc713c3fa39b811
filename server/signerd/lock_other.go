//go:build !unix

package signerd

import "errors"

func lock(string) (func(), error) {
	return nil, errors.New("a separate signer runs only on Linux")
}
