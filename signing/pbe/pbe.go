// Package pbe decrypts passphrase-encrypted key files: PBES2 (RFC 8018) and the
// older methods of PKCS#12 (RFC 7292, appendices B and C).
package pbe

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"encoding/asn1"
	"errors"
	"math/big"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/scrypt"
)

// Limits for the work per passphrase. OpenSSL's usual counts are 2,048 and
// 16,384. No known tool uses counts as high as these.
const (
	MaxIterations = 10_000_000
	maxScrypt     = 256 << 20 // bytes; OpenSSL needs 16 MiB
)

// ErrPassphrase means that the passphrase is wrong.
var ErrPassphrase = errors.New("the passphrase is wrong")

// An UnsupportedError names an unsupported encryption method.
type UnsupportedError struct {
	Method string
	Legacy bool // OpenSSL 3 needs its legacy provider
}

// Error names the method.
func (e *UnsupportedError) Error() string { return e.Method + " isn't supported" }

// outdated are methods of PBES1 and PKCS#12 that are refused by name.
var outdated = map[string]string{
	"1.2.840.113549.1.5.1":    "PBES1 (MD2 and DES)",
	"1.2.840.113549.1.5.3":    "PBES1 (MD5 and DES)",
	"1.2.840.113549.1.5.4":    "PBES1 (MD2 and RC2)",
	"1.2.840.113549.1.5.6":    "PBES1 (MD5 and RC2)",
	"1.2.840.113549.1.5.10":   "PBES1 (SHA-1 and DES)",
	"1.2.840.113549.1.5.11":   "PBES1 (SHA-1 and RC2)",
	"1.2.840.113549.1.12.1.1": "PKCS#12's RC4 with 128 bits",
	"1.2.840.113549.1.12.1.2": "PKCS#12's RC4 with 40 bits",
	"1.3.14.3.2.7":            "PBES2 and DES",
	"1.2.840.113549.3.2":      "PBES2 and RC2",
}

func unsupported(id asn1.ObjectIdentifier) error {
	if name, ok := outdated[id.String()]; ok {
		return &UnsupportedError{name, true}
	}
	return &UnsupportedError{"a method with the number " + id.String(), false}
}

// A blockCipher is a cipher in CBC mode.
type blockCipher struct {
	keySize, ivSize int
	create          func(key []byte) (cipher.Block, error)
}

var pbes2Ciphers = map[string]blockCipher{
	"2.16.840.1.101.3.4.1.2":  {16, aes.BlockSize, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.BlockSize, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.BlockSize, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.BlockSize, des.NewTripleDESCipher},
}

// pkcs12Ciphers are the methods of RFC 7292, appendix C.
var pkcs12Ciphers = map[string]blockCipher{
	"1.2.840.113549.1.12.1.3": {24, des.BlockSize, des.NewTripleDESCipher},
	"1.2.840.113549.1.12.1.4": {16, des.BlockSize, newDoubleDES},
	"1.2.840.113549.1.12.1.5": {16, rc2BlockSize, newRC2},
	"1.2.840.113549.1.12.1.6": {5, rc2BlockSize, newRC2},
}

// newDoubleDES returns triple DES with the same first and third key.
func newDoubleDES(key []byte) (cipher.Block, error) {
	return des.NewTripleDESCipher(append(bytes.Clone(key), key[:8]...))
}

// PRFs are the functions that PBKDF2 repeats: HMAC with these digests.
var PRFs = map[string]crypto.Hash{
	"1.2.840.113549.2.7":  crypto.SHA1,
	"1.2.840.113549.2.8":  crypto.SHA224,
	"1.2.840.113549.2.9":  crypto.SHA256,
	"1.2.840.113549.2.10": crypto.SHA384,
	"1.2.840.113549.2.11": crypto.SHA512,
	"1.2.840.113549.2.12": crypto.SHA512_224,
	"1.2.840.113549.2.13": crypto.SHA512_256,
}

