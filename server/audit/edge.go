package audit

import (
	"encoding/binary"
	"errors"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// A Hash is the hash of a leaf or of a tree, as in RFC 6962: SHA-256. As text
// it is base64.
type Hash = tlog.Hash

// HashLeaf returns the hash of a leaf in the tree of a log.
func HashLeaf(leaf []byte) Hash { return tlog.RecordHash(leaf) }

// A Tree is a state of a log: how many actions it has, and the hash of all
// their leaves.
type Tree struct {
	Size int64
	Root Hash
}

// maxLevels is more than any log has: a log is shorter than 1<<maxLevels.
const maxLevels = 56

// An Edge is the right edge of a log's tree: the roots of the complete subtrees
// that its leaves form. Appending needs nothing else of the earlier leaves. The
// zero value is that of an empty log; a copy is independent of the original.
type Edge struct {
	size int64
	// roots has, at i, the root of the complete subtree of 1<<i leaves, if size
	// has that bit.
	roots [maxLevels]Hash
}

// ParseEdge parses what Bytes returned. No bytes are the edge of an empty log.
func ParseEdge(data []byte) (Edge, error) {
	var e Edge
	if len(data) == 0 {
		return e, nil
	}
	if len(data) < 8 {
		return e, errEdge
	}
	size, data := binary.BigEndian.Uint64(data), data[8:]
	if size == 0 || size >= 1<<maxLevels || len(data) != bits.OnesCount64(size)*tlog.HashSize {
		return e, errEdge
	}
	e.size = int64(size)
	for level := range maxLevels {
		if size&(1<<level) != 0 {
			data = data[copy(e.roots[level][:], data):]
		}
	}
	return e, nil
}

var errEdge = errors.New("audit: not the edge of a log")

// Bytes returns the edge in its stored form: nothing for an empty log,
// otherwise the size in eight bytes and the roots, that of the smallest subtree
// first.
func (e *Edge) Bytes() []byte {
	if e.size == 0 {
		return []byte{}
	}
	data := binary.BigEndian.AppendUint64(nil, uint64(e.size))
	for level := range maxLevels {
		if e.size&(1<<level) != 0 {
			data = append(data, e.roots[level][:]...)
		}
	}
	return data
}

// Append adds the hash of the next leaf.
func (e *Edge) Append(leaf Hash) {
	level := 0
	for ; e.size&(1<<level) != 0; level++ {
		leaf = tlog.NodeHash(e.roots[level], leaf)
	}
	e.roots[level] = leaf
	e.size++
}

// Size returns the number of leaves.
func (e *Edge) Size() int64 { return e.size }

// Tree returns the state of the log that ends at the edge.
func (e *Edge) Tree() Tree {
	root, _ := tlog.TreeHash(0, nil) // a constant, without any leaf
	whole := true
	for level := range maxLevels {
		switch {
		case e.size&(1<<level) == 0:
		case whole:
			root, whole = e.roots[level], false
		default:
			root = tlog.NodeHash(e.roots[level], root)
		}
	}
	return Tree{e.size, root}
}
