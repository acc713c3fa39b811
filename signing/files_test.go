package signing_test

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// A folder has the files of an identity. Scripts add files that openssl derives
// from them:
//
//	key.pem, root.pem, middle.pem, leaf.pem, chain.pem (leaf and middle)
//	pw and wrong, with passphrases
type folder struct {
	t    *testing.T
	path string
}

func newFolder(t *testing.T) (f folder, root, middle, leaf signingtest.Pair) {
	t.Helper()
	root = signingtest.Root(t, "p256")
	middle = root.Intermediate(t, "p256")
	leaf = middle.Leaf(t, "p256", nil)
	f = folder{t, t.TempDir()}
	f.write("key.pem", leaf.KeyPEM(t))
	f.write("root.pem", root.CertPEM())
	f.write("middle.pem", middle.CertPEM())
	f.write("leaf.pem", leaf.CertPEM())
	f.write("chain.pem", leaf.CertPEM(middle))
	f.write("pw", []byte("secret\n"))
	f.write("wrong", []byte("Secret\n"))
	return f, root, middle, leaf
}

func (f folder) file(name string) string { return filepath.Join(f.path, name) }

func (f folder) write(name string, data []byte) {
	f.t.Helper()
	if err := os.WriteFile(f.file(name), data, 0o600); err != nil {
		f.t.Fatal(err)
	}
}

func (f folder) read(name string) []byte {
	f.t.Helper()
	data, err := os.ReadFile(f.file(name))
	if err != nil {
		f.t.Fatal(err)
	}
	return data
}

