package signing

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"regexp"
	"strings"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// The supported types of PEM blocks.
const (
	pemCertificate  = "CERTIFICATE"
	pemKey          = "PRIVATE KEY"
	pemEncryptedKey = "ENCRYPTED PRIVATE KEY"
	pemRSAKey       = "RSA PRIVATE KEY"
	pemECKey        = "EC PRIVATE KEY"
	pemPKCS7        = "PKCS7"
)

// readBlocks reads the PEM blocks of a file as they occur in practice: with or
// without a byte order mark, indented, without line breaks between or inside
// them, with CRLF, with text between them, in UTF-16. A DER file is one block.
// A damaged block is an error, because skipping it could go unnoticed.
func readBlocks(file string, data []byte) ([]*pem.Block, error) {
	text := decodeText(data)
	if block := fromDER(data); block != nil {
		return []*pem.Block{block}, nil
	}
	var blocks []*pem.Block
	for rest, line := text, 1; ; {
		at := strings.Index(rest, "-----BEGIN ")
		if at < 0 {
			break
		}
		line += strings.Count(rest[:at], "\n")
		block, size, why := readBlock(rest[at:])
		if why != "" {
			return nil, refuse(Unreadable, "%s: the PEM block that starts in line %d %s. Copy the file again from its source", file, line, why)
		}
		blocks = append(blocks, block)
		line += strings.Count(rest[at:at+size], "\n")
		rest = rest[at+size:]
	}
	if len(blocks) == 0 {
		return nil, refuse(Unreadable, "%s %s", file, instead(data, text))
	}
	return blocks, nil
}

// header matches headers inside an old-style block.
var header = regexp.MustCompile(`^[ \t\r\n]*((?:Proc-Type|DEK-Info|Content-Domain|X-[A-Za-z-]+)):[ \t]*([^\r\n]*)`)

// readBlock reads the block at the start of text and returns its size, or
// describes what is wrong with it.
func readBlock(text string) (block *pem.Block, size int, why string) {
	const begin, end, dashes = "-----BEGIN ", "-----END ", "-----"
	kind, body, ok := strings.Cut(text[len(begin):], dashes)
	if !ok || len(kind) > 60 || strings.ContainsAny(kind, "\r\n") {
		return nil, 0, "has a damaged first line"
	}
	at := strings.Index(body, end)
	if next := strings.Index(body, begin); at < 0 || next >= 0 && next < at {
		return nil, 0, "has no end: part of it is missing"
	}
	if !strings.HasPrefix(body[at:], end+kind+dashes) {
		return nil, 0, "has a different type at its end than at its start"
	}
	size = len(begin) + len(kind) + len(dashes) + at + len(end) + len(kind) + len(dashes)
	block = &pem.Block{Type: kind, Headers: map[string]string{}}
	body = body[:at]
	for m := header.FindStringSubmatch(body); m != nil; m = header.FindStringSubmatch(body) {
		block.Headers[m[1]] = strings.TrimSpace(m[2])
		body = body[len(m[0]):]
	}
	compact := strings.NewReplacer(`\r`, "", `\n`, "", "\r", "", "\n", "", "\t", "", " ", "").Replace(body)
	der, err := base64.StdEncoding.DecodeString(compact)
	if err != nil || len(der) == 0 {
		return nil, 0, "is damaged"
	}
	block.Bytes = der
	return block, size, ""
}

// decodeText decodes a text file with a byte order mark, or in ASCII.
func decodeText(data []byte) string {
	little := bytes.HasPrefix(data, []byte("\xff\xfe"))
	if !little && !bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return string(bytes.TrimPrefix(data, []byte("\ufeff")))
	}
	units := make([]uint16, 0, len(data)/2)
	for pair := data[2:]; len(pair) >= 2; pair = pair[2:] {
		if little {
			units = append(units, uint16(pair[0])|uint16(pair[1])<<8)
		} else {
			units = append(units, uint16(pair[1])|uint16(pair[0])<<8)
		}
	}
	return string(utf16.Decode(units))
}

