package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/updatecase/mobileconfig/profile/lint"
)

// A recipe says how openssl creates an envelope, and how it's damaged
// afterwards.
type recipe struct {
	key, chain, digest, padding, identifier, attributes, encoding, content, damage string
}

func (r recipe) String() string { return fmt.Sprintf("%+v", struct{ recipe }{r}) }

// The values of a recipe. The first of each is the default.
var (
	keys        = []string{"p256", "rsa-2048", "rsa-3072", "p384", "p521", "pss-only"}
	chains      = []string{"one", "none", "three", "missing", "stranger", "cross", "cross-expired", "expired-beside", "expired-leaf", "expired-middle", "future-leaf", "self", "critical"}
	digests     = []string{"sha256", "sha1", "sha224", "sha384", "sha512", "sha3-256", "md5"}
	paddings    = []string{"pkcs1", "pss", "pss-salt-0", "pss-salt-20", "pss-other-mask"}
	identifiers = []string{"", "-keyid"}
	attributes  = []string{"", "-noattr", "-nosmimecap"}
	encodings   = []string{"DER", "DER -stream", "PEM", "SMIME"}
	contents    = []string{"-binary", "", "-text"}
	damages     = []string{"", "content", "signature", "trailing", "leading", "no-certificates", "cut", "flip", "flip", "flip"}
)

// A generator creates envelopes with openssl, each once per run.
type generator struct {
	t      *testing.T
	dir    string
	random *mathrand.Rand
	made   map[recipe][]byte
}

func newGenerator(t *testing.T) *generator {
	g := &generator{t: t, dir: t.TempDir(), random: mathrand.New(mathrand.NewPCG(14, 8)), made: map[recipe][]byte{}}
	var plain bytes.Buffer
	if code := run([]string{"build", "--unsigned", "--address", "jane@example.com", "--imap", "imap.example.com", "--smtp", "smtp.example.com"}, streams{&plain, &plain}); code != exitGood {
		t.Fatal(plain.String())
	}
	g.write("plain.xml", plain.Bytes())
	return g
}

func (g *generator) write(name string, data []byte) {
	g.t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, name), data, 0o600); err != nil {
		g.t.Fatal(err)
	}
}