// run runs a shell script in the folder.
func (f folder) run(script string) {
	f.t.Helper()
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = f.path
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// load loads files whose names are relative to the folder.
func (f folder) load(files signing.Files, now func() time.Time) (*signing.Identity, error) {
	for _, name := range []*string{&files.Cert, &files.Key, &files.P12, &files.Passphrase, &files.Roots} {
		if *name != "" {
			*name = f.file(*name)
		}
	}
	return files.Load(now)
}

// command finds the conversion command in a message.
var command = regexp.MustCompile(`: (openssl .*)$`)

// A form is how openssl writes a file, with the expected result of reading it.
type form struct {
	make string
	want signing.Code
	says string
}

// keyForms are the forms of new.key. The readable ones may be encrypted with
// the passphrase in pw.
func keyForms() []form {
	const topk8 = "openssl pkcs8 -topk8 -in key.pem -out new.key -passout file:pw "
	var forms []form
	for _, cipher := range []string{"aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3"} {
		for _, prf := range []string{"SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "SHA512-224", "SHA512-256"} {
			forms = append(forms, form{make: topk8 + "-v2 " + cipher + " -v2prf hmacWith" + prf})
		}
		forms = append(forms, form{make: topk8 + "-scrypt -v2 " + cipher})
	}
	const outdated, legacy = signing.UnsupportedEncryption, " -provider default -provider legacy"
	forms = append(forms,
		form{make: topk8 + "-iter 1"},
		form{make: topk8 + "-iter 100000"},
		form{make: topk8 + "-scrypt -scrypt_N 1024 -scrypt_r 4 -scrypt_p 2"},
		form{make: topk8 + "-v1 PBE-SHA1-3DES"},
		form{make: topk8 + "-v1 PBE-SHA1-2DES"},
		form{make: topk8 + "-v1 PBE-SHA1-RC2-40" + legacy},
		form{make: topk8 + "-v1 PBE-SHA1-RC2-128" + legacy},
		form{topk8 + "-v1 PBE-MD5-DES" + legacy, outdated, "PBES1 (MD5 and DES)"},
		form{topk8 + "-v1 PBE-SHA1-DES" + legacy, outdated, "PBES1 (SHA-1 and DES)"},
		form{topk8 + "-v1 PBE-SHA1-RC4-128" + legacy, outdated, "RC4"},
		form{topk8 + "-v2 des" + legacy, outdated, "PBES2 and DES"},
		form{topk8 + "-v2 camellia-256-cbc", outdated, "1.2.392.200011.61.1.1.1.4"},
		form{topk8 + "-v2 aria-128-cbc", outdated, "1.2.410.200046.1.1.2"},
		form{"openssl pkey -traditional -in key.pem -out new.key -aes256 -passout file:pw", outdated, "Proc-Type: 4,ENCRYPTED; AES-256-CBC"},
		form{"openssl pkey -traditional -in key.pem -out new.key -des3 -passout file:pw", outdated, "DES-EDE3-CBC"},
		form{"openssl pkey -traditional -in key.pem -out new.key -des -passout file:pw" + legacy, outdated, "DES-CBC"},
		form{make: "openssl pkey -traditional -in key.pem -out new.key"},
		form{make: "openssl ec -in key.pem -out new.key -conv_form compressed"},
		form{make: "openssl ecparam -name prime256v1 -out new.key; openssl ec -in key.pem >> new.key"},
		form{make: "openssl pkey -in key.pem -outform DER -out new.key"},
		form{make: "openssl pkey -traditional -in key.pem -outform DER -out new.key"},
		form{make: topk8 + "-outform DER"},
		form{make: "cat leaf.pem key.pem > new.key"},
		form{make: "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out new.key; cat key.pem >> new.key"},
		form{"openssl pkey -in key.pem -ec_param_enc explicit -out new.key", signing.UnsupportedAlgorithm, "spells out its curve"},
		form{"openssl pkey -in key.pem -pubout -out new.key", signing.Unreadable, "has no PEM private key, but: PUBLIC KEY"},
		form{"openssl genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out new.key", signing.UnsupportedAlgorithm, "only for RSA-PSS"},
		form{"openssl genpkey -algorithm X25519 -out new.key", signing.WeakKey, "can't sign"},
		form{"openssl genpkey -algorithm ED448 -out new.key", signing.WeakKey, "neither RSA nor ECDSA"},
		form{"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out new.key", signing.WeakKey, "on a curve that isn't supported"},
		form{"cat rsa.key > new.key", signing.KeyMismatch, "none of the certificates belongs to the key"},
		form{"printf -- '-----BEGIN OPENSSH PRIVATE KEY-----\\nAAAA\\n-----END OPENSSH PRIVATE KEY-----\\n' > new.key", signing.Unreadable, "ssh-keygen -p -m PKCS8"},
		form{": > new.key", signing.Unreadable, "is empty"},
		form{"head -c 100 key.pem > new.key", signing.Unreadable, "has no end: part of it is missing"},
		form{"sed 's/^M/*/' key.pem > new.key", signing.Unreadable, "is damaged"},
		form{"openssl pkcs12 -export -in leaf.pem -inkey key.pem -passout file:pw -out new.key", signing.Unreadable, "give it as --signing-p12"},
	)
	return forms
}

// TestLoadKeys writes a key with openssl in every form. Each form is read, or
// refused with a command that converts it.
func TestLoadKeys(t *testing.T) {
	f, _, _, _ := newFolder(t)
	f.write("rsa.key", signingtest.Pair{Key: signingtest.Key(t, "rsa-2048")}.KeyPEM(t))
	files := signing.Files{Cert: "chain.pem", Key: "new.key", Roots: "root.pem", Passphrase: "pw"}
	for _, form := range keyForms() {
		t.Run(form.make, func(t *testing.T) {
			_ = os.Remove(f.file("new.key"))
			f.run(form.make)
			_, err := f.load(files, nil)
			if codeOf(err) != form.want || err != nil && !strings.Contains(err.Error(), form.says) {
				t.Fatalf("got %q (%v), want %q", codeOf(err), err, form.want)
			}
			if form.want == "" && bytes.Contains(f.read("new.key"), []byte("ENCRYPTED PRIVATE KEY")) {
				refusesPassphrase(t, f, files)
			}
			if m := command.FindStringSubmatch(fmt.Sprint(err)); form.want == signing.UnsupportedEncryption && m == nil {
				t.Errorf("no command in %q", err)
			} else if m != nil {
				f.run(m[1] + " && mv NEW new.key")
				if _, err := f.load(files, nil); err != nil {
					t.Errorf("after %s: %v", m[1], err)
				}
			}
		})
	}
}

// refusesPassphrase checks that a missing and a wrong passphrase are
// distinguished from damage.
func refusesPassphrase(t *testing.T, f folder, files signing.Files) {
	t.Helper()
	files.Passphrase = ""
	if _, err := f.load(files, nil); codeOf(err) != signing.KeyEncrypted || !strings.Contains(err.Error(), "--signing-passphrase-file") {
		t.Errorf("without a passphrase: %v", err)
	}
	files.Passphrase = "wrong"
	if _, err := f.load(files, nil); codeOf(err) != signing.KeyEncrypted || !strings.Contains(err.Error(), "doesn't open") {
		t.Errorf("with a wrong passphrase: %v", err)
	}
}

// A p12Form is how openssl creates new.p12, the file with the passphrase to
// read it, and the expected result.
type p12Form struct {
	make, passphrase string
	want             signing.Code
	says             string
}

func p12Forms() []p12Form {
	const export = "openssl pkcs12 -export -in chain.pem -inkey key.pem -out new.p12 "
	const secret = export + "-passout file:pw "
	return []p12Form{
		{secret, "pw", "", ""},
		{secret, "marked", "", ""},
		{secret, "crlf", "", ""},
		{secret, "wrong", signing.KeyEncrypted, "doesn't open"},
		{secret, "", signing.KeyEncrypted, "--signing-passphrase-file"},
		{secret + "-legacy", "pw", "", ""},
		{secret + "-legacy -certpbe PBE-SHA1-RC2-128", "pw", "", ""},
		{secret + "-certpbe PBE-SHA1-2DES -keypbe PBE-SHA1-3DES", "pw", "", ""},
		{secret + "-descert", "pw", "", ""},
		{secret + "-macalg sha1", "pw", "", ""},
		{secret + "-macalg sha224", "pw", "", ""},
		{secret + "-macalg sha384", "pw", "", ""},
		{secret + "-macalg sha384", "wrong", signing.KeyEncrypted, ""},
		{secret + "-macalg sha512", "pw", "", ""},
		{secret + "-nomac", "pw", "", ""},
		{secret + "-nomac", "wrong", signing.KeyEncrypted, "doesn't open"},
		{secret + "-nomac", "", signing.KeyEncrypted, "--signing-passphrase-file"},
		{secret + "-nomaciter -iter 1", "pw", "", ""},
		{secret + "-keypbe AES-128-CBC -certpbe AES-192-CBC", "pw", "", ""},
		{secret + "-certpbe NONE", "pw", "", ""},
		{secret + "-keypbe NONE -certpbe NONE", "pw", "", ""},
		{secret + "-keypbe NONE -certpbe NONE", "wrong", signing.KeyEncrypted, "doesn't open"},
		{secret + "-keypbe NONE -certpbe NONE -nomac", "", "", ""},
		{secret + "-name 'a name' -caname another", "pw", "", ""},
		{secret + "-certfile root.pem", "pw", "", ""},
		{export + "-passout pass:", "", "", ""},
		{export + "-passout pass: -legacy", "empty", "", ""},
		{export + "-passout file:umlaut", "umlaut", "", ""},
		{export + "-passout file:umlaut -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES", "umlaut", "", ""},
		{export + "-passout file:latin -keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES", "latin", "", ""},
		{secret + "-keypbe PBE-SHA1-RC4-128 -certpbe PBE-SHA1-RC4-40 -legacy", "pw", signing.UnsupportedEncryption, "RC4"},
		{secret + "-keypbe camellia-128-cbc", "pw", signing.UnsupportedEncryption, "1.2.392.200011.61.1.1.1.2"},
		{"openssl pkcs12 -export -nokeys -in chain.pem -passout file:pw -out new.p12", "pw", signing.Unreadable, "has no private key"},
		{"openssl pkcs12 -export -nocerts -inkey key.pem -passout file:pw -out new.p12", "pw", signing.Unreadable, "has no certificate"},
		{"cat chain.pem key.pem > new.p12", "pw", signing.Unreadable, "give it as --signing-cert and --signing-key"},
		{"openssl pkey -in key.pem -outform DER -out new.p12", "pw", signing.Unreadable, "isn't a PKCS#12 file"},
		{secret + "; head -c 500 new.p12 > cut; mv cut new.p12", "pw", signing.Unreadable, "isn't a PKCS#12 file"},
	}
}

// TestLoadPKCS12 reads PKCS#12 files in every form that openssl writes.
func TestLoadPKCS12(t *testing.T) {
	f, _, _, _ := newFolder(t)
	f.write("empty", []byte("\n"))
	f.write("umlaut", []byte("pässwörd🔑\n"))
	f.write("crlf", []byte("secret\r\nsecond line\r\n"))
	f.write("marked", []byte("\ufeffsecret"))
	f.write("latin", []byte("p\xe4ss\n"))
	f.run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.key")
	for _, tt := range p12Forms() {
		t.Run(tt.make+tt.passphrase, func(t *testing.T) {
			f.run(tt.make)
			files := signing.Files{P12: "new.p12", Passphrase: tt.passphrase, Roots: "root.pem"}
			id, err := f.load(files, nil)
			if codeOf(err) != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %q (%v), want %q", codeOf(err), err, tt.want)
			}
			if err == nil && len(id.Notices()) > 0 {
				t.Errorf("notices: %v", id.Notices())
			}
			if tt.want == signing.UnsupportedEncryption {
				f.run(command.FindStringSubmatch(err.Error())[1])
				if _, err := f.load(signing.Files{Cert: "NEW", Key: "NEW", Passphrase: tt.passphrase, Roots: "root.pem"}, nil); err != nil {
					t.Errorf("after the command: %v", err)
				}
			}
		})
	}
}

