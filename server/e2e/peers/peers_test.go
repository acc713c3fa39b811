// Package peers measures how fast other methods create the same signed
// profiles. The script docs/benchmarks/peers runs it.
package peers

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/groob/plist"
	"go.mozilla.org/pkcs7"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server"
	"github.com/updatecase/mobileconfig/server/issue"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/signingtest"
	"github.com/updatecase/mobileconfig/templates"
)

// turn is the minimum processor time of a method's turn. Another program on
// the same core makes a turn longer, but no method slower.
const turn = time.Second

// A way is a method to create signed profiles. Each is for another mailbox.
type way struct {
	name string
	// batch is how many are created between two readings of the clock.
	batch int
	// make creates n profiles and returns the last, or nil for a raw
	// signature.
	make func(n int) ([]byte, error)
	// process is the program that creates them, if it keeps running.
	process *os.Process

	rates []float64 // profiles a second, of each turn
}

// BenchmarkPeers prints a table for each kind of key.
func BenchmarkPeers(b *testing.B) {
	server.Tune()
	for _, kind := range []string{"p256", "rsa-2048"} {
		b.Run(kind, func(b *testing.B) {
			ways := newRig(b, kind).ways(b)
			for b.Loop() {
				for _, w := range ways {
					w.turn(b)
				}
			}
			b.ReportMetric(0, "ns/op")
			printTable(kind, ways)
		})
	}
}

func (w *way) turn(b *testing.B) {
	b.Helper()
	made, begun := 0, w.used(b)
	var used time.Duration
	for used < turn {
		if _, err := w.make(w.batch); err != nil {
			b.Fatalf("%s: %v", w.name, err)
		}
		made += w.batch
		used = w.used(b) - begun
	}
	w.rates = append(w.rates, float64(made)/used.Seconds())
}

// used returns the processor time used so far: that of this process, of those
// that it has waited for, and of the one that keeps running.
func (w *way) used(b *testing.B) time.Duration {
	b.Helper()
	var used time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			b.Fatal(err)
		}
		used += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	if w.process == nil {
		return used
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	// After the name in parentheses, the twelfth and thirteenth field are the
	// time in hundredths of a second (proc(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, ticks := range fields[11:13] {
		n, err := strconv.Atoi(ticks)
		if err != nil {
			b.Fatal(err)
		}
		used += time.Duration(n) * 10 * time.Millisecond
	}
	return used
}

// printTable writes the rates, and how many times as fast the first method is,
// by the turns of the same round.
func printTable(kind string, ways []*way) {
	fmt.Printf("\n| %s | profiles/s of one core | min–max | mobileconfig is faster |\n| --- | ---: | ---: | ---: |\n", kind)
	for _, w := range ways {
		var times []float64
		for i, rate := range w.rates {
			times = append(times, ways[0].rates[i]/rate)
		}
		sorted := slices.Sorted(slices.Values(w.rates))
		fmt.Printf("| %s | %.0f | %.0f–%.0f | %.2f× |\n", w.name, median(sorted), sorted[0], sorted[len(sorted)-1], median(slices.Sorted(slices.Values(times))))
	}
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }

// A rig is what all methods share: the key, and a profile with mail and
// policy.
type rig struct {
	kind, dir string
	leaf, ca  signingtest.Pair
	roots     *x509.CertPool
	issuer    *issue.Issuer
	xml       []byte
	values    map[string]any
}

