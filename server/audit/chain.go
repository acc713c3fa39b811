package audit

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A KeyChange is the statement that one key of a log was replaced by another. Both
// have signed it, as a signed note:
//
//	mobileconfig/INSTALLATION/ACCOUNT
//	replace-key
//	the root of the log's tree, up to and with the action
//	the leaf of the action, a LogReplaceKey, which names both keys
//
// The second line keeps it apart from a checkpoint. It is kept beside the log, so
// it is there also when retention has removed the content of the action.
type KeyChange struct {
	// Old and New are the public keys, as Public returned them.
	Old, New string
	// Tree is the log up to and with the action.
	Tree
	At   time.Time
	leaf Hash
	note []byte
}

const (
	keyChangeMark = "replace-key"
	keyField      = "key"      // of the change in a LogReplaceKey
	keyIDField    = "key_id"   // the same, for people
	maxKeyChange  = 16 << 10   // size in bytes of the largest note that is read
	keyType       = byte(0x01) // Ed25519, in public keys of notes
)

// A replacement is of the key that signs a log.
type replacement struct {
	signer Signer
	key    *LogKey
}

// RecordReplaceKey makes a the LogReplaceKey of the account's log, which is
// signed by next from then on.
func (a Action) RecordReplaceKey(signer Signer, account string, next *LogKey) (Action, error) {
	if signer == nil {
		return a, ErrNoSigner
	}
	a.Account, a.Name, a.Target = account, LogReplaceKey, Target{Kind: LogTarget, ID: account, Name: next.id}
	a.next = &replacement{signer, next}
	return a, nil
}

// keys returns the two keys of a LogReplaceKey.
func (a Action) keys() (old, next *LogKey, err error) {
	if old, err = KeyOf(a.next.signer, a.key); err != nil {
		return nil, nil, fmt.Errorf("audit: replace key: %w", err)
	}
	return old, a.next.key.Named(old.installation), nil
}

// keyChange returns the changes of a LogReplaceKey.
func (a Action) keyChange() ([]Change, error) {
	old, next, err := a.keys()
	if err != nil {
		return nil, err
	}
	from, err1 := old.Public(a.Account)
	to, err2 := next.Public(a.Account)
	return []Change{{keyIDField, old.id, next.id}, {keyField, from, to}}, errors.Join(err1, err2)
}

// KeyChange returns the statement that goes with a LogReplaceKey whose leaf is the last of
// the tree with the edge, and which key signs from then on. For other actions ok is false.
func (a Action) KeyChange(leaf []byte, edge *Edge) (signed []byte, key KeyName, ok bool, err error) {
	if a.next == nil {
		return nil, KeyName{}, false, nil
	}
	old, next, err := a.keys()
	if err != nil {
		return nil, KeyName{}, false, err
	}
	signed, err = signKeyChange(a.Account, old, next, leaf, edge.Tree())
	if err == nil {
		// It must be possible to read it: by chance the two keys may look the same.
		_, err = ParseKeyChange(signed)
	}
	return signed, KeyName{next.installation, next.id}, err == nil, err
}

func signKeyChange(account string, old, next *LogKey, leaf []byte, t Tree) ([]byte, error) {
	by, err1 := old.signer(account)
	to, err2 := next.signer(account)
	if err := errors.Join(err1, err2); err != nil {
		return nil, fmt.Errorf("audit: key change: %w", err)
	}
	text := fmt.Sprintf("%s\n%s\n%s\n%s\n", old.Origin(account), keyChangeMark, t.Root, leaf)
	signed, err := note.Sign(&note.Note{Text: text}, by, to)
	if err != nil {
		return nil, fmt.Errorf("audit: key change: %w", err)
	}
	return signed, nil
}

// ParseKeyChange reads a statement that both of its keys have signed. That says nothing of
// the keys: a Chain does.
func ParseKeyChange(signed []byte) (KeyChange, error) {
	if len(signed) > maxKeyChange {
		return KeyChange{}, errNoKeyChange
	}
	end := bytes.LastIndex(signed, []byte("\n\n"))
	if end < 0 {
		return KeyChange{}, errNoKeyChange
	}
	lines := strings.Split(string(signed[:end]), "\n")
	if len(lines) != 4 || lines[1] != keyChangeMark {
		return KeyChange{}, errNoKeyChange
	}
	kc, err := keyChangeOf(lines[0], lines[2], lines[3])
	if err != nil {
		return KeyChange{}, err
	}
	kc.note = bytes.Clone(signed)
	return kc, kc.signedByBoth()
}

