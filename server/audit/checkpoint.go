package audit

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// LogKeySize is the size in bytes of the seed of a LogKey.
const LogKeySize = ed25519.SeedSize

// A LogKey signs the checkpoints of all logs of an installation.
type LogKey struct {
	private      ed25519.PrivateKey
	id           string
	installation string
}

// NewLogKey returns the key (Ed25519) of a seed of LogKeySize bytes. The
// installation is named after it; see Named.
func NewLogKey(seed []byte) (*LogKey, error) {
	if len(seed) != LogKeySize {
		return nil, fmt.Errorf("audit: a log key of %d bytes", len(seed))
	}
	private := ed25519.NewKeyFromSeed(seed)
	id := keyID(private.Public().(ed25519.PublicKey))
	return &LogKey{private, id, id}, nil
}

// keyID names a public key: the first 80 bits of its SHA-256, in base32.
func keyID(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:10]))
}

// ID names the key: a hash of the public key. It is the same in all logs.
func (k *LogKey) ID() string { return k.id }

// Named returns the key for an installation that began with another one. An
// empty name changes nothing.
func (k *LogKey) Named(installation string) *LogKey {
	named := *k
	named.installation = cmp.Or(installation, k.id)
	return &named
}

// Origin is the name of an account's log in its checkpoints:
// "mobileconfig/INSTALLATION/ACCOUNT". INSTALLATION is the id of the key that the
// installation began with, and not a host name, which may change while the log
// continues, and which two installations may share. With the account in it, no
// checkpoint of one log passes for that of another.
func (k *LogKey) Origin(account string) string {
	return "mobileconfig/" + k.installation + "/" + account
}

// Public returns the public key that verifies checkpoints of the account's log,
// in the format of signed notes: the origin, a hash and the key, separated by
// plus signs.
func (k *LogKey) Public(account string) (string, error) {
	return note.NewEd25519VerifierKey(k.Origin(account), k.private.Public().(ed25519.PublicKey))
}

// keyLine begins the line of a checkpoint that names its key.
const keyLine = "key "

// Checkpoint returns a signed note with the state of the account's log: a
// checkpoint as in C2SP tlog-checkpoint, with a line for the id of the key. The
// same tree and key give the same note.
func (k *LogKey) Checkpoint(account string, t Tree) ([]byte, error) {
	signer, err := k.signer(account)
	if err != nil {
		return nil, fmt.Errorf("audit: checkpoint: %w", err)
	}
	text := fmt.Sprintf("%s\n%d\n%s\n%s%s\n", k.Origin(account), t.Size, t.Root, keyLine, k.id)
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return nil, fmt.Errorf("audit: checkpoint: %w", err)
	}
	return signed, nil
}

// signer returns the note.Signer of the account's log.
func (k *LogKey) signer(account string) (signer, error) {
	public, err := k.Public(account)
	if err != nil {
		return signer{}, err
	}
	verifier, err := note.NewVerifier(public)
	return signer{verifier, k.private}, err
}

// A signer is the note.Signer of one log.
type signer struct {
	note.Verifier
	private ed25519.PrivateKey
}

// Sign returns the signature of a note's text.
func (s signer) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.private, text), nil }

// A Checkpoint is the state of a log at one time, signed with the
// installation's key.
type Checkpoint struct {
	Origin string
	Tree
	Key string // the id of the key that signed it
}

// MaxCheckpoint is the maximum size of a note in bytes.
const MaxCheckpoint = 16 << 10

// ErrPublicKey says that a text isn't a public key in the format of Public.
var ErrPublicKey = errors.New("that isn't the public key of a log; it looks like NAME+HASH+KEY, as mobileconfig log public-key prints it")

// OpenCheckpoint returns the checkpoint in a signed note, if the public key
// signed it; see [Chain.Open] for logs whose key was replaced.
func OpenCheckpoint(signed []byte, public string) (Checkpoint, error) {
	chain, err := NewChain(public)
	if err != nil {
		return Checkpoint{}, err
	}
	return chain.Open(signed)
}

func parseCheckpoint(text, origin string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return Checkpoint{}, errNoCheckpoint
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || lines[1] != strconv.FormatInt(size, 10) {
		return Checkpoint{}, errNoCheckpoint
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil || root.String() != lines[2] {
		return Checkpoint{}, errNoCheckpoint
	}
	if lines[0] != origin {
		return Checkpoint{}, errors.New("the note and its signature are for different logs")
	}
	c := Checkpoint{Origin: origin, Tree: Tree{size, root}}
	for line := range strings.SplitSeq(lines[3], "\n") {
		if id, ok := strings.CutPrefix(line, keyLine); ok {
			c.Key = id
		}
	}
	return c, nil
}

var errNoCheckpoint = errors.New("the note isn't a checkpoint, which has origin, size and root on separate lines")

// Account returns the account that the log belongs to.
func (c Checkpoint) Account() string { return accountOf(c.Origin) }

func accountOf(origin string) string { return path.Base(origin) }

// A KeptCheckpoint is the signed note of a checkpoint, stored beside its log.
type KeptCheckpoint struct {
	Size    int64
	Note    []byte
	Created time.Time
}
