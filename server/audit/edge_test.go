package audit_test

import (
	"bytes"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/updatecase/mobileconfig/server/audit"
)

// A reference is a log as golang.org/x/mod stores it: all hashes of its tree.
type reference struct{ hashes []tlog.Hash }

func (r *reference) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		found[i] = r.hashes[index]
	}
	return found, nil
}

func (r *reference) add(t *testing.T, n int64, leaf []byte) audit.Tree {
	t.Helper()
	more, err := tlog.StoredHashes(n, leaf, r)
	if err != nil {
		t.Fatal(err)
	}
	r.hashes = append(r.hashes, more...)
	root, err := tlog.TreeHash(n+1, r)
	if err != nil {
		t.Fatal(err)
	}
	return audit.Tree{Size: n + 1, Root: root}
}

// TestEdge compares the edge with the reference at every size, after storing
// and parsing it.
func TestEdge(t *testing.T) {
	var ref reference
	var data []byte
	for n := range int64(3000) {
		e, err := audit.ParseEdge(data)
		if err != nil {
			t.Fatal(err)
		}
		leaf := fmt.Appendf(nil, "leaf %d", n)
		e.Append(audit.HashLeaf(leaf))
		if want := ref.add(t, n, leaf); e.Tree() != want {
			t.Fatalf("after %d leaves the tree is %v, want %v", n+1, e.Tree(), want)
		}
		data = e.Bytes()
	}
}

func TestEmptyTree(t *testing.T) {
	root, err := tlog.TreeHash(0, nil)
	if err != nil {
		t.Fatal(err)
	}
	var e audit.Edge
	if e.Tree() != (audit.Tree{Root: root}) || len(e.Bytes()) != 0 || e.Bytes() == nil {
		t.Errorf("the empty log has the tree %v and the edge %x", e.Tree(), e.Bytes())
	}
}

func TestEdgeIsAValue(t *testing.T) {
	var e audit.Edge
	for range 5 {
		e.Append(audit.HashLeaf([]byte("x")))
	}
	other, before := e, e.Tree()
	other.Append(audit.HashLeaf([]byte("y")))
	if e.Tree() != before {
		t.Error("appending to a copy changed the original")
	}
}

func FuzzEdge(f *testing.F) {
	f.Add([]byte("a\nb\n\nc"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var ref reference
		var e audit.Edge
		for n, leaf := range bytes.Split(data, []byte("\n")) {
			e.Append(audit.HashLeaf(leaf))
			if want := ref.add(t, int64(n), leaf); e.Tree() != want {
				t.Fatalf("after %d leaves the tree is %v, want %v", n+1, e.Tree(), want)
			}
		}
	})
}

// FuzzParseEdge checks that every valid edge is written the same way, and can
// be appended to.
func FuzzParseEdge(f *testing.F) {
	var e audit.Edge
	for range 4 {
		f.Add(e.Bytes())
		e.Append(audit.HashLeaf(nil))
	}
	f.Add(make([]byte, 40))
	f.Add(bytes.Repeat([]byte{0xff}, 8+64*32))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := audit.ParseEdge(data)
		if err != nil {
			return
		}
		if !bytes.Equal(e.Bytes(), data) {
			t.Errorf("%x was read and written as %x", data, e.Bytes())
		}
		size := e.Size()
		e.Append(audit.Hash{})
		if e.Size() != size+1 || e.Tree().Size != size+1 {
			t.Errorf("%d and one are %d", size, e.Size())
		}
	})
}