// shell runs a script in the generator's folder and returns its output.
func (g *generator) shell(script string) (string, error) {
	cmd := exec.Command("sh", "-ec", script)
	cmd.Dir = g.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (g *generator) must(script string) {
	g.t.Helper()
	if out, err := g.shell(script); err != nil {
		g.t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// recipe returns the nth recipe: the default with one or two values changed.
// Each value first appears as the only change, so that a short run covers all
// of them.
func (g *generator) recipe(n int) recipe {
	r := recipe{keys[0], chains[0], digests[0], paddings[0], identifiers[0], attributes[0], encodings[0], contents[0], damages[0]}
	fields := []struct {
		field  *string
		values []string
	}{
		{&r.key, keys}, {&r.chain, chains}, {&r.digest, digests}, {&r.padding, paddings}, {&r.identifier, identifiers},
		{&r.attributes, attributes}, {&r.encoding, encodings}, {&r.content, contents}, {&r.damage, damages},
	}
	for _, f := range fields {
		if n < len(f.values) {
			*f.field = f.values[n]
			n = -1
			break
		}
		n -= len(f.values)
	}
	if n >= 0 {
		for range 2 + g.random.IntN(3) {
			f := fields[g.random.IntN(len(fields))]
			*f.field = f.values[g.random.IntN(len(f.values))]
		}
	}
	if r.key == "pss-only" {
		r.chain, r.padding = chains[0], "pss"
	}
	if r.padding != paddings[0] && (r.digest == "md5" || r.digest == "sha3-256") {
		r.digest = digests[0]
	}
	other := r.padding != paddings[0] || r.digest == "md5" || r.digest == "sha3-256" // only RSA has these
	if other && !strings.Contains(r.key, "rsa") && r.key != "pss-only" {
		r.key = "rsa-2048"
	}
	streamed := r.encoding == "DER -stream" || r.encoding == "SMIME"
	if r.damage != "" && !strings.HasPrefix(r.encoding, "DER") || streamed && r.padding != paddings[0] { // openssl can't create these
		r.encoding = encodings[0]
	}
	return r
}

// signed returns the envelope before any damage.
func (g *generator) signed(r recipe) []byte {
	g.t.Helper()
	if r.damage != "no-certificates" {
		r.damage = ""
	}
	if data, ok := g.made[r]; ok {
		return data
	}
	leaf := r.key + "-" + r.chain
	g.material(r.key, r.chain)
	options := ""
	if r.damage != "" {
		options = "-nocerts "
	}
	switch r.padding {
	case "pss":
		options += "-keyopt rsa_padding_mode:pss"
	case "pss-salt-0":
		options += "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:0"
	case "pss-salt-20":
		options += "-keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:20"
	case "pss-other-mask":
		options += "-keyopt rsa_padding_mode:pss -keyopt rsa_mgf1_md:sha512"
	}
	g.must(fmt.Sprintf("openssl cms -sign -nodetach -in plain.xml -out made -signer %s.pem -inkey %[1]s.key $(test -s %[1]s-above.pem && echo -certfile %[1]s-above.pem) -md %s %s %s %s -outform %s %s",
		leaf, r.digest, options, r.identifier, r.attributes, r.encoding, r.content))
	data, err := os.ReadFile(filepath.Join(g.dir, "made"))
	if err != nil {
		g.t.Fatal(err)
	}
	g.made[r] = data
	return data
}

// damaged returns the envelope with the recipe's damage, and the version for
// OpenSSL: the same without leading bytes, which OpenSSL doesn't skip.
func (g *generator) damaged(r recipe) (data, forOpenSSL []byte) {
	g.t.Helper()
	data = bytes.Clone(g.signed(r))
	switch r.damage {
	case "content":
		data = bytes.Replace(data, []byte("imap.example.com"), []byte("evil.example.com"), 1)
	case "signature":
		at := len(bytes.TrimRight(data, "\x00")) - 1
		data[at] ^= 1
	case "trailing":
		data = append(data, "more"...)
	case "leading":
		return append([]byte("\r\n"), data...), data
	case "cut":
		data = data[:len(data)*2/3]
	case "flip":
		data[g.random.IntN(len(data))] ^= 1 << g.random.IntN(8)
	}
	return data, data
}

// A judgment is the result of checking an envelope.
type judgment struct{ readable, good, trusted bool }

// openSSL checks an envelope with OpenSSL.
func (g *generator) openSSL(r recipe, data []byte) (j judgment) {
	g.t.Helper()
	g.write("judged", data)
	format, _, _ := strings.Cut(r.encoding, " ")
	verify := "openssl cms -verify -inform " + format + " -in judged -out /dev/null "
	_, err := g.shell(verify + "-noverify")
	j.good = err == nil
	_, err = g.shell(verify + "-purpose any -CAfile " + r.key + "-" + r.chain + "-root.pem")
	j.trusted = err == nil
	_, err = g.shell("openssl cms -cmsout -noout -inform " + format + " -in judged")
	j.readable = err == nil
	return j
}

// verify checks an envelope with this program. Unchecked means that it doesn't
// claim a result.
func (g *generator) verify(r recipe, data []byte) (j judgment, unchecked bool, reason string) {
	g.t.Helper()
	g.write("file", data)
	var out, errs bytes.Buffer
	code := run([]string{"verify", "--json", "--roots", filepath.Join(g.dir, r.key+"-"+r.chain+"-root.pem"), filepath.Join(g.dir, "file")}, streams{&out, &errs})
	if out.Len() == 0 {
		return judgment{}, false, errs.String()
	}
	var v verdict
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		g.t.Fatal(err)
	}
	if v.Trusted != (code == exitGood) {
		g.t.Errorf("%s: trusted %t with exit code %d", r, v.Trusted, code)
	}
	return judgment{true, v.Signature == "good", v.Trusted}, v.Signature == "unchecked", v.Reason
}

// agree creates count envelopes and checks that verify, inspect and OpenSSL report
// the same for each, apart from the exceptions in differs.
func agree(t *testing.T, count int) {
	g := newGenerator(t)
	tally := map[string]int{}
	for n := range count {
		r := g.recipe(n)
		data, forOpenSSL := g.damaged(r)
		theirs := g.openSSL(r, forOpenSSL)
		ours, unchecked, reason := g.verify(r, data)
		wantTrusted := theirs.trusted && !formIssue(r)
		switch why := differs(r, unchecked, ours.readable); {
		case why != "":
			tally[why]++
			if ours.good && !theirs.good || ours.trusted && !wantTrusted {
				t.Errorf("%s: ours %+v, OpenSSL's %+v: %s", r, ours, theirs, reason)
			}
		case ours.good != theirs.good || ours.trusted != wantTrusted:
			t.Errorf("%s: ours %+v, OpenSSL's %+v: %s", r, ours, theirs, reason)
		default:
			tally[fmt.Sprintf("readable %t, good %t, trusted %t", ours.readable, ours.good, ours.trusted)]++
		}
		inspectAgrees(t, r, data, ours, unchecked, reason)
	}
	for what, n := range tally {
		t.Logf("%4d %s", n, what)
	}
	if tally["readable true, good true, trusted true"] < count/6 {
		t.Error("too few good envelopes: the test no longer covers them")
	}
}

// formIssue reports whether devices can't read an envelope of the recipe
// although its signature may be good.
func formIssue(r recipe) bool {
	return r.encoding == "PEM" || r.encoding == "SMIME" || r.content == "-text" || r.damage == "trailing" || r.damage == "leading"
}

// differs returns the reason why the result may differ from OpenSSL's. The
// program never accepts a signature that OpenSSL rejects.
func differs(r recipe, unchecked, readable bool) string {
	switch {
	case unchecked && (r.digest == "md5" || r.digest == "sha3-256"):
		return "digest not supported"
	case unchecked && r.padding == "pss-other-mask":
		return "RSA-PSS with two digests"
	case r.damage == "flip" && (unchecked || !readable):
		return "a flipped bit that OpenSSL overlooks"
	}
	return ""
}

// inspectAgrees checks that inspect reports the same as verify.
func inspectAgrees(t *testing.T, r recipe, data []byte, ours judgment, unchecked bool, reason string) {
	t.Helper()
	report, err := lint.Inspect(data, time.Now())
	if err != nil {
		// If a bit flipped in the XML, the signature isn't good.
		if ours.good && r.damage != "flip" {
			t.Errorf("%s: inspect: %v, verify: %s", r, err, reason)
		}
		return
	}
	has := func(codes ...lint.Code) bool {
		return slices.ContainsFunc(report.Findings, func(f lint.Finding) bool { return slices.Contains(codes, f.Code) })
	}
	if has("signature_unchecked") != unchecked || has("signature_invalid") == (ours.good || unchecked) {
		t.Errorf("%s: inspect %v, verify: %s", r, report.Findings, reason)
	}
	if has("pem", "mail_wrapping", "mail_header", "leading_data", "trailing_data") != formIssue(r) {
		t.Errorf("%s: inspect %v", r, report.Findings)
	}
	// Without the roots nothing is trusted, but an expired certificate is
	// reported only if the chain needs it.
	if expired := r.chain == "expired-leaf" || r.chain == "expired-middle"; r.damage != "flip" && report.Signer != nil && has("signer_expired") != expired {
		t.Errorf("%s: inspect %v", r, report.Findings)
	}
}

// TestAgree compares verify, inspect and OpenSSL on generated envelopes: each
// kind of key, chain, digest, padding, identifier, encoding and damage once,
// and some combinations.
func TestAgree(t *testing.T) { agree(t, 70) }
