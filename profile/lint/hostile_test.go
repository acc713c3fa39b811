//go:build unix

package lint_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.mozilla.org/pkcs7"

	"github.com/updatecase/mobileconfig/profile/lint"
	"github.com/updatecase/mobileconfig/signing/signingtest"
)

// targetMemory is the memory limit for every file.
const targetMemory = 256 << 20

// hostileFile names the file that a child process of the test inspects.
const hostileFile = "MOBILECONFIG_TEST_HOSTILE"

// TestMain inspects one file and exits if it's the child.
func TestMain(m *testing.M) {
	name := os.Getenv(hostileFile)
	if name == "" {
		os.Exit(m.Run())
	}
	data, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	out := answer(data, time.Now())
	fmt.Printf("%d\n%s", peak(), out)
}

// peak returns the peak memory of this process, or 0 if the system doesn't
// report it. The parent's measurement would include the parent itself, from
// which the process was forked.
func peak() (kilobytes int64) {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	_, _ = fmt.Sscan(after, &kilobytes)
	return kilobytes
}

// inChild inspects data in a separate process. It returns the output, the
// process's CPU time and its peak memory.
func inChild(t *testing.T, data []byte) (out string, took time.Duration, memory int64) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "hostile.mobileconfig")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // ends a hanging one
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), hostileFile+"="+name, "GORACE=atexit_sleep_ms=0")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Errorf("%v\n%.2000s", err, stderr.String())
	}
	first, out, _ := strings.Cut(stdout.String(), "\n")
	if _, err := fmt.Sscan(first, &memory); err != nil {
		t.Errorf("no measurement: %v", err)
	}
	took = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if memory *= 1024; memory == 0 {
		memory = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
	}
	return out, took, memory
}

// TestHostile checks that each file gets an answer within the memory limit.
func TestHostile(t *testing.T) {
	files := hostiles(t)
	if len(files) < 30 {
		t.Errorf("%d files", len(files))
	}
	for _, tt := range files {
		t.Run(tt.name, func(t *testing.T) {
			out, _, memory := inChild(t, tt.data)
			if !strings.Contains(out, tt.want) {
				t.Errorf("said %.300q, want %q", out, tt.want)
			}
			if memory > targetMemory {
				t.Errorf("%d MiB, the limit is %d", memory>>20, targetMemory>>20)
			}
		})
	}
}

// A hostile is a file that harms some parser, with the expected output.
type hostile struct {
	name string
	data []byte
	want string
}

const full = lint.MaxSize

// fill repeats a part up to the maximum file size.
func fill(head, part, tail string) []byte {
	n := (full - len(head) - len(tail)) / len(part)
	return []byte(head + strings.Repeat(part, n) + tail)
}

// in puts a value into a profile.
func in(value string) []byte {
	return []byte("<plist><dict><key>PayloadType</key><string>Configuration</string><key>X</key>" + value + "</dict></plist>")
}

func hostiles(t *testing.T) []hostile {
	return slices.Concat(hostileXML(t), hostileOther(t), hostileCMS(t))
}

