//go:build !unix

package signerd

import "errors"

func lock(string) (func(), error) {
	return nil, errors.New("a signer of its own runs on Linux only")
}