// TestLoadBER reads PKCS#12 files in BER, which other keychains write and
// openssl doesn't: with indefinite lengths and octet strings in pieces.
func TestLoadBER(t *testing.T) {
	f, _, _, _ := newFolder(t)
	f.run("openssl pkcs12 -export -in chain.pem -inkey key.pem -passout file:pw -out whole.p12")
	f.run("openssl pkcs12 -export -in chain.pem -inkey key.pem -passout file:pw -nomac -out nomac.p12")
	f.run("openssl pkcs12 -export -in chain.pem -inkey key.pem -passout file:pw -nomac -certpbe AES-256-CBC -out encrypted.p12")
	f.write("outer.p12", toBER(t, f.read("whole.p12"), false))
	f.write("inner.p12", toBER(t, f.read("nomac.p12"), true))
	f.write("pieces.p12", toBER(t, f.read("encrypted.p12"), true))
	for _, name := range []string{"outer.p12", "inner.p12", "pieces.p12"} {
		if _, err := f.load(signing.Files{P12: name, Passphrase: "pw", Roots: "root.pem"}, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := f.load(signing.Files{P12: name, Passphrase: "wrong", Roots: "root.pem"}, nil); codeOf(err) != signing.KeyEncrypted {
			t.Errorf("%s with a wrong passphrase: %v", name, err)
		}
	}
	// A file with a checksum of RFC 9579, which openssl before 3.4 doesn't
	// write.
	at := func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) }
	for passphrase, want := range map[string]signing.Code{"pw": "", "wrong": signing.KeyEncrypted} {
		files := signing.Files{P12: "testdata/pbmac1.p12", Passphrase: f.file(passphrase)}
		if _, err := files.Load(at); codeOf(err) != want {
			t.Errorf("RFC 9579: got %v, want %q", err, want)
		}
	}
}