func hostileXML(t *testing.T) []hostile {
	doctype := func(subset string) []byte {
		return []byte("<!DOCTYPE plist [" + subset + "]><plist><string>&a;</string></plist>")
	}
	var laughs strings.Builder
	laughs.WriteString(`<!ENTITY a0 "ha">`)
	for n := range 20 {
		fmt.Fprintf(&laughs, `<!ENTITY a%d "%s">`, n+1, strings.Repeat(fmt.Sprintf("&a%d;", n), 10))
	}
	digits := strings.Repeat("9", full-200)
	return []hostile{
		{"nested arrays", fill("<plist>", "<array>", ""), "nested deeper than 32"},
		{"nested dicts", fill("<plist>", "<dict><key>a</key>", ""), "nested deeper than 32"},
		{"nested unknown", fill("<plist>", "<a>", ""), "line 1"},
		{"nested in a string", fill("<plist><string>", "<a>", ""), "inside the text of another"},
		{"depth 33", in(strings.Repeat("<array>", 32) + strings.Repeat("</array>", 32)), "nested deeper than 32"},
		{"depth 32", in(strings.Repeat("<array>", 31) + strings.Repeat("</array>", 31)), "missing_key"},
		{"60,000 keys", fill("<plist><dict>", "<key>a</key><true/>", "</dict></plist>"), "more than 20000 elements"},
		{"19,000 elements", in("<dict>" + strings.Repeat("<key>a</key><true/>", 9400) + "</dict>"), "duplicate_key"},
		{"19,000 payloads", []byte("<plist><dict><key>PayloadContent</key><array>" + strings.Repeat("<dict/>", 19000) + "</array></dict></plist>"), "more like this"},
		{"5 MB of payloads", []byte("<plist><dict><key>PayloadContent</key><array>" + strings.Repeat("<dict><key>PayloadType</key><string>com.apple.mail.managed</string></dict>", 70_000) + "</array></dict></plist>"), "larger than"},
		{"thousands of hosts and ports", []byte("<plist><dict><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.caldav.account</string>" +
			strings.Repeat("<key>CalDAVHostName</key><string>a</string><key>CalDAVPort</key><integer>1</integer>", 4900) + "</dict></array></dict></plist>"), "duplicate_key"},
		{"thousands of look-alikes", []byte("<plist><dict><key>PayloadContent</key><array>" +
			strings.Repeat("<dict><key>PayloadType</key><string>com.apple.eas.account</string><key>Host</key><string>"+strings.Repeat("аррӏе.", 4)+"com</string></dict>", 3900) + "</array></dict></plist>"), "look like Latin"},
		{"an endless host", in("<array/><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.eas.account</string><key>Host</key><string>" + strings.Repeat("ä", 500_000) + "</string></dict></array>"), "too long"},
		{"an endless address", in("<array/><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.eas.account</string><key>EmailAddress</key><string>" + strings.Repeat("a@", 500_000) + "</string></dict></array>"), "one email address"},
		{"an endless path", in("<array/><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.ews.account</string><key>Path</key><string>/" + strings.Repeat("%zz/:@", 160_000) + "</string></dict></array>"), "must be encoded"},
		{"a text of invisible characters", in("<string>" + strings.Repeat("\u200b", 330_000) + "</string>"), "hidden_characters"},
		{"an endless key", []byte("<plist><dict><key>" + strings.Repeat(" ", full-100) + "</key><true/></dict></plist>"), "hidden_characters"},
		{"billion laughs", doctype(laughs.String()), "DOCTYPE"},
		{"external entity", doctype(`<!ENTITY a SYSTEM "file:///etc/passwd">`), "DOCTYPE"},
		{"entity without a DOCTYPE", in("<string>&a;</string>"), "an entity other than"},
		{"deep DOCTYPE", fill("<!DOCTYPE plist ", "<!a ", ""), "line 1"},
		{"endless DOCTYPE", fill("<!DOCTYPE ", "a", ""), "ends before"},
		{"endless comment", fill("<!--", " - ", ""), "ends before"},
		{"many comments", fill("<plist>", "<!---->", "</plist>"), "empty"},
		{"many instructions", fill("<plist>", "<?a?>", "</plist>"), "empty"},
		{"many attributes", fill("<plist ", "a='' ", "><dict/></plist>"), "missing_key"},
		{"long attribute", fill("<plist a='", "a", "'><dict/></plist>"), "missing_key"},
		{"namespaces", fill("<plist ", "xmlns:a='a' ", "><a:dict/></plist>"), "namespace"},
		{"references", fill(string(in("<string>")[:len(in("<string>"))-len("</dict></plist>")]), "&#120;", "</string></dict></plist>"), "missing_key"},
		{"integer of a megabyte", in("<integer>" + digits + "</integer>"), "malformed_value"},
		{"hex of a megabyte", in("<integer>0x" + digits + "</integer>"), "malformed_value"},
		{"real of a megabyte", in("<real>0." + digits + "e-999999999</real>"), "missing_key"},
		{"real beyond", in("<real>1e999999999</real>"), "malformed_value"},
		{"date of a megabyte", in("<date>" + digits + "</date>"), "malformed_value"},
		{"data of a megabyte", in("<data>" + strings.Repeat("A A\n", full/4-100) + "</data>"), "missing_key"},
		{"key of a megabyte", in("<dict><key>" + digits[:len(digits)-100] + "</key><string/></dict>"), "…"},
		{"a long key over many faults", in("<dict><key>" + strings.Repeat("k", 700_000) + "</key><array>" + strings.Repeat("<string/>", 19000) + "</array></dict>"), "empty_string"},
		{"variables", in("<string>" + strings.Repeat("${{%{$A", full/7-50) + "</string>"), "missing_key"},
		{"identifier of a megabyte", []byte("<plist><dict><key>PayloadIdentifier</key><string>" + strings.Repeat("0a-", full/3-100) + "</string></dict></plist>"), "malformed_identifier"},
		{"address of a megabyte", []byte("<plist><dict><key>PayloadContent</key><array><dict><key>PayloadType</key><string>com.apple.mail.managed</string><key>EmailAddress</key><string>a@" + strings.Repeat("a.", 250_000) + "</string></dict></array><key>PayloadIdentifier</key><string>" + strings.Repeat("a.", 250_000) + "</string></dict></plist>"), "malformed_identifier"},
		{"controls", in("<string>\u202e\u009b31m\u2028</string>"), "hidden_characters"},
		{"trailing megabyte", fill("<plist><dict/></plist>", "<a", ""), "trailing_data"},
	}
}

