package gate_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"io"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/signing/gate"
)

// TestPythonReadsTheSame passes thousands of mutated profiles to the gate.
// Python's plistlib reads those that are cleared, and they must match the terms
// exactly.
func TestPythonReadsTheSame(t *testing.T) { readMutants(t, 1, 20_000) }

// TestPythonSees checks that the comparison finds differences, using a good
// profile with the terms of another.
func TestPythonSees(t *testing.T) {
	python := startPython(t)
	all := profiles()
	for name, profile := range all {
		if got := python.read(facts(profile), encode(t, profile)); got != "ok" {
			t.Errorf("%s: %s", name, got)
		}
		for key, value := range map[string]any{"login": "bea", "address": "bea@post.example.de", "organization": "Evil", "name": "Bea", "servers": []any{}, "remove_after": 7200.0} {
			terms := facts(profile)
			device := strings.HasPrefix(name, "mac-device") || strings.HasPrefix(name, "mac-strict")
			if terms[key] = value; device && (key == "login" || key == "name" || key == "servers") {
				continue // there is no account
			}
			if got := python.read(terms, encode(t, profile)); got == "ok" {
				t.Errorf("%s: a different %s isn't detected", name, key)
			}
		}
	}
}

// readMutants passes n mutants to the gate, chosen by the seed.
func readMutants(t *testing.T, seed uint64, n int) {
	t.Helper()
	python := startPython(t)
	m := newMutator(t, seed)
	cleared, changed, same := 0, 0, map[string]bool{}
	for range n {
		name, mutant := m.next()
		if _, err := gate.Check(mutant, m.terms[name]); err != nil {
			continue
		}
		cleared++
		if bytes.Equal(mutant, m.good[name]) {
			if same[name] {
				continue
			}
			same[name] = true
		} else {
			changed++
		}
		if got := python.read(m.facts[name], mutant); got != "ok" {
			t.Fatalf("seed %d: a mutant of %s is cleared, but another reader says %s:\n%s", seed, name, got, mutant)
		}
	}
	t.Logf("%d of %d mutants cleared, %d of them changed", cleared, n, changed)
	if changed == 0 || len(same) == 0 {
		t.Error("no mutant was cleared: nothing was compared with the other reader")
	}
}

// A python is a process that reads cleared profiles.
type python struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

func startPython(t *testing.T) *python {
	t.Helper()
	cmd := exec.Command("python3", "testdata/reader.py")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skip("no python3")
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &python{t, in, bufio.NewReader(out)}
}

// read returns "ok" if the profile matches the terms.
func (p *python) read(terms map[string]any, profile []byte) string {
	p.t.Helper()
	text, err := json.Marshal(terms)
	if err != nil {
		p.t.Fatal(err)
	}
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(len(text))), uint32(len(profile)))
	if _, err := p.in.Write(slices.Concat(head, text, profile)); err != nil {
		p.t.Fatal(err)
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\n")
}

// facts returns entitled(profile) for the other reader.
func facts(profile dict) map[string]any {
	t := entitled(profile)
	var servers []any
	for _, s := range t.Servers {
		servers = append(servers, []any{s.Use, s.Host, s.Port})
	}
	payloads := map[string]any{}
	for _, payload := range profile["PayloadContent"].([]any) {
		d := payload.(dict)
		titles := []string{"", "", ""}
		for key, value := range d {
			text, _ := value.(string)
			switch {
			case key == "PayloadDisplayName":
				titles[0] = text
			case key == "PayloadDescription":
				titles[1] = text
			case strings.HasSuffix(key, "AccountDescription"):
				titles[2] = text
			}
		}
		payloads[d["PayloadType"].(string)] = titles
	}
	description, _ := profile["PayloadDescription"].(string)
	on := ""
	if !t.RemoveOn.IsZero() {
		on = t.RemoveOn.Format("2006-01-02T15:04:05")
	}
	return map[string]any{
		"address": t.Address, "name": t.PersonName, "login": t.Login, "organization": t.Organization, "servers": servers, "policy": t.Policy,
		"remove_on": on, "remove_after": t.RemoveAfter.Seconds(),
		"texts": map[string]any{"name": profile["PayloadDisplayName"], "description": description, "consent": profile["ConsentText"], "payloads": payloads},
	}
}

