package audit

import "golang.org/x/mod/sumdb/note"

// Signer signs any text with the key, by the verifier's name.
func NoteSigner(k *LogKey, v note.Verifier) note.Signer { return signer{v, k.private} }

// The parsers of the simple form.

func ReadSimpleLeaf(data []byte) (l Leaf, ok bool) {
	ok = readSimpleLeaf(string(data), &l)
	return l, ok
}

func ReadSimplePersonal(data []byte) (p Personal, ok bool) {
	ok = readSimplePersonal(string(data), &p)
	return p, ok
}

// SignKeyChange signs whatever is given to it.
var SignKeyChange = signKeyChange