func hostileOther(t *testing.T) []hostile {
	good := string(read(t, "testdata/good.mobileconfig"))
	wide := func(order func(byte) []byte) []byte {
		var b []byte
		for n := range len(good) {
			b = append(b, order(good[n])...)
		}
		return b
	}
	return []hostile{
		{"UTF-16 LE", append([]byte("\xff\xfe"), wide(func(c byte) []byte { return []byte{c, 0} })...), "UTF-16"},
		{"UTF-16 BE without a mark", wide(func(c byte) []byte { return []byte{0, c} }), "UTF-16"},
		{"UTF-16 declared", []byte(strings.Replace(good, "UTF-8", "UTF-16", 1)), "an encoding other than"},
		{"Latin-1 declared", []byte(strings.Replace(good, "UTF-8", "ISO-8859-1", 1)), "an encoding other than"},
		{"invalid UTF-8", []byte(strings.Replace(good, "jane", "j\xff\xfene", 1)), "aren't UTF-8"},
		{"overlong UTF-8", []byte(strings.Replace(good, "jane", "\xc0\xbcdict>", 1)), "aren't UTF-8"},
		{"NULs", make([]byte, full), "neither"},
		{"NUL inside", []byte(strings.Replace(good, "jane", "j\x00ne", 1)), "doesn't allow"},
		{"spaces", bytes.Repeat([]byte(" "), full), "empty"},
		{"cyclic bplist", cyclic(), "plutil -convert xml1"},
		{"bplist bomb", doubling(), "plutil -convert xml1"},
		{"bplist of a megabyte", fill("bplist00", "\xa1\x00", ""), "plutil -convert xml1"},
		{"PEM of spaces", fill("-----BEGIN CMS-----\n", " \n", ""), "damaged"},
		{"many PEM blocks", fill("", "-----BEGIN CMS-----\n", ""), "damaged"},
		{"PEM bomb", pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: bytes.Repeat([]byte{0x30, 0x80}, full/4)}), "can't be read"},
		{"PEM in PEM", pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: []byte("-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n")}), "isn't a signed envelope"},
		{"base64 envelope", []byte(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x30, 0x82}, 1000))), "neither"},
	}
}

// cyclic is an array that contains itself, in 43 bytes.
func cyclic() []byte {
	return slices.Concat([]byte("bplist00\xa1\x00\x08"), make([]byte, 6), []byte{1, 1}, make([]byte, 7), []byte{1}, make([]byte, 8), make([]byte, 7), []byte{10})
}

// doubling is a list of arrays that each contain the next twice.
func doubling() []byte {
	b := []byte("bplist00")
	var offsets []byte
	for n := range 40 {
		offsets = append(offsets, byte(len(b)))
		b = append(b, 0xa2, byte(n+1), byte(n+1))
	}
	offsets, b = append(offsets, byte(len(b))), append(b, 9)
	table := len(b)
	b = append(append(b, offsets...), 0, 0, 0, 0, 0, 0, 1, 1)
	return slices.Concat(b, make([]byte, 7), []byte{41}, make([]byte, 8), make([]byte, 7), []byte{byte(table)})
}