// fromDER returns a DER file as a block with the matching type, or nil if it's
// unknown.
func fromDER(data []byte) *pem.Block {
	if len(data) == 0 || data[0] != 0x30 {
		return nil
	}
	kind := ""
	if _, err := x509.ParseCertificate(data); err == nil {
		kind = pemCertificate
	} else if _, err := x509.ParsePKCS1PrivateKey(data); err == nil {
		kind = pemRSAKey
	} else if _, err := x509.ParseECPrivateKey(data); err == nil {
		kind = pemECKey
	} else if isPrivateKeyInfo(data) {
		kind = pemKey
	} else if isEncryptedKey(data) {
		kind = pemEncryptedKey
	} else if findEnvelope(data) == 0 {
		kind = pemPKCS7
	}
	if kind == "" {
		return nil
	}
	return &pem.Block{Type: kind, Bytes: data}
}

// instead describes a file without PEM blocks.
func instead(data []byte, text string) string {
	compact := strings.Join(strings.Fields(text), "")
	switch _, notBase64 := base64.StdEncoding.DecodeString(compact); {
	case len(compact) == 0:
		return "is empty"
	case isP12(data):
		return "is a PKCS#12 file; give it as --signing-p12"
	case strings.HasPrefix(compact, "MII") && notBase64 == nil:
		return "has no PEM block: the lines -----BEGIN and -----END are missing"
	case strings.Contains(text, "BEGIN "):
		return "has no PEM block: a line with BEGIN must have five hyphens on each side"
	}
	return "has no PEM block"
}

// isP12 reports whether data starts like a PKCS#12 file: with version 3 and
// content of type data or signed data.
func isP12(data []byte) bool {
	i := bytes.Index(data[:min(len(data), 16)], []byte{2, 1, 3, 0x30})
	return i >= 2 && data[0] == 0x30 && bytes.Contains(data[:min(len(data), 40)], []byte("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07"))
}

// isPrivateKeyInfo reports whether data has the structure of PKCS#8.
func isPrivateKeyInfo(data []byte) bool {
	input := cryptobyte.String(data)
	var info cryptobyte.String
	return input.ReadASN1(&info, cbasn1.SEQUENCE) && input.Empty() && info.SkipASN1(cbasn1.INTEGER) &&
		info.SkipASN1(cbasn1.SEQUENCE) && info.SkipASN1(cbasn1.OCTET_STRING)
}

// isEncryptedKey reports whether data has the structure of encrypted PKCS#8.
func isEncryptedKey(data []byte) bool {
	input := cryptobyte.String(data)
	var info cryptobyte.String
	return input.ReadASN1(&info, cbasn1.SEQUENCE) && input.Empty() && info.SkipASN1(cbasn1.SEQUENCE) &&
		info.SkipASN1(cbasn1.OCTET_STRING) && info.Empty()
}

// certificatesOf returns the certificates in PEM blocks. It ignores blocks of
// other kinds.
func certificatesOf(file string, blocks []*pem.Block) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for _, b := range blocks {
		certificates := make([]*x509.Certificate, 1)
		var err error
		switch b.Type {
		case pemCertificate, "X509 CERTIFICATE":
			certificates[0], err = parse(b.Bytes)
		case "TRUSTED CERTIFICATE": // followed by OpenSSL's settings
			input, first := cryptobyte.String(b.Bytes), cryptobyte.String(nil)
			input.ReadASN1Element(&first, cbasn1.SEQUENCE)
			certificates[0], err = parse(first)
		case pemPKCS7, "CMS", "PKCS #7 SIGNED DATA":
			certificates, err = certificatesOfPKCS7(b.Bytes)
		default:
			continue
		}
		if err != nil {
			return nil, refuse(Unreadable, "certificate %d of %s can't be read: %s", len(found)+1, file, err)
		}
		found = append(found, certificates...)
	}
	return found, nil
}

// certificatesOfPKCS7 reads the certificates of a .p7b file, which authorities
// send.
func certificatesOfPKCS7(data []byte) ([]*x509.Certificate, error) {
	der, _, err := openEnvelope(data)
	if err != nil {
		return nil, err
	}
	d, err := readSignedData(der)
	if err == nil && d.unread > 0 {
		err = errUnknownForm
	}
	if err != nil {
		return nil, err
	}
	return d.certificates, nil
}

// names lists the types of the blocks, without duplicates, for a file that
// lacks the expected one.
func names(blocks []*pem.Block) string {
	var kinds []string
	for _, b := range blocks {
		if !strings.Contains(strings.Join(kinds, ","), b.Type) {
			kinds = append(kinds, b.Type)
		}
	}
	return strings.Join(kinds, ", ")
}
