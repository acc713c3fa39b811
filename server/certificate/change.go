package certificate

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/signing"
)

// RequestRenewal requests a renewal from whichever server handles it first.
func RequestRenewal(ctx context.Context, store Store, by audit.Grant, r Request, name string) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	a := audit.Action{Account: account.Installation, Name: audit.IdentityRequest, Outcome: audit.Done, Target: audit.Target{Kind: audit.IdentityTarget, ID: name, Name: name}}
	if r.NewKey {
		a.Changes = []audit.Change{{Field: "key", New: "new"}}
	}
	return store.ChangeCertificate(ctx, by, RequestName, value, a)
}

// Renew requests a renewal before it is due.
func (m *Manager) Renew(ctx context.Context, by audit.Grant) error {
	if err := RequestRenewal(ctx, m.config.Store, by, Request{}, "certificate"); err != nil {
		return err
	}
	m.Wake()
	return nil
}

// Check checks a certificate with its chain, and its key, and returns the
// signer. Problems are returned as faults.
func (m *Manager) Check(certificates, key []byte) (*signing.Identity, error) {
	id, _, err := m.examine(certificates, key)
	return id, err
}

func (m *Manager) examine(certificates, key []byte) (*signing.Identity, kept, error) {
	k := kept{Source: FromUpload, Since: m.config.Now()}
	signer, all, err := signing.ReadPEM(certificates, key)
	if err != nil {
		return nil, k, refusal(err)
	}
	id, err := signing.New(signer, all, m.config.Roots, m.config.Now)
	if err == nil {
		err = id.Usable()
	}
	if err != nil {
		return nil, k, refusal(err)
	}
	if k.Key, err = encodeKey(signer); err != nil {
		return nil, k, err
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.Certificate().Raw})
	for _, c := range all {
		if !c.Equal(id.Certificate()) {
			chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
		}
	}
	k.Chain = chain
	return id, k, nil
}

// refusal converts a problem of a certificate to a fault of its field.
func refusal(err error) error {
	e, ok := errors.AsType[*signing.IdentityError](err)
	if !ok {
		return err
	}
	field := "certificates"
	switch e.Code {
	case signing.KeyEncrypted, signing.UnsupportedEncryption, signing.KeyMismatch:
		field = "private_key"
	}
	return fault.On(field, fault.Invalid, "%s.", e.Detail)
}

// Upload checks a certificate and its key and stores them. They are used at
// once.
func (m *Manager) Upload(ctx context.Context, by audit.Grant, certificates, key []byte) error {
	if m.config.ACME != nil {
		return fault.New(fault.Conflict, "This server gets its certificate automatically.")
	}
	id, k, err := m.examine(certificates, key)
	if err != nil {
		return err
	}
	value, err := m.encode(certificateName, k)
	if err != nil {
		return err
	}
	a := audit.Action{Account: account.Installation, Name: audit.IdentityUpload, Outcome: audit.Done, Target: audit.Target{Kind: audit.IdentityTarget, ID: id.Fingerprint(), Name: id.Name()}}
	if err := m.config.Store.ChangeCertificate(ctx, by, certificateName, value, a); err != nil {
		return err
	}
	m.looking.Lock()
	defer m.looking.Unlock()
	return m.load(ctx)
}
