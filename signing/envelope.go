package signing

import "errors"

// Bounds on an envelope from outside. pkcs7 needs minutes, or all memory, for
// small files that nest deeply or have no lengths.
const (
	maxEnvelope   = 1 << 20
	maxIndefinite = 64 << 10 // of an envelope that has elements without a length
	maxDepth      = 32
	maxElements   = 10_000
)

// ErrNotEnvelope means that the bytes are no CMS SignedData at all.
var ErrNotEnvelope = errors.New("it is not a signed envelope")

var errTooLarge = errors.New("the envelope is too large or too deep")

// checkEnvelope walks over the elements of a BER document without building
// anything, and refuses one that is too much for pkcs7, or that has bytes
// after its end.
func checkEnvelope(data []byte) error {
	if len(data) > maxEnvelope {
		return errTooLarge
	}
	if len(data) == 0 || data[0] != 0x30 {
		return ErrNotEnvelope
	}
	w := walker{data: data}
	if err := w.element(0); err != nil {
		return err
	}
	if w.at != len(data) {
		return errors.New("there are bytes after the end of the envelope")
	}
	if w.indefinite && len(data) > maxIndefinite {
		return errTooLarge
	}
	return nil
}

// A walker is a place in a BER document (X.690, section 8.1).
type walker struct {
	data       []byte
	at         int
	elements   int
	indefinite bool // an element without a length was met
}

// element walks over one element with all that is inside. The depth is that
// of the element, so that the recursion ends at maxDepth.
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
		w.indefinite = true
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

// untilEnd walks over the elements up to the two zero bytes that close one
// without a length.
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

// tag reads a tag and reports whether elements are inside. CMS has no tag
// number over 30, which would take more bytes.
func (w *walker) tag() (constructed bool, err error) {
	if w.at >= len(w.data) || w.data[w.at]&0x1F == 0x1F {
		return false, ErrNotEnvelope
	}
	w.at++
	return w.data[w.at-1]&0x20 != 0, nil
}

// length reads a length that fits what is left; known is false for the
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
