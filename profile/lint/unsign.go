package lint

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/signing"
)

// ErrSignature means that a signature isn't good.
var ErrSignature = errors.New("the signature is invalid: don't trust the contents")

// Unsign extracts a profile from its signed envelope, with exactly the signed
// bytes. It returns [ErrSignature] if the signature isn't good. Any other error
// means that there is no envelope with a profile.
func Unsign(data []byte) ([]byte, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("it's larger than %d bytes, too large for a profile", MaxSize)
	}
	if !signing.Enveloped(data) {
		return nil, errors.New("it isn't signed")
	}
	i := &inspector{report: &Report{}, at: time.Unix(0, 0)}
	content, err := i.envelope(data)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(i.hits, func(h hit) bool { return h.code == codeSignatureInvalid || h.code == codeNoSigner }) {
		return nil, ErrSignature
	}
	if _, err := i.document(content); err != nil {
		return nil, err
	}
	return content, nil
}
