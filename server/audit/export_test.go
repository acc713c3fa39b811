package audit

import "golang.org/x/mod/sumdb/note"

// Signer signs any text with the key, by the verifier's name.
func NoteSigner(k *LogKey, v note.Verifier) note.Signer { return signer{v, k.private} }

// The parsers of the simple form.
var (
	ReadSimpleLeaf     = readSimpleLeaf
	ReadSimplePersonal = readSimplePersonal
)

// SignKeyChange signs whatever is given to it.
var SignKeyChange = signKeyChange
