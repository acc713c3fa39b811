package signing

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxFileName is the maximum length of a name in a list, in bytes.
const maxFileName = 255

// Checksums is a list of files with the SHA-256 of each, in the format that
// sha256sum reads. The zero value is an empty list.
//
// Only Add writes its text, from a digest and a checked name. So a client that
// may have lists signed can't get anything else signed: no profile, in any
// encoding, consists of such lines.
type Checksums struct{ text []byte }

// Add adds a file. Its name is a relative path of ASCII letters and digits,
// "._@-" and slashes, without empty parts or parts that start with a dot.
func (c *Checksums) Add(name string, sum [sha256.Size]byte) error {
	if !isFileName(name) {
		return fmt.Errorf("signing: %q can't be the name of a file in a list of checksums", name)
	}
	c.text = hex.AppendEncode(c.text, sum[:])
	c.text = append(c.text, "  "...)
	c.text = append(c.text, name...)
	c.text = append(c.text, '\n')
	return nil
}

// Grow gets memory for a number of files whose names have so many bytes together.
func (c *Checksums) Grow(files, names int) {
	c.text = slices.Grow(c.text, files*(2*sha256.Size+len("  \n"))+names)
}

// ReadChecksums parses a list exactly as Text writes it. Any other byte is an
// error.
func ReadChecksums(text string) (*Checksums, error) {
	const digits, gap = 2 * sha256.Size, "  "
	var c Checksums
	c.text = make([]byte, 0, len(text))
	for n := 1; text != ""; n++ {
		line, rest, whole := strings.Cut(text, "\n")
		var sum [sha256.Size]byte
		if !whole || len(line) < digits+len(gap) || line[digits:digits+len(gap)] != gap || strings.ToLower(line[:digits]) != line[:digits] {
			return nil, fmt.Errorf("signing: line %d of a list of checksums isn't in sha256sum's format", n)
		}
		if _, err := hex.Decode(sum[:], []byte(line[:digits])); err != nil {
			return nil, fmt.Errorf("signing: line %d of a list of checksums: %w", n, err)
		}
		if err := c.Add(line[digits+len(gap):], sum); err != nil {
			return nil, err
		}
		text = rest
	}
	return &c, nil
}

// Text returns the list as sha256sum writes it.
func (c *Checksums) Text() string { return string(c.text) }

// WriteTo writes the text.
func (c *Checksums) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c.text)
	return int64(n), err
}

// digest returns the SHA-256 of the text.
func (c *Checksums) digest() [sha256.Size]byte { return sha256.Sum256(c.text) }

// isFileName is called for each file of a batch.
func isFileName(name string) bool {
	if len(name) > maxFileName {
		return false
	}
	begins := true // a part of the path
	for _, c := range []byte(name) {
		switch {
		case c == '/' && !begins:
			begins = true
		case c == '.' && !begins, c == '_', c == '@', c == '-', '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			begins = false
		default:
			return false
		}
	}
	return !begins
}

// Reset empties the list, and keeps its memory.
func (c *Checksums) Reset() { c.text = c.text[:0] }