// Decrypt decrypts data with a passphrase, by PBES2 (RFC 8018) or by a
// method of PKCS#12. The error is an UnsupportedError or ErrPassphrase.
func Decrypt(method asn1.ObjectIdentifier, parameters cryptobyte.String, data, passphrase []byte) ([]byte, error) {
	var key, iv []byte
	var err error
	var how blockCipher
	if c, ok := pkcs12Ciphers[method.String()]; ok {
		how = c
		key, iv, err = pkcs12Key(how, parameters, passphrase)
	} else if method.String() == "1.2.840.113549.1.5.13" {
		how, key, iv, err = pbes2Key(parameters, passphrase)
	} else {
		err = unsupported(method)
	}
	if err != nil {
		return nil, err
	}
	block, err := how.create(key)
	if err != nil || len(data) == 0 || len(data)%block.BlockSize() != 0 {
		return nil, ErrPassphrase
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > block.BlockSize() ||
		!bytes.HasSuffix(plain, bytes.Repeat([]byte{byte(padding)}, padding)) {
		return nil, ErrPassphrase
	}
	return plain[:len(plain)-padding], nil
}

// pbes2Key parses PBES2-params and derives the key.
func pbes2Key(parameters cryptobyte.String, passphrase []byte) (how blockCipher, key, iv []byte, err error) {
	var p, kdf, encryption, vector cryptobyte.String
	var kdfID, cipherID asn1.ObjectIdentifier
	if !parameters.ReadASN1(&p, cbasn1.SEQUENCE) || !ReadAlgorithm(&p, &kdfID, &kdf) || !ReadAlgorithm(&p, &cipherID, &encryption) {
		return how, nil, nil, &UnsupportedError{"PBES2 with parameters that can't be read", false}
	}
	how, ok := pbes2Ciphers[cipherID.String()]
	if !ok {
		return how, nil, nil, unsupported(cipherID)
	}
	if !encryption.ReadASN1(&vector, cbasn1.OCTET_STRING) || len(vector) != how.ivSize {
		return how, nil, nil, &UnsupportedError{"PBES2 with parameters that can't be read", false}
	}
	switch kdfID.String() {
	case "1.2.840.113549.1.5.12":
		key, err = PBKDF2Key(kdf, passphrase, how.keySize)
	case "1.3.6.1.4.1.11591.4.11":
		key, err = scryptKey(kdf, passphrase, how.keySize)
	default:
		err = unsupported(kdfID)
	}
	return how, key, vector, err
}

// PBKDF2Key parses PBKDF2-params (RFC 8018, appendix A.2) and derives a key of
// size bytes.
func PBKDF2Key(parameters cryptobyte.String, passphrase []byte, size int) ([]byte, error) {
	var p, salt, prf, ignored cryptobyte.String
	var iterations int
	id := asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	if !parameters.ReadASN1(&p, cbasn1.SEQUENCE) || !p.ReadASN1(&salt, cbasn1.OCTET_STRING) || !p.ReadASN1Integer(&iterations) ||
		!p.SkipOptionalASN1(cbasn1.INTEGER) {
		return nil, &UnsupportedError{"PBKDF2 with parameters that can't be read", false}
	}
	if prf = p; !prf.Empty() && !ReadAlgorithm(&prf, &id, &ignored) {
		return nil, &UnsupportedError{"PBKDF2 with parameters that can't be read", false}
	}
	hash, ok := PRFs[id.String()]
	if !ok {
		return nil, unsupported(id)
	}
	if iterations < 1 || iterations > MaxIterations {
		return nil, &UnsupportedError{"PBKDF2 with more than ten million iterations", false}
	}
	return pbkdf2.Key(hash.New, string(passphrase), salt, iterations, size)
}

func scryptKey(parameters cryptobyte.String, passphrase []byte, size int) ([]byte, error) {
	var p, salt cryptobyte.String
	var n, r, parallel int
	if !parameters.ReadASN1(&p, cbasn1.SEQUENCE) || !p.ReadASN1(&salt, cbasn1.OCTET_STRING) ||
		!p.ReadASN1Integer(&n) || !p.ReadASN1Integer(&r) || !p.ReadASN1Integer(&parallel) {
		return nil, &UnsupportedError{"scrypt with parameters that can't be read", false}
	}
	if n < 2 || r < 1 || parallel < 1 || parallel > 16 || r > 1<<10 || n > maxScrypt/128/r {
		return nil, &UnsupportedError{"scrypt that needs more than 256 MiB", false}
	}
	key, err := scrypt.Key(passphrase, salt, n, r, parallel, size)
	if err != nil {
		return nil, &UnsupportedError{"scrypt with parameters that can't be used", false}
	}
	return key, nil
}

// pkcs12Key parses pkcs-12PbeParams and derives key and initialization vector.
func pkcs12Key(how blockCipher, parameters cryptobyte.String, passphrase []byte) (key, iv []byte, err error) {
	var p, salt cryptobyte.String
	var iterations int
	if !parameters.ReadASN1(&p, cbasn1.SEQUENCE) || !p.ReadASN1(&salt, cbasn1.OCTET_STRING) || !p.ReadASN1Integer(&iterations) ||
		iterations < 1 || iterations > MaxIterations {
		return nil, nil, &UnsupportedError{"a method of PKCS#12 with parameters that can't be used", false}
	}
	secret := BMPString(passphrase)
	key = PKCS12KDF(crypto.SHA1, 1, secret, salt, iterations, how.keySize)
	iv = PKCS12KDF(crypto.SHA1, 2, secret, salt, iterations, how.ivSize)
	return key, iv, nil
}

// PKCS12KDF derives size bytes for a purpose (RFC 7292, appendix B.2).
func PKCS12KDF(hash crypto.Hash, purpose byte, secret, salt []byte, iterations, size int) []byte {
	h := hash.New()
	v := h.BlockSize()
	diversifier := bytes.Repeat([]byte{purpose}, v)
	input := append(stretch(salt, v), stretch(secret, v)...)
	var out []byte
	for {
		h.Reset()
		h.Write(diversifier)
		h.Write(input)
		a := h.Sum(nil)
		for range iterations - 1 {
			h.Reset()
			h.Write(a)
			a = h.Sum(a[:0])
		}
		if out = append(out, a...); len(out) >= size {
			return out[:size]
		}
		addOne := new(big.Int).Add(new(big.Int).SetBytes(stretch(a, v)[:v]), big.NewInt(1))
		modulus := new(big.Int).Lsh(big.NewInt(1), uint(8*v))
		for at := 0; at < len(input); at += v {
			sum := new(big.Int).Add(new(big.Int).SetBytes(input[at:at+v]), addOne)
			sum.Mod(sum, modulus).FillBytes(input[at : at+v])
		}
	}
}

// stretch repeats data up to a multiple of size. Empty data stays empty.
func stretch(data []byte, size int) []byte {
	if len(data) == 0 {
		return nil
	}
	n := (len(data) + size - 1) / size * size
	return bytes.Repeat(data, n/len(data)+1)[:n]
}

// ReadAlgorithm parses an AlgorithmIdentifier. The parameters keep their tag.
func ReadAlgorithm(from *cryptobyte.String, id *asn1.ObjectIdentifier, parameters *cryptobyte.String) bool {
	var algorithm cryptobyte.String
	if !from.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(id) {
		return false
	}
	*parameters = nil
	var tag cbasn1.Tag
	return algorithm.Empty() || algorithm.ReadAnyASN1Element(parameters, &tag) && algorithm.Empty()
}

// BMPString returns a passphrase in the form that PKCS#12 hashes: UTF-16 with
// two zero bytes at the end. Like in OpenSSL, bytes that aren't valid UTF-8 are
// treated as Latin-1.
func BMPString(passphrase []byte) []byte {
	if passphrase != nil && len(passphrase) == 0 {
		return nil
	}
	runes := []rune(string(passphrase))
	if !utf8.Valid(passphrase) {
		runes = runes[:0]
		for _, b := range passphrase {
			runes = append(runes, rune(b))
		}
	}
	var out []byte
	for _, unit := range utf16.Encode(runes) {
		out = append(out, byte(unit>>8), byte(unit))
	}
	return append(out, 0, 0)
}
