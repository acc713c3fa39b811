package lint

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/updatecase/mobileconfig/signing"
)

// ErrSignature says that a signature isn't good.
var ErrSignature = errors.New("the signature is invalid: do not trust what is inside")

// Unsign takes a profile out of its signed envelope, byte by byte as it was
// signed. It returns [ErrSignature] if the signature isn't good. Any other error
// means that there is no envelope with a profile in it.
func Unsign(data []byte) ([]byte, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("it is larger than %d bytes; no profile is", MaxSize)
	}
	if !signing.Enveloped(data) {
		return nil, errors.New("it is not signed")
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
