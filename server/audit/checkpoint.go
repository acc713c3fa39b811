package audit

import (
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
	installation string
}

// NewLogKey returns the key (Ed25519) of a seed of LogKeySize bytes.
func NewLogKey(seed []byte) (*LogKey, error) {
	if len(seed) != LogKeySize {
		return nil, fmt.Errorf("audit: a log key of %d bytes", len(seed))
	}
	private := ed25519.NewKeyFromSeed(seed)
	sum := sha256.Sum256(private.Public().(ed25519.PublicKey))
	name := base32.StdEncoding.EncodeToString(sum[:10])
	return &LogKey{private, strings.ToLower(name)}, nil
}

// Origin is the name of an account's log in its checkpoints:
// "mobileconfig/INSTALLATION/ACCOUNT". The installation is identified by its
// key and not by a host name, which may change during the life of the log, and
// which two installations may share. The account is part of it, so a checkpoint
// of one log can't be used for another.
func (k *LogKey) Origin(account string) string {
	return "mobileconfig/" + k.installation + "/" + account
}

// Public returns the public key that verifies checkpoints of the account's log,
// in the format of signed notes: the origin, a hash and the key, separated by
// plus signs.
func (k *LogKey) Public(account string) (string, error) {
	return note.NewEd25519VerifierKey(k.Origin(account), k.private.Public().(ed25519.PublicKey))
}

// Checkpoint returns a signed note with the state of the account's log: a
// checkpoint as in C2SP tlog-checkpoint. The same tree gives the same note.
func (k *LogKey) Checkpoint(account string, t Tree) ([]byte, error) {
	public, err := k.Public(account)
	if err != nil {
		return nil, fmt.Errorf("audit: checkpoint: %w", err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return nil, fmt.Errorf("audit: checkpoint: %w", err)
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", k.Origin(account), t.Size, t.Root)
	signed, err := note.Sign(&note.Note{Text: text}, signer{verifier, k.private})
	if err != nil {
		return nil, fmt.Errorf("audit: checkpoint: %w", err)
	}
	return signed, nil
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
}

// MaxCheckpoint is the maximum size of a note in bytes.
const MaxCheckpoint = 16 << 10

// ErrPublicKey says that a text isn't a public key in the format of Public.
var ErrPublicKey = errors.New("that isn't the public key of a log; it looks like NAME+HASH+KEY, as mobileconfig log public-key prints it")

// OpenCheckpoint returns the checkpoint in a signed note, if the public key
// signed it. Other signatures, and lines after the root, are ignored.
func OpenCheckpoint(signed []byte, public string) (Checkpoint, error) {
	if len(signed) > MaxCheckpoint {
		return Checkpoint{}, errors.New("the note is too large for a checkpoint")
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return Checkpoint{}, ErrPublicKey
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if _, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return Checkpoint{}, fmt.Errorf("the note isn't signed by %s", verifier.Name())
	}
	if _, ok := errors.AsType[*note.InvalidSignatureError](err); ok {
		return Checkpoint{}, errors.New("the signature of the note is wrong: its text was changed")
	}
	if err != nil {
		return Checkpoint{}, errors.New("that isn't a signed note")
	}
	return parseCheckpoint(n.Text, verifier.Name())
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
	return Checkpoint{origin, Tree{size, root}}, nil
}

var errNoCheckpoint = errors.New("the note isn't a checkpoint, which has origin, size and root on separate lines")

// Account returns the account that the log belongs to.
func (c Checkpoint) Account() string { return path.Base(c.Origin) }

// A KeptCheckpoint is the signed note of a checkpoint, stored beside its log.
type KeptCheckpoint struct {
	Size    int64
	Note    []byte
	Created time.Time
}