// A mutator creates profiles that are almost good.
type mutator struct {
	random *rand.Rand
	names  []string
	good   map[string][]byte
	lines  map[string][][]byte
	terms  map[string]gate.Terms
	facts  map[string]map[string]any
}

func newMutator(t *testing.T, seed uint64) *mutator {
	t.Helper()
	m := &mutator{
		random: rand.New(rand.NewPCG(seed, 0)), good: map[string][]byte{}, lines: map[string][][]byte{},
		terms: map[string]gate.Terms{}, facts: map[string]map[string]any{},
	}
	for name, profile := range profiles() {
		m.names = append(m.names, name)
		m.good[name] = encode(t, profile)
		m.lines[name] = bytes.SplitAfter(m.good[name], []byte("\n"))
		m.terms[name], m.facts[name] = entitled(profile), facts(profile)
	}
	slices.Sort(m.names)
	return m
}

// next returns a mutant of the named profile, changed in one to three places.
func (m *mutator) next() (string, []byte) {
	name := m.names[m.random.IntN(len(m.names))]
	mutant := bytes.Clone(m.good[name])
	for range 1 + m.random.IntN(3) {
		mutant = m.change(mutant)
	}
	return name, mutant
}

var (
	numbers = regexp.MustCompile(`<integer>[0-9]+`)
	// spellings are texts that a lenient reader may take for something else.
	spellings = []string{
		"&#65;", "&#x41;", "&amp;", "&lt;", "&quot;", "&#34;", "<!-- -->", "<![CDATA[a]]>", "<?a b?>", " ", "\t", "\n", "\r\n", "\x00", "\u00a0", "\u200b", "\ufeff",
		"<true/>", "<false/>", "<string>", "</string>", "<string/>", "<key>", "</key>", "<dict>", "</dict>", "<array>", "</array>", "<integer>1</integer>", "<data></data>",
		"<key>IncomingPassword</key>\n\t\t\t\t<string>x</string>\n", "<key>PayloadType</key>\n\t\t\t\t<string>com.apple.security.root</string>\n", "0", "-", "+", "1e1", "é", "\xff",
	}
)

// change makes one change.
func (m *mutator) change(data []byte) []byte {
	if len(data) == 0 {
		return data
	}
	at := m.random.IntN(len(data))
	switch m.random.IntN(9) {
	case 0: // another byte
		data[at] = byte(m.random.IntN(256))
	case 1: // one byte less
		return slices.Delete(data, at, at+1)
	case 2: // something put in
		return slices.Insert(data, at, []byte(spellings[m.random.IntN(len(spellings))])...)
	case 3, 4: // another number
		if all := numbers.FindAllIndex(data, -1); len(all) > 0 {
			place := all[m.random.IntN(len(all))]
			return slices.Replace(data, place[0]+len("<integer>"), place[1], strconv.AppendInt(nil, int64(m.random.IntN(20)), 10)...)
		}
	case 5: // a line or more of another profile put in, or in the place of one
		other := m.lines[m.names[m.random.IntN(len(m.names))]]
		from := m.random.IntN(len(other))
		piece := bytes.Join(other[from:min(len(other), from+1+m.random.IntN(4))], nil)
		start := bytes.LastIndexByte(data[:at], '\n') + 1
		end := start
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 && m.random.IntN(2) == 0 {
			end = at + i + 1
		}
		return slices.Replace(data, start, end, piece...)
	case 6: // key and value twice or not at all
		lines := bytes.SplitAfter(data, []byte("\n"))
		i := m.random.IntN(len(lines))
		j := min(len(lines), i+1+m.random.IntN(2))
		if m.random.IntN(2) == 0 {
			return bytes.Join(slices.Concat(lines[:j], lines[i:]), nil)
		}
		return bytes.Join(slices.Concat(lines[:i], lines[j:]), nil)
	case 7: // true for false and the reverse
		return bytes.Replace(data, []byte("<true/>"), []byte("<false/>"), 1)
	case 8: // nothing
	}
	return data
}