// toBER changes the lengths in a DER document to indefinite, and splits octet
// strings. If inner is set, it also does so inside strings that contain DER.
func toBER(t *testing.T, der []byte, inner bool) []byte {
	t.Helper()
	var out []byte
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			t.Fatal(err)
		}
		der = rest
		content := v.Bytes
		switch {
		case v.IsCompound:
			out = append(append(out, v.FullBytes[0], 0x80), toBER(t, content, inner)...)
			out = append(out, 0, 0)
		case v.Tag == 0 && v.Class == asn1.ClassContextSpecific && len(content) > 20: // encrypted content
			out = append(out, 0xA0, 0x80)
			for piece := range slices.Chunk(content, 100) {
				out = append(append(out, 4, byte(len(piece))), piece...)
			}
			out = append(out, 0, 0)
		case v.Tag == asn1.TagOctetString && v.Class == asn1.ClassUniversal && len(content) > 20:
			var nested asn1.RawValue
			_, certificate := x509.ParseCertificate(content)
			if rest, err := asn1.Unmarshal(content, &nested); inner && err == nil && len(rest) == 0 && nested.IsCompound && certificate != nil {
				content = toBER(t, content, inner)
			}
			out = append(out, 0x24, 0x80)
			for piece := range slices.Chunk(content, 100) {
				out = append(append(out, 4, byte(len(piece))), piece...)
			}
			out = append(out, 0, 0)
		default:
			out = append(out, v.FullBytes...)
		}
	}
	return out
}

// A certificateForm is the content of a certificate file, with the expected
// result of reading it.
type certificateForm struct {
	name string
	data []byte
	want signing.Code
	says string
}