var (
	errNoKeyChange = errors.New("that is no statement that a key of the log was replaced")
	errUnsigned    = errors.New("the statement that the key was replaced isn't signed by both keys")
)

// keyChangeOf reads the lines of a statement.
func keyChangeOf(origin, root, leaf string) (KeyChange, error) {
	var e Entry
	if err := json.Unmarshal([]byte(leaf), &e.Leaf); err != nil {
		return KeyChange{}, errNoKeyChange
	}
	tree := Tree{Size: e.Seq}
	var err error
	if tree.Root, err = tlog.ParseHash(root); err != nil || tree.Root.String() != root {
		return KeyChange{}, errNoKeyChange
	}
	kc := KeyChange{Tree: tree, At: time.UnixMilli(e.Time).UTC(), leaf: HashLeaf([]byte(leaf))}
	for _, c := range e.Changes {
		if c.Field == keyField {
			kc.Old, kc.New = c.Old, c.New
		}
	}
	if e.Name != LogReplaceKey || e.Outcome != Done || e.Seq < 1 || kc.Old == kc.New || accountOf(origin) != e.Log {
		return KeyChange{}, errNoKeyChange
	}
	for _, key := range []string{kc.Old, kc.New} {
		if name, _, _ := strings.Cut(key, "+"); name != origin {
			return KeyChange{}, errors.New("the statement that the key was replaced is of another log than the keys")
		}
	}
	return kc, nil
}

func (kc KeyChange) signedByBoth() error {
	old, err1 := note.NewVerifier(kc.Old)
	next, err2 := note.NewVerifier(kc.New)
	if errors.Join(err1, err2) != nil {
		return errNoKeyChange
	}
	if n, err := note.Open(kc.note, note.VerifierList(old, next)); err != nil || len(n.Sigs) != 2 {
		return errUnsigned
	}
	return nil
}

// A PublicKey is a public key of a log, and since when it signs.
type PublicKey struct {
	// ID names the key in all logs of the installation, and Public is the key
	// with the name of this log, as LogKey.Public returned it.
	ID, Public string
	// Since is the action by which it replaced the key before it, and At the time
	// of that; both are zero for the first key.
	Since int64
	At    time.Time
	// Statement is the KeyChange of that, signed by both keys.
	Statement []byte

	verifier note.Verifier
	change   KeyChange
}

// A Chain is the public keys of a log, the oldest first. Each but the first
// replaced the one before it by a KeyChange. So anyone who trusts one
// of them can trust all: each has signed which came before it, and which after.
type Chain struct{ keys []PublicKey }

// NewChain returns the chain of a log by one of its public keys, which is
// trusted, and by all its statements in their order. The error is ErrPublicKey, or a
// *Finding in the action whose statement doesn't fit.
func NewChain(public string, statements ...[]byte) (*Chain, error) {
	key, err := publicKey(public)
	if err != nil {
		return nil, err
	}
	c := &Chain{[]PublicKey{key}}
	return c, c.extend(statements)
}

func publicKey(text string) (PublicKey, error) {
	verifier, err := note.NewVerifier(text)
	if err != nil {
		return PublicKey{}, ErrPublicKey
	}
	_, encoded, _ := strings.Cut(text, "+")
	_, encoded, _ = strings.Cut(encoded, "+")
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != keyType {
		return PublicKey{}, ErrPublicKey
	}
	return PublicKey{ID: keyID(data[1:]), Public: text, verifier: verifier}, nil
}

// extend adds statements, the oldest first. Without one before, the trusted key may be
// anywhere among them.
func (c *Chain) extend(statements [][]byte) error {
	keys := c.keys
	for _, signed := range statements {
		kc, err := ParseKeyChange(signed)
		if err != nil {
			return &Finding{c.last().Since + 1, c.last().Since + 1, err.Error()}
		}
		if len(keys) == 1 && keys[0].Public == c.keys[0].Public && keys[0].Public != kc.Old {
			first, err := publicKey(kc.Old)
			if err != nil || first.verifier.Name() != c.keys[0].verifier.Name() {
				return kc.finding("the statement that the key was replaced is of another log")
			}
			keys = []PublicKey{first}
		}
		if keys, err = kc.appendTo(keys); err != nil {
			return err
		}
	}
	trusted := c.keys[0].Public
	if !slices.ContainsFunc(keys, func(k PublicKey) bool { return k.Public == trusted }) {
		return &Finding{1, keys[len(keys)-1].Since, fmt.Sprintf("no chain of keys leads to %s: the log has those of %s", c.keys[0].ID, join(keys))}
	}
	c.keys = keys
	return nil
}

