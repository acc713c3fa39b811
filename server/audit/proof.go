package audit

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A Proof is signed with the key of the log. An action has one if it removes
// the content of others, or says how long content is kept. It shows that the
// program itself did that: someone who can only write to the database can't
// create one.
//
// The signature covers the account, the place and time of the action, who did
// it, its changes (which name what was removed) and everything here. So a proof
// is valid nowhere else.
type Proof struct {
	// Reason is why something was removed.
	Reason Reason `json:"reason,omitempty"`
	// Root, of a LogRetain, is the hash of the tree of all actions up to the
	// last one whose content was removed.
	Root string `json:"root,omitempty"`
	// Setting and Days, of a LogRetain, are the retention setting under which
	// content was removed: its action, 0 for the default, and how long content
	// is kept.
	Setting int64 `json:"setting,omitempty"`
	Days    int   `json:"days,omitempty"`
	// Personal, of a LogErase, are the hashes of the erased texts, as in their
	// leaves.
	Personal []string `json:"personal,omitempty"`
	// Signature is an Ed25519 signature, base64.
	Signature string `json:"signature"`

	signer Signer
}

// A Signer has the keys that sign statements about logs. *LogKey and
// *Keyring are some.
type Signer interface {
	// Key returns the key with the id, or, for none, the one that the
	// installation began with. If it isn't there, the fault is LogKeyUnavailable.
	Key(id string) (*LogKey, error)
}

// A KeyName says which key signs a log. The zero value is the key that the
// installation began with, as long as it hasn't been replaced.
type KeyName struct {
	Installation string // its name in the origins of its logs
	ID           string // of the key
}

// KeyOf returns the key that the name means. No signer has none.
func KeyOf(s Signer, name KeyName) (*LogKey, error) {
	if s == nil {
		return nil, ErrNoSigner
	}
	key, err := s.Key(name.ID)
	if err != nil {
		return nil, err
	}
	return key.Named(name.Installation), nil
}

// SignedBy returns the action as one of a log that the key signs.
func (a Action) SignedBy(key KeyName) Action {
	a.key = key
	return a
}

// A Reason is why something was removed from a log.
type Reason string

// The reasons.
const (
	ForRetention Reason = "retention" // it was older than the account keeps it
	ForMailbox   Reason = "mailbox"   // someone erased the text about a mailbox
	ForEntry     Reason = "entry"     // someone erased the text of one action
)

// ErrNoSigner says that there is no key to sign a removal with.
var ErrNoSigner = errors.New("audit: removing content from a log requires the key that signs the removal")

// A Text is a personal text to be erased: its action, and its hash as in the
// leaf.
type Text struct {
	Seq  int64
	Hash string
}

// RecordErase turns a into the LogErase of the texts in the account's log.
func (a Action) RecordErase(key Signer, account string, why Reason, texts []Text) (Action, error) {
	texts = slices.SortedFunc(slices.Values(texts), func(x, y Text) int { return int(x.Seq - y.Seq) })
	seqs, p := make([]int64, len(texts)), &Proof{Reason: why, signer: key}
	for i, t := range texts {
		seqs[i] = t.Seq
		p.Personal = append(p.Personal, t.Hash)
	}
	return a.removal(LogErase, account, []Change{{Field: erasedField, New: joinSeqs(seqs)}}, p)
}

// RecordRetain turns a into the LogRetain of the account's log that removes the
// content of the actions from first on.
func (a Action) RecordRetain(key Signer, account string, first int64, r Retention) (Action, error) {
	return a.removal(LogRetain, account, []Change{
		{Field: firstField, New: strconv.FormatInt(first, 10)},
		{Field: throughField, New: strconv.FormatInt(r.Through, 10)},
		{Field: beforeField, New: r.Before.UTC().Format(time.RFC3339)},
	}, &Proof{Reason: ForRetention, Root: r.Root.String(), Setting: r.Seq, Days: r.Days, signer: key})
}

func (a Action) removal(name Name, account string, changes []Change, p *Proof) (Action, error) {
	a.Account, a.Name, a.Target, a.Changes, a.Proof = account, name, Target{Kind: LogTarget, ID: account}, changes, p
	return a, p.signable()
}

// RecordRetention turns a into the AccountUpdate that sets how many days the
// content of the account's actions is kept.
func (a Action) RecordRetention(key Signer, account string, old, days int) (Action, error) {
	a.Account, a.Name, a.Target = account, AccountUpdate, Target{Kind: AccountTarget, ID: account}
	a.Changes = []Change{{Field: retentionField, Old: strconv.Itoa(old), New: strconv.Itoa(days)}}
	a.Proof = &Proof{signer: key}
	return a, a.Proof.signable()
}

func (p *Proof) signable() error {
	if p.signer == nil {
		return ErrNoSigner
	}
	return nil
}

// sign signs the proof in the leaf, which must not change afterwards.
func (l *Leaf) sign(name KeyName) error {
	statement, err := l.statement()
	if err != nil {
		return err
	}
	key, err := KeyOf(l.Proof.signer, name)
	if err != nil {
		return fmt.Errorf("audit: sign: %w", err)
	}
	l.Proof.Signature = base64.StdEncoding.EncodeToString(key.signProof(l.Log, statement))
	return nil
}

// statement returns the text that the proof's signature covers.
func (l *Leaf) statement() ([]byte, error) {
	p := *l.Proof
	p.Signature = ""
	return encode(struct {
		Log     string   `json:"log"`
		Seq     int64    `json:"seq"`
		Time    int64    `json:"time"`
		Name    Name     `json:"action"`
		Actor   who      `json:"actor"`
		Changes []Change `json:"changes"`
		Proof   Proof    `json:"proof"`
	}{l.Log, l.Seq, l.Time, l.Name, l.Actor, l.Changes, p})
}

// provenBy reports whether the key signed the leaf's proof.
func (l *Leaf) provenBy(key note.Verifier) bool {
	if l.Proof == nil {
		return false
	}
	signature, err := base64.StdEncoding.DecodeString(l.Proof.Signature)
	if err != nil {
		return false
	}
	statement, err := l.statement()
	return err == nil && key.Verify(proofText(key.Name(), statement), signature)
}

// proofText returns the text that is signed. Its second line distinguishes it
// from a checkpoint, which has a number there.
func proofText(origin string, statement []byte) []byte {
	return fmt.Appendf(nil, "%s\nproof\n%s\n", origin, statement)
}

// signProof returns the signature of a statement about the account's log.
func (k *LogKey) signProof(account string, statement []byte) []byte {
	return ed25519.Sign(k.private, proofText(k.Origin(account), statement))
}
