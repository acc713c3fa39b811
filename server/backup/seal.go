package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"

	"github.com/updatecase/mobileconfig/server/backup/internal/passphrase"
)

// Keys encrypt or decrypt a backup (age-encryption.org/v1).
type Keys struct {
	// Recipients are public keys: the private key of any one can decrypt the
	// backup.
	Recipients []age.Recipient
	// Identities are private keys, or a passphrase.
	Identities []age.Identity
}

// Passphrase returns the keys for a passphrase.
func Passphrase(text string) (Keys, error) {
	recipient, identity, err := passphrase.Keys(text)
	if err != nil {
		return Keys{}, err
	}
	return Keys{[]age.Recipient{recipient}, []age.Identity{identity}}, nil
}

// PublicKeys parses public keys, which look like age1….
func PublicKeys(text string) (Keys, error) {
	recipients, err := age.ParseRecipients(strings.NewReader(text))
	return Keys{Recipients: recipients}, err
}

// PrivateKeys parses private keys, which look like AGE-SECRET-KEY-1…, one a
// line.
func PrivateKeys(text []byte) (Keys, error) {
	identities, err := age.ParseIdentities(bytes.NewReader(text))
	return Keys{Identities: identities}, err
}

// encrypts reports whether backups are encrypted.
func (k Keys) encrypts() bool { return len(k.Recipients) > 0 }

// readable adds a temporary key if there are only public keys, so that the new
// backup can be verified.
func (k Keys) readable() (Keys, error) {
	if len(k.Identities) > 0 {
		return k, nil
	}
	own, err := age.GenerateX25519Identity()
	if err != nil {
		return k, err
	}
	return Keys{append(k.Recipients[:len(k.Recipients):len(k.Recipients)], own.Recipient()), []age.Identity{own}}, nil
}

// Errors of encrypted backups.
var (
	ErrEncrypted    = errors.New("the backup is encrypted: give the file with its private key or its passphrase")
	ErrNotEncrypted = errors.New("the backup isn't encrypted: leave out the key and the passphrase")
	ErrWrongKey     = errors.New("the backup was encrypted with another key or passphrase")
)

// intro is the start of an encrypted file.
const intro = "age-encryption.org/"

// opened returns the content of a file, decrypted if necessary, and its size.
func opened(f *os.File, keys Keys) (io.ReaderAt, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	begin := make([]byte, len(intro))
	n, err := f.ReadAt(begin, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, err
	}
	switch encrypted := string(begin[:n]) == intro; {
	case !encrypted && len(keys.Identities) > 0:
		return nil, 0, ErrNotEncrypted
	case !encrypted:
		return f, info.Size(), nil
	case len(keys.Identities) == 0:
		return nil, 0, ErrEncrypted
	}
	in, size, err := age.DecryptReaderAt(f, info.Size(), keys.Identities...)
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return nil, 0, ErrWrongKey
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w (%v)", &DamageError{}, err)
	}
	return damagedReader{in}, size, nil
}

// A damagedReader reports data that can't be decrypted as damaged.
type damagedReader struct{ io.ReaderAt }

func (r damagedReader) ReadAt(p []byte, at int64) (int, error) {
	n, err := r.ReaderAt.ReadAt(p, at)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errUndecryptable
	}
	return n, err
}

var errUndecryptable = errors.New("part of the backup can't be decrypted")
