package signing

import (
	"encoding/binary"
	"errors"
	"slices"
)

// Limits for envelopes from other sources. pkcs7 needs minutes, or all memory,
// for small files with deep nesting or indefinite lengths.
const (
	maxEnvelope = 1 << 20
	maxDepth    = 32
	maxElements = 10_000
)

// ErrNotEnvelope means that the bytes aren't CMS SignedData.
var ErrNotEnvelope = errors.New("it isn't a signed envelope")

var errTooLarge = errors.New("the envelope is too large or too deep")

// openEnvelope walks through the elements of a BER document without allocating,
// and refuses one that is too much for pkcs7. It returns the document with DER
// lengths and octet strings, and the number of bytes after its end.
func openEnvelope(data []byte) (der []byte, trailing int, err error) {
	if len(data) > maxEnvelope {
		return nil, 0, errTooLarge
	}
	if len(data) == 0 || data[0] != 0x30 {
		return nil, 0, ErrNotEnvelope
	}
	w := walker{data: data}
	if err := w.element(0); err != nil {
		return nil, 0, err
	}
	trailing = len(data) - w.at
	w.at = 0
	tag, content, err := w.definite()
	return element(tag, content), trailing, err
}

// A walker is a position in a BER document (X.690, section 8.1).
type walker struct {
	data     []byte
	at       int
	elements int
}

// element skips one element with all its contents. depth is the element's own,
// so that the recursion stops at maxDepth.
func (w *walker) element(depth int) error {
	if w.elements++; w.elements > maxElements || depth > maxDepth {
		return errTooLarge
	}
	constructed, err := w.tag()
	if err != nil {
		return err
	}
	length, known, err := w.length()
	if err != nil {
		return err
	}
	if !known {
		if !constructed {
			return ErrNotEnvelope
		}
		return w.untilEnd(depth)
	}
	end := w.at + length
	if !constructed {
		w.at = end
		return nil
	}
	for w.at < end {
		if err := w.element(depth + 1); err != nil {
			return err
		}
	}
	if w.at != end {
		return ErrNotEnvelope
	}
	return nil
}

// untilEnd skips the elements up to the two zero bytes that end an element of
// indefinite length.
func (w *walker) untilEnd(depth int) error {
	for {
		if len(w.data)-w.at < 2 {
			return ErrNotEnvelope
		}
		if w.data[w.at] == 0 && w.data[w.at+1] == 0 {
			w.at += 2
			return nil
		}
		if err := w.element(depth + 1); err != nil {
			return err
		}
	}
}

// tag reads a tag and reports whether it's constructed. CMS has no tag number
// above 30, which would need more bytes.
func (w *walker) tag() (constructed bool, err error) {
	if w.at >= len(w.data) || w.data[w.at]&0x1F == 0x1F {
		return false, ErrNotEnvelope
	}
	w.at++
	return w.data[w.at-1]&0x20 != 0, nil
}

// length reads a length that fits the remaining data. known is false for the
// indefinite form.
func (w *walker) length() (n int, known bool, err error) {
	if w.at >= len(w.data) {
		return 0, false, ErrNotEnvelope
	}
	first := w.data[w.at]
	w.at++
	switch {
	case first == 0x80:
		return 0, false, nil
	case first < 0x80:
		n = int(first)
	default:
		size := int(first & 0x7F)
		if size > 4 || len(w.data)-w.at < size {
			return 0, false, ErrNotEnvelope
		}
		for range size {
			n = n<<8 | int(w.data[w.at])
			w.at++
		}
	}
	if n > len(w.data)-w.at {
		return 0, false, ErrNotEnvelope
	}
	return n, true, nil
}

// The tags of an octet string, primitive and constructed.
const (
	octets = 0x04
	pieces = 0x24
)

// definite returns the tag and the content of an already checked element, with
// definite lengths and octet strings in one piece, because pkcs7 only reads the
// first piece.
func (w *walker) definite() (tag byte, content []byte, err error) {
	tag = w.data[w.at]
	constructed, err := w.tag()
	if err != nil {
		return 0, nil, err
	}
	length, known, err := w.length()
	if err != nil {
		return 0, nil, err
	}
	end := w.at + length
	if !constructed {
		content, w.at = w.data[w.at:end], end
		return tag, content, nil
	}
	for known && w.at < end || !known && !w.ended() {
		t, inside, err := w.definite()
		switch {
		case err != nil:
			return 0, nil, err
		case tag != pieces:
			content = append(content, element(t, inside)...)
		case t != octets:
			return 0, nil, ErrNotEnvelope
		default:
			content = append(content, inside...)
		}
	}
	if tag == pieces {
		tag = octets
	}
	return tag, content, nil
}

// ended skips the two zero bytes that end an element of indefinite length, if
// they are next.
func (w *walker) ended() bool {
	if w.data[w.at] != 0 || w.data[w.at+1] != 0 {
		return false
	}
	w.at += 2
	return true
}

// element is a DER element.
func element(tag byte, content []byte) []byte {
	n := len(content)
	if n < 0x80 {
		return append([]byte{tag, byte(n)}, content...)
	}
	size := binary.BigEndian.AppendUint32(nil, uint32(n))
	for size[0] == 0 {
		size = size[1:]
	}
	return slices.Concat([]byte{tag, 0x80 | byte(len(size))}, size, content)
}
