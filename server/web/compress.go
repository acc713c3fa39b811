package web

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

// A Piece is a part of a response body. A page consists of pieces that are
// compressed once and kept, and of values between them, which are never
// compressed.
//
// That is what makes compressing pages safe. The size of compressed text
// reveals repetitions: if a response contains a secret and words chosen by a
// stranger, the stranger can find out the secret letter by letter (BREACH).
// Here no size depends on whether a value repeats anything. Pages that are
// created for each request aren't compressed: forms that show earlier input
// again, and the control panel. The API compresses its own responses, because
// only programs with a key get them.
type Piece struct {
	text   []byte
	packed []byte // DEFLATE blocks that end on a whole byte, or nil
}

// NewPiece returns a piece that is compressed. The text must be the same for
// everyone, or known to everyone who may ask for it.
func NewPiece(text []byte) Piece {
	var out bytes.Buffer
	w := packers.Get().(*flate.Writer)
	defer packers.Put(w)
	w.Reset(&out)
	if _, err := w.Write(text); err != nil {
		panic("web: " + err.Error()) // writing to memory can't fail
	}
	if err := w.Flush(); err != nil {
		panic("web: " + err.Error())
	}
	return Piece{text, out.Bytes()}
}

// packers compress. Each uses a megabyte of memory.
var packers = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestCompression)
	if err != nil {
		panic("web: " + err.Error()) // the level exists
	}
	return w
}}

// Value returns a piece that isn't compressed.
func Value(text []byte) Piece { return Piece{text: text} }

func (p Piece) compressed() bool { return p.packed != nil }

// Text returns the text of the piece.
func (p Piece) Text() []byte { return p.text }

// ETag returns an entity tag for text. It is a weak one, which doesn't depend
// on compression.
func ETag(text []byte) string {
	sum := sha256.Sum256(text)
	return `W/"` + hex.EncodeToString(sum[:12]) + `"`
}

// Unchanged reports whether the client already has the response with the tag.
// It sets the ETag header.
func Unchanged(c echo.Context, tag string) bool {
	c.Response().Header().Set("ETag", tag)
	for _, line := range c.Request().Header.Values("If-None-Match") {
		for known := range strings.SplitSeq(line, ",") {
			if known = strings.TrimSpace(known); known == "*" || strings.TrimPrefix(known, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}

// NotModified responds that the client's copy is still current.
func NotModified(c echo.Context) error {
	c.Response().Header().Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	return c.NoContent(http.StatusNotModified)
}

// Send sends the pieces, with gzip if the client accepts it and any of them is
// compressed.
func Send(c echo.Context, status int, contentType string, pieces ...Piece) error {
	header := c.Response().Header()
	header.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	header.Set(echo.HeaderContentType, contentType)
	var parts [][]byte
	if TakesGzip(c.Request().Header) && slices.ContainsFunc(pieces, Piece.compressed) {
		header.Set(echo.HeaderContentEncoding, "gzip")
		parts = packed(pieces)
	} else {
		for _, p := range pieces {
			parts = append(parts, p.text)
		}
	}
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	header.Set(echo.HeaderContentLength, strconv.Itoa(size))
	c.Response().WriteHeader(status)
	for _, part := range parts {
		if _, err := c.Response().Write(part); err != nil {
			return err
		}
	}
	return nil
}

// TakesGzip reports whether Accept-Encoding allows gzip. Without that header
// it returns false.
func TakesGzip(header http.Header) bool {
	for _, line := range header.Values(echo.HeaderAcceptEncoding) {
		for coding := range strings.SplitSeq(line, ",") {
			name, weight, weighed := strings.Cut(coding, ";")
			if strings.EqualFold(strings.TrimSpace(name), "gzip") {
				return !weighed || !isZero(weight)
			}
		}
	}
	return false
}

// isZero reports whether a weight such as "q=0.0" is zero.
func isZero(weight string) bool {
	name, value, _ := strings.Cut(strings.TrimSpace(weight), "=")
	n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return strings.EqualFold(strings.TrimSpace(name), "q") && err == nil && n == 0
}

// The beginning of a gzip file without a name or time, and the final DEFLATE
// block: an empty one with fixed codes.
var (
	gzipHeader = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}
	gzipEnd    = []byte{3, 0}
)

// packed returns the pieces as a gzip file. Blocks that end on a whole byte
// can follow each other. No block refers back beyond its own piece.
func packed(pieces []Piece) [][]byte {
	parts := [][]byte{gzipHeader}
	sum, size := crc32.NewIEEE(), 0
	for _, p := range pieces {
		sum.Write(p.text)
		size += len(p.text)
		if p.compressed() {
			parts = append(parts, p.packed)
			continue
		}
		for rest := p.text; len(rest) > 0; {
			n := min(len(rest), math.MaxUint16)
			stored := binary.LittleEndian.AppendUint16([]byte{0}, uint16(n))
			parts = append(parts, binary.LittleEndian.AppendUint16(stored, ^uint16(n)), rest[:n])
			rest = rest[n:]
		}
	}
	trailer := binary.LittleEndian.AppendUint32(bytes.Clone(gzipEnd), sum.Sum32())
	return append(parts, binary.LittleEndian.AppendUint32(trailer, uint32(size)))
}