func certificateForms(f folder, root, middle, leaf signingtest.Pair) []certificateForm {
	chainPEM := string(leaf.CertPEM(middle))
	utf16le := []byte{0xff, 0xfe}
	for _, unit := range utf16.Encode([]rune(chainPEM)) {
		utf16le = append(utf16le, byte(unit), byte(unit>>8))
	}
	trusted := func(p signingtest.Pair) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "TRUSTED CERTIFICATE", Bytes: append(slices.Clone(p.Cert.Raw), 0x30, 0)})
	}
	f.run("openssl crl2pkcs7 -nocrl -certfile chain.pem -out p7.pem; openssl crl2pkcs7 -nocrl -certfile chain.pem -outform DER -out p7.der")
	f.run("openssl req -new -key key.pem -subj /CN=x -out request.pem")
	f.run("openssl pkcs12 -export -in chain.pem -inkey key.pem -passout file:pw -out bag.p12; openssl pkcs12 -in bag.p12 -passin file:pw -noenc -out bag.pem")
	f.run("for c in chain root; do openssl crl2pkcs7 -nocrl -certfile $c.pem | openssl pkcs7 -print_certs -text; done > text.pem")
	replace := func(old, with string) []byte { return []byte(strings.ReplaceAll(chainPEM, old, with)) }
	return []certificateForm{
		{"as it should be", []byte(chainPEM), "", ""},
		{"wrong order", middle.CertPEM(leaf), "", ""},
		{"root first", root.CertPEM(middle, leaf), "", ""},
		{"each twice", leaf.CertPEM(leaf, middle, middle, root), "", ""},
		{"glued", replace("-----\n-----", "----------"), "", ""},
		{"indented", replace("\n", "\n\t  "), "", ""},
		{"trailing blanks", replace("\n", "  \n"), "", ""},
		{"CRLF", replace("\n", "\r\n"), "", ""},
		{"CR alone", replace("\n", "\r"), "", ""},
		{"one line", replace("\n", " "), "", ""},
		{"no line breaks", replace("\n", ""), "", ""},
		{`written-out line breaks`, replace("\n", `\n`), "", ""},
		{"byte order mark", append([]byte("\ufeff"), chainPEM...), "", ""},
		{"UTF-16", utf16le, "", ""},
		{"bag attributes", f.read("bag.pem"), "", ""},
		{"text between", f.read("text.pem"), "", ""},
		{"OpenSSL's trusted form", append(trusted(leaf), trusted(middle)...), "", ""},
		{"old label", replace("CERTIFICATE", "X509 CERTIFICATE"), "", ""},
		{"PKCS#7 in PEM", f.read("p7.pem"), "", ""},
		{"PKCS#7 in DER", f.read("p7.der"), "", ""},
		{"leaf in DER", leaf.Cert.Raw, signing.ChainIncomplete, "the issuer"},
		{"request", f.read("request.pem"), signing.Unreadable, "but: CERTIFICATE REQUEST"},
		{"cut", []byte(chainPEM[:len(chainPEM)-40]), signing.Unreadable, "has no end"},
		{"end missing between", []byte(strings.Replace(chainPEM, "-----END CERTIFICATE-----\n", "", 1)), signing.Unreadable, "line 1 has no end"},
		{"damaged second", []byte(chainPEM[:len(chainPEM)-60] + "*" + chainPEM[len(chainPEM)-59:]), signing.Unreadable, "is damaged"},
		{"no BEGIN", replace("-----BEGIN CERTIFICATE-----\n", "")[:500], signing.Unreadable, "has no PEM block"},
		{"base64 alone", []byte(strings.Split(chainPEM, "-----")[2]), signing.Unreadable, "the lines -----BEGIN and -----END are missing"},
		{"four hyphens", replace("-----", "----"), signing.Unreadable, "five hyphens"},
		{"no certificate", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("nonsense")}), signing.Unreadable, "certificate 1 of"},
		{"PKCS#12", f.read("bag.p12"), signing.Unreadable, "--signing-p12"},
		{"text", []byte("hello"), signing.Unreadable, "has no PEM"},
		{"nothing", nil, signing.Unreadable, "is empty"},
	}
}

// TestLoadCertificates reads certificate files as they occur in practice.
func TestLoadCertificates(t *testing.T) {
	f, root, middle, leaf := newFolder(t)
	for _, tt := range certificateForms(f, root, middle, leaf) {
		f.write("new.pem", tt.data)
		id, err := f.load(signing.Files{Cert: "new.pem", Key: "key.pem", Roots: "root.pem"}, nil)
		if codeOf(err) != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %q (%v), want %q", tt.name, codeOf(err), err, tt.want)
			continue
		}
		if err != nil {
			continue
		}
		if len(id.Notices()) > 0 {
			t.Errorf("%s: notices %v", tt.name, id.Notices())
		}
		signed, err := id.Sign(t.Context(), cleared(t))
		if err != nil {
			t.Fatal(err)
		}
		checkForm(t, signed, 2)
		// The same files as roots: nothing may be lost there either.
		if _, err := signing.Roots(f.file("new.pem")); err != nil {
			t.Errorf("%s as roots: %v", tt.name, err)
		}
	}
}