func newRig(b *testing.B, kind string) *rig {
	b.Helper()
	root := signingtest.Root(b, kind)
	ca := root.Intermediate(b, kind)
	r := &rig{kind: kind, dir: b.TempDir(), ca: ca, leaf: ca.Leaf(b, kind, nil), roots: x509.NewCertPool()}
	r.roots.AddCert(root.Cert)
	identity, err := signing.New(r.leaf.Key, []*x509.Certificate{r.leaf.Cert, ca.Cert}, r.roots, nil)
	if err != nil {
		b.Fatal(err)
	}
	texts, err := templates.New()
	if err != nil {
		b.Fatal(err)
	}
	r.issuer = issue.New(texts, func() signing.Signer { return identity })
	order, err := orderOf("jane@example.com")
	if err != nil {
		b.Fatal(err)
	}
	if r.xml, err = r.issuer.Build(order); err != nil {
		b.Fatal(err)
	}
	if err := plist.Unmarshal(r.xml, &r.values); err != nil {
		b.Fatal(err)
	}
	asJSON, err := json.Marshal(r.values)
	if err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"key.pem": r.leaf.KeyPEM(b), "leaf.pem": r.leaf.CertPEM(), "chain.pem": ca.CertPEM(), "root.pem": root.CertPEM(),
		"profile.xml": r.xml, "profile.json": asJSON,
	} {
		if err := os.WriteFile(filepath.Join(r.dir, name), data, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return r
}

func orderOf(mailbox string) (issue.Order, error) {
	address, err := profile.ParseAddress(mailbox)
	return issue.Order{
		Service: settings.MailService{
			Incoming: profile.Server{Host: "imap.example.com", Port: 993},
			Outgoing: profile.Server{Host: "smtp.example.com", Port: 465},
		},
		Person: issue.Person{Address: address, Name: "Jane"}, Platform: profile.IPhone,
		Variant: settings.Secure, Policy: profile.DefaultPasscode(),
	}, err
}

// ways returns the methods whose programs are installed. The output of each is
// verified before any is timed.
func (r *rig) ways(b *testing.B) []*way {
	b.Helper()
	all := []*way{
		{name: "**mobileconfig**: build, gate, sign", batch: 32, make: r.own()},
		{name: "raw signature (crypto/" + map[string]string{"p256": "ecdsa", "rsa-2048": "rsa"}[r.kind] + ")", batch: 32, make: r.raw()},
		{name: "Go: groob/plist and pkcs7, no gate", batch: 32, make: r.pipeline()},
	}
	if path, err := exec.LookPath("openssl"); err == nil {
		all = append(all, &way{name: "`openssl cms -sign`, a process per profile", batch: 4, make: r.openssl(path)})
	}
	scripts := os.Getenv("SCRIPTS")
	if path, err := exec.LookPath("php"); err == nil && scripts != "" {
		all = append(all, r.script(b, "PHP: `openssl_cms_sign`, one process", 16, "php.der", path, filepath.Join(scripts, "peer.php"), r.dir))
	}
	module := filepath.Join(os.Getenv("NODE_MODULES"), "@zone-eu", "mobileconfig")
	if path, err := exec.LookPath("node"); err == nil && scripts != "" && exists(module) {
		algorithm := map[string]string{"p256": "SHA256withECDSA", "rsa-2048": "SHA256withRSA"}[r.kind]
		all = append(all, r.script(b, "Node: @zone-eu/mobileconfig, one process", 2, "node.der", path, filepath.Join(scripts, "peer.cjs"), r.dir, module, algorithm))
	}
	for _, w := range all {
		signed, err := w.make(w.batch)
		if err != nil {
			b.Fatalf("%s: %v", w.name, err)
		}
		if signed != nil {
			r.verify(b, w.name, signed)
		}
	}
	return all
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// verify checks a signed profile whose signer and chain a device trusts.
func (r *rig) verify(b *testing.B, name string, signed []byte) {
	b.Helper()
	p, err := pkcs7.Parse(signed)
	if err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	if err := p.VerifyWithChain(r.roots); err != nil {
		b.Fatalf("%s: %v", name, err)
	}
	if !bytes.Contains(p.Content, []byte("com.apple.mobiledevice.passwordpolicy")) {
		b.Fatalf("%s signs another profile", name)
	}
}

// mailbox returns the n-th mailbox of the run.
func mailbox(n int) string { return fmt.Sprintf("jane%d@example.com", n) }

func (r *rig) own() func(int) ([]byte, error) {
	made := 0
	return func(n int) (signed []byte, err error) {
		for range n {
			made++
			order, err := orderOf(mailbox(made))
			if err != nil {
				return nil, err
			}
			s, err := r.issuer.Issue(context.Background(), order)
			if err != nil {
				return nil, err
			}
			signed = s.Bytes
		}
		return signed, nil
	}
}

func (r *rig) raw() func(int) ([]byte, error) {
	digest := sha256.Sum256([]byte("raw"))
	return func(n int) ([]byte, error) {
		for range n {
			if _, err := r.leaf.Key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
}

// dictionary returns the profile of the n-th mailbox, as a program would build
// it that knows everything else beforehand.
func (r *rig) dictionary(n int) map[string]any {
	return changed(r.values, "jane@example.com", mailbox(n)).(map[string]any)
}

// changed returns a copy of a tree with one text replaced.
func changed(v any, old, text string) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			out[key] = changed(value, old, text)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, value := range v {
			out[i] = changed(value, old, text)
		}
		return out
	case string:
		return strings.ReplaceAll(v, old, text)
	}
	return v
}

// pipeline is what most Go programs do.
func (r *rig) pipeline() func(int) ([]byte, error) {
	made := 0
	sign := func() ([]byte, error) {
		made++
		content, err := plist.MarshalIndent(r.dictionary(made), "\t")
		if err != nil {
			return nil, err
		}
		sd, err := pkcs7.NewSignedData(content)
		if err != nil {
			return nil, err
		}
		sd.SetDigestAlgorithm(asn1.ObjectIdentifier(pkcs7.OIDDigestAlgorithmSHA256))
		if err := sd.AddSigner(r.leaf.Cert, r.leaf.Key, pkcs7.SignerInfoConfig{}); err != nil {
			return nil, err
		}
		sd.AddCertificate(r.ca.Cert)
		return sd.Finish()
	}
	return func(n int) (signed []byte, err error) {
		for range n {
			if signed, err = sign(); err != nil {
				return nil, err
			}
		}
		return signed, nil
	}
}

// openssl starts a process for each profile, and inserts the mailbox into the
// text.
func (r *rig) openssl(path string) func(int) ([]byte, error) {
	made := 0
	return func(n int) (signed []byte, err error) {
		for range n {
			made++
			var failure bytes.Buffer
			cmd := exec.Command(path, "cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-md", "sha256",
				"-signer", "leaf.pem", "-inkey", "key.pem", "-certfile", "chain.pem")
			cmd.Dir, cmd.Stderr = r.dir, &failure
			cmd.Stdin = bytes.NewReader(bytes.ReplaceAll(r.xml, []byte("jane@example.com"), []byte(mailbox(made))))
			if signed, err = cmd.Output(); err != nil {
				return nil, fmt.Errorf("%w: %s", err, &failure)
			}
		}
		return signed, nil
	}
}

// script starts a program that keeps running, and creates as many profiles as
// it is told. The last one is in a file.
func (r *rig) script(b *testing.B, name string, batch int, last, path string, args ...string) *way {
	b.Helper()
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			b.Error(err)
		}
	})
	said := bufio.NewReader(out)
	work := func(n int) ([]byte, error) {
		_, asked := fmt.Fprintln(in, n)
		line, err := said.ReadString('\n')
		if err := cmp.Or(asked, err); err != nil && err != io.EOF || line != "ok\n" {
			return nil, fmt.Errorf("%v, it said %q", err, line)
		}
		return os.ReadFile(filepath.Join(r.dir, last))
	}
	return &way{name: name, batch: batch, make: work, process: cmd.Process}
}