// appendTo adds the new key to those before it.
func (kc KeyChange) appendTo(keys []PublicKey) ([]PublicKey, error) {
	last := keys[len(keys)-1]
	next, err := publicKey(kc.New)
	switch {
	case err != nil:
		return nil, kc.finding(err.Error())
	case kc.Old != last.Public:
		return nil, kc.finding(fmt.Sprintf("a statement that the key was replaced is missing or in the wrong order: the log had the key %s, and this one replaces another", last.ID))
	case kc.Size <= last.Since:
		return nil, kc.finding("the chain of keys is in the wrong order")
	case slices.ContainsFunc(keys, func(k PublicKey) bool { return k.ID == next.ID }):
		return nil, kc.finding(fmt.Sprintf("the chain of keys returns to %s, which was replaced", next.ID))
	}
	next.Since, next.At, next.Statement, next.change = kc.Size, kc.At, kc.note, kc
	return append(keys[:len(keys):len(keys)], next), nil
}

func (kc KeyChange) finding(detail string) error { return &Finding{kc.Size, kc.Size, detail} }

func join(keys []PublicKey) string {
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	return strings.Join(ids, ", ")
}

// Keys returns the keys, the oldest first.
func (c *Chain) Keys() []PublicKey { return slices.Clone(c.keys) }

func (c *Chain) last() PublicKey { return c.keys[len(c.keys)-1] }

// at is the key that signs what is said of the log when it has the size.
func (c *Chain) at(size int64) PublicKey {
	for _, k := range slices.Backward(c.keys) {
		if k.Since <= size {
			return k
		}
	}
	return c.keys[0]
}

// changeAt is the statement that goes with the action. A chain of nothing has none.
func (c *Chain) changeAt(seq int64) (KeyChange, bool) {
	if c == nil {
		return KeyChange{}, false
	}
	k := c.at(seq)
	return k.change, k.Since == seq && seq > 0
}

// Origin is the name of the log.
func (c *Chain) Origin() string { return c.keys[0].verifier.Name() }

// Account is the account whose log it is.
func (c *Chain) Account() string { return accountOf(c.Origin()) }

// Open returns the checkpoint in a signed note, if the key signed it that signed
// for the log when it had that size. Signatures of others may stand beside, and
// lines after the root: they are not looked at, except the one that names the key.
func (c *Chain) Open(signed []byte) (Checkpoint, error) {
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, errors.New("the note is too large for a checkpoint")
	}
	verifiers := make([]note.Verifier, len(c.keys))
	for i, k := range c.keys {
		verifiers[i] = k.verifier
	}
	n, err := note.Open(signed, note.VerifierList(verifiers...))
	if _, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return Checkpoint{}, fmt.Errorf("the note isn't signed by %s with the key %s", c.Origin(), join(c.keys))
	}
	if _, ok := errors.AsType[*note.InvalidSignatureError](err); ok {
		return Checkpoint{}, errors.New("the signature of the note is wrong: its text was changed")
	}
	if err != nil {
		return Checkpoint{}, errors.New("that isn't a signed note")
	}
	point, err := parseCheckpoint(n.Text, c.Origin())
	if err != nil {
		return Checkpoint{}, err
	}
	return point, c.judge(&point, n.Sigs)
}

// judge reports whether the key signed the checkpoint that had to, and names it.
func (c *Chain) judge(point *Checkpoint, signatures []note.Signature) error {
	want := c.at(point.Size)
	by := func(k PublicKey) bool {
		return slices.ContainsFunc(signatures, func(s note.Signature) bool { return s.Hash == k.verifier.KeyHash() })
	}
	if !by(want) {
		i := slices.IndexFunc(c.keys, by)
		if c.keys[i].Since < want.Since {
			return fmt.Errorf("the note is of %d actions and signed by the key %s, which was replaced by action %d", point.Size, c.keys[i].ID, c.keys[i+1].Since)
		}
		return fmt.Errorf("the note is of %d actions and signed by the key %s, which only signs from action %d on", point.Size, c.keys[i].ID, c.keys[i].Since)
	}
	if point.Key != "" && point.Key != want.ID {
		return errors.New("the note names another key than the one that signed it")
	}
	point.Key = want.ID
	return nil
}