func hostileCMS(t *testing.T) []hostile {
	good := read(t, "testdata/good.mobileconfig")
	root := signingtest.Root(t, "p256")
	one, two := root.Leaf(t, "p256", nil), root.Leaf(t, "p256", nil)
	recipient := signingtest.Root(t, "rsa-2048")
	sign := func(content []byte, signers ...signingtest.Pair) []byte {
		return envelope{content: content, signers: signers, above: []signingtest.Pair{root}}.bytes(t)
	}
	sealed, err := pkcs7.Encrypt(good, []*x509.Certificate{recipient.Cert})
	if err != nil {
		t.Fatal(err)
	}
	signed := sign(good, one)
	deep := []byte{}
	for range 200 {
		deep = append([]byte{0x30, 0x82, byte(len(deep) >> 8), byte(len(deep))}, deep...)
	}
	crowd := make([]signingtest.Pair, 1200)
	for n := range crowd {
		crowd[n] = root
	}
	return []hostile{
		{"BER without lengths", append([]byte{0x30, 0x80}, bytes.Repeat([]byte{0x05, 0x00}, 400_000)...), "too large or too deep"},
		{"BER nesting", bytes.Repeat([]byte{0x30, 0x80}, full/2), "too large or too deep"},
		{"DER nesting", deep, "too large or too deep"},
		{"BER pieces", append([]byte{0x30, 0x80, 0x24, 0x80}, bytes.Repeat([]byte{0x24, 0x80, 0x04, 0x01, 0x41, 0, 0}, 3000)...), "damaged"},
		{"BER two bytes", []byte{0x30, 0x80}, "damaged"},
		{"BER length beyond", []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, "damaged"},
		{"BER long tag", append([]byte{0x30, 0x03}, 0x1f, 0x81, 0x80), "damaged"},
		{"truncated", signed[:len(signed)-1], "damaged"},
		{"truncated in the middle", signed[:len(signed)/2], "damaged"},
		{"tampered", bytes.Replace(signed, []byte("imap."), []byte("evil."), 1), "The content was changed"},
		{"tampered, BER", bytes.Replace(indefinite(t, signed), []byte("Configuration"), []byte("configuration"), 1), "The content was changed"},
		{"two signers", sign(good, one, two), "several_signers"},
		{"detached", envelope{content: good, signers: []signingtest.Pair{one}, detached: true}.bytes(t), "without a profile"},
		{"enveloped", sealed, "encrypted"},
		{"signed twice", sign(signed, one), "signed twice"},
		{"trailing data", append(slices.Clone(signed), make([]byte, 4096)...), "trailing_data"},
		{"PEM and trailing data", append(pem.EncodeToMemory(&pem.Block{Type: "CMS", Bytes: signed}), "<plist/>"...), "trailing_data"},
		{"bplist inside", sign([]byte("bplist00"), one), "plutil -convert xml1"},
		{"nested arrays inside", sign(bytes.Repeat([]byte("<array>"), 140_000), one), "nested deeper than 32"},
		{"a crowd of certificates", envelope{content: good, signers: []signingtest.Pair{one}, above: crowd}.bytes(t), "too large or too deep"},
		{"certificates of one name", sameName(t, good), "untrusted_signer"},
		{"enormous RSA key", enormous(t, good), "a key of more than 16384 bits"},
	}
}

// sameName is signed under one of many authorities with the same name. Each of
// them could be the issuer.
func sameName(t *testing.T, content []byte) []byte {
	t.Helper()
	e := envelope{content: content}
	for range 200 {
		e.above = append(e.above, signingtest.Root(t, "p256"))
	}
	e.signers = []signingtest.Pair{e.above[199].Leaf(t, "p256", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(10 * year) })}
	return e.bytes(t)
}

// enormous claims to be signed with an RSA key of four million bits.
func enormous(t *testing.T, content []byte) []byte {
	t.Helper()
	root := signingtest.Root(t, "p256")
	bits := make([]byte, 500_000)
	if _, err := rand.Read(bits); err != nil {
		t.Fatal(err)
	}
	bits[0], bits[len(bits)-1] = 0x80, bits[len(bits)-1]|1
	template := &x509.Certificate{
		Subject:      pkix.Name{CommonName: "Enormous"},
		SerialNumber: big.NewInt(7),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(year),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, root.Cert, &rsa.PublicKey{N: new(big.Int).SetBytes(bits), E: 1<<31 - 1}, root.Key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := pkcs7.NewSignedData(content)
	if err != nil {
		t.Fatal(err)
	}
	sd.SetDigestAlgorithm(pkcs7.OIDDigestAlgorithmSHA256)
	if err := sd.AddSigner(cert, key, pkcs7.SignerInfoConfig{}); err != nil {
		t.Fatal(err)
	}
	info := sd.GetSignedData()
	info.SignerInfos[0].EncryptedDigest = bits[:len(bits)-1]
	data, err := sd.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
