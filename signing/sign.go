package signing

import (
	"errors"
	"fmt"

	"go.mozilla.org/pkcs7"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// Sign returns the profile that the gate has cleared in a signed envelope. It
// refuses with an [*IdentityError] while a certificate is out of its time.
// The result differs each time, for it holds the time of the signature.
func (id *Identity) Sign(profile gate.Cleared) ([]byte, error) {
	content := profile.Bytes()
	if content == nil {
		return nil, errors.New("signing: nothing was cleared")
	}
	if err := id.Usable(); err != nil {
		return nil, err
	}
	envelope, err := pkcs7.NewSignedData(content)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	// Before AddSigner: later it is ignored, and the digest would be SHA-1.
	envelope.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	// Not AddSignerChain, which verifies the whole chain at every signature.
	if err := envelope.AddSigner(id.leaf, id.key, pkcs7.SignerInfoConfig{}); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	for _, c := range id.intermediates {
		envelope.AddCertificate(c)
	}
	signed, err := envelope.Finish()
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return signed, nil
}
