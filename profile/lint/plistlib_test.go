package lint_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/lint"
)

// oracle reads length-prefixed property lists from standard input, and writes
// the nodes of each: paths and values.
const oracle = `
import plistlib, struct, sys

def flat(v, path, out):
    if isinstance(v, dict):
        out.append((path, "dict %d" % len(v)))
        for k in v:
            flat(v[k], path + "/" + k.encode("utf-8").hex(), out)
    elif isinstance(v, list):
        out.append((path, "array %d" % len(v)))
        for n, item in enumerate(v):
            flat(item, path + "/%d" % n, out)
    elif isinstance(v, str):
        out.append((path, "string " + v.encode("utf-8").hex()))
    elif isinstance(v, bool):
        out.append((path, "boolean " + ("true" if v else "false")))
    elif isinstance(v, int):
        out.append((path, "integer %d" % v))
    elif isinstance(v, float):
        out.append((path, "real nan" if v != v else "real " + struct.pack(">d", v).hex()))
    elif isinstance(v, bytes):
        out.append((path, "data " + v.hex()))
    else:
        out.append((path, "date " + v.strftime("%Y").zfill(4) + v.strftime("-%m-%dT%H:%M:%S")))

while True:
    head = sys.stdin.buffer.read(4)
    if not head:
        break
    document = sys.stdin.buffer.read(struct.unpack(">I", head)[0])
    out = []
    try:
        flat(plistlib.loads(document, fmt=plistlib.FMT_XML), "", out)
    except Exception as e:
        print("error", type(e).__name__, str(e).replace("\n", " "))
        continue
    print("nodes", len(out))
    for path, value in out:
        print(path + "\t" + value)
`

// A reading is plistlib's result for a document: nodes, or an error.
type reading struct {
	nodes map[string]string
	err   string
}

// plistlib reads the documents with Python.
func plistlib(t *testing.T, documents [][]byte) []reading {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("MOBILECONFIG_TEST_ALL") == "1" {
			t.Fatal("python3 is missing, and MOBILECONFIG_TEST_ALL is 1")
		}
		t.Skip("no python3")
	}
	var in bytes.Buffer
	for _, d := range documents {
		in.Write(binary.BigEndian.AppendUint32(nil, uint32(len(d))))
		in.Write(d)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", oracle)
	cmd.Stdin, cmd.Stderr = &in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	readings := parseReadings(t, bytes.NewReader(out))
	if len(readings) != len(documents) {
		t.Fatalf("%d answers to %d documents", len(readings), len(documents))
	}
	return readings
}

func parseReadings(t *testing.T, r io.Reader) (list []reading) {
	t.Helper()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		if kind == "error" {
			list = append(list, reading{err: rest})
			continue
		}
		n, err := strconv.Atoi(rest)
		if err != nil {
			t.Fatalf("plistlib answers %q", lines.Text())
		}
		one := reading{nodes: map[string]string{}}
		for range n {
			lines.Scan()
			path, value, _ := strings.Cut(lines.Text(), "\t")
			one.nodes[path] = value
		}
		list = append(list, one)
	}
	return list
}

// A difference is a document or node that this package and plistlib read
// differently.
type difference struct {
	ours, theirs string // an error with the prefix "error ", or the value of the node
	document     []byte
}

// A reason explains why this package intentionally differs from plistlib.
type reason struct {
	why  string
	fits func(d difference) bool
}

// unreadable are documents that this package refuses with the error, and
// plistlib reads.
func unreadable(why, part string) reason {
	return reason{why, func(d difference) bool {
		return strings.HasPrefix(d.ours, "error ") && strings.Contains(d.ours, part) && !strings.HasPrefix(d.theirs, "error ")
	}}
}

// malformed are values that this package reports as malformed, and plistlib
// reads.
func malformed(why, kind string) reason {
	return reason{why, func(d difference) bool {
		return strings.HasPrefix(d.ours, "!"+kind+" ") && d.theirs != "" && !strings.HasPrefix(d.theirs, "error ")
	}}
}

// prolog are documents that plistlib refuses with the error, because of
// something before the first element, and this package reads, because it
// doesn't affect the profile.
func prolog(why, part string) reason {
	return reason{why, func(d difference) bool {
		if d.ours != "read" || !strings.Contains(d.theirs, part) {
			return false
		}
		line, column := 0, 0
		if _, err := fmt.Sscanf(d.theirs[strings.LastIndex(d.theirs, "line "):], "line %d, column %d", &line, &column); err != nil {
			return false
		}
		text := string(d.document)
		offset := column
		for range line - 1 {
			n := strings.IndexByte(text[offset-column:], '\n') + 1
			offset += n
		}
		first := regexp.MustCompile("<[a-z]").FindStringIndex(text)
		return first != nil && offset <= first[0]
	}}
}

// lenient are documents that plistlib refuses with the error, and this package
// reads.
func lenient(why, part string) reason {
	return reason{why, func(d difference) bool { return d.ours == "read" && strings.Contains(d.theirs, part) }}
}

// reasons are all the ways in which this package differs from plistlib.
var reasons = []reason{
	malformed("Apple's parser accepts one date format; plistlib accepts shorter ones and trailing text", "date"),
	malformed("plistlib skips what isn't base64; here it's reported as a mistake", "data"),
	malformed("plistlib accepts underscores, digits of other scripts and any size", "integer"),
	malformed("plistlib accepts underscores, and turns large numbers into infinity", "real"),
	malformed("plistlib ignores text inside true and false", "boolean"),
	{"an integer that only fits 64 bits unsigned counts as the largest signed one", func(d difference) bool {
		n, err := strconv.ParseUint(strings.TrimPrefix(d.theirs, "integer "), 10, 64)
		return d.ours == "integer 9223372036854775807" && err == nil && n > math.MaxInt64
	}},

	unreadable("plistlib drops text between elements", "there is text between the elements"),
	unreadable("plistlib treats the text before an element inside a text as the element's", "an element is inside the text of another"),
	unreadable("plistlib ignores unknown elements", "there is an element that property lists don't have"),
	unreadable("plistlib ignores them before a key, too", "a value has no key"),
	unreadable("plistlib ignores elements inside a key", "a key has no value"),
	unreadable("plistlib doesn't support namespaces", "an element has a namespace"),
	unreadable("plistlib keeps the last of several values", "there is more than one value"),
	unreadable("a profile must be a dict; a property list may be anything", "the property list isn't a dict"),
	unreadable("plistlib only refuses entity declarations", "the DOCTYPE has declarations"),
	unreadable("plistlib drops undeclared entities", "there is an entity other than XML's five"),
	unreadable("a profile must be UTF-8; plistlib converts other encodings", "it declares an encoding other than"),
	unreadable("plistlib reads XML 1.1 as if it were 1.0", "it declares an XML version other than"),
	unreadable("files are read to a limited depth", "it's nested deeper than"),

	lenient("attributes are ignored, even repeated ones", "duplicate attribute"),
	lenient("whitespace around a hexadecimal integer is harmless", "invalid literal for int() with base 10: ' 0x10'"),
	lenient("something precedes the XML declaration", "XML or text declaration not at start of entity"),
	lenient("the XML declaration is odd", "XML declaration not well-formed"),
	prolog("the line of the DOCTYPE is odd, or CDATA is before the first element", "syntax error"),
	prolog("the XML declaration or the DOCTYPE has an odd character", "not well-formed (invalid token)"),
	prolog("the DOCTYPE has an odd character in its public identifier", "illegal character(s) in public id"),
	{"a file declared as US-ASCII is read as UTF-8", func(d difference) bool {
		return d.ours == "read" && strings.Contains(d.theirs, "invalid token") && bytes.Contains(d.document, []byte("us-ascii"))
	}},
}

// compare returns the differences between two readings of a document.
func compare(document []byte, theirs reading) (list []difference) {
	nodes, flawed, err := lint.Flat(document)
	switch {
	case err != nil && theirs.err != "":
		return nil
	case err != nil:
		return []difference{{"error " + err.Error(), "read", document}}
	case theirs.err != "":
		if flawed {
			return nil // both refuse it, this package with a finding
		}
		return []difference{{"read", "error " + theirs.err, document}}
	}
	for path := range maps.Keys(theirs.nodes) {
		if _, ok := nodes[path]; !ok {
			nodes[path] = ""
		}
	}
	for path, ours := range nodes {
		if ours != theirs.nodes[path] {
			list = append(list, difference{ours, theirs.nodes[path], document})
		}
	}
	return list
}

// differ compares this package with plistlib on count generated documents.
func differ(t *testing.T, seed uint64, count int) {
	t.Helper()
	used := map[string]int{}
	read, refused, same := 0, 0, 0
	for done := 0; done < count; {
		n := min(count-done, 1000)
		documents := make([][]byte, n)
		for k := range documents {
			documents[k] = generate(seed, uint64(done+k))
		}
		for k, theirs := range plistlib(t, documents) {
			if theirs.err == "" {
				read++
			} else {
				refused++
			}
			differences := compare(documents[k], theirs)
			if len(differences) == 0 {
				same++
			}
			for _, d := range differences {
				n := slices.IndexFunc(reasons, func(r reason) bool { return r.fits(d) })
				if n < 0 {
					t.Errorf("document %d of seed %d: for no listed reason it is %.200q here and %.200q to plistlib:\n%.3000q", done+k, seed, d.ours, d.theirs, d.document)
					continue
				}
				used[reasons[n].why]++
			}
		}
		done += n
	}
	t.Logf("%d documents: plistlib reads %d and refuses %d; %d are the same here", count, read, refused, same)
	for _, r := range reasons {
		t.Logf("%6d × %s", used[r.why], r.why)
		if used[r.why] == 0 && count >= 10_000 {
			t.Errorf("no document differs for this reason: %s", r.why)
		}
	}
	if same < count/2 || read < count/4 || refused < count/10 {
		t.Error("the documents are too similar")
	}
}

// TestPlistlib checks that generated documents are read like Python's plistlib
// reads them, or differently for a listed reason.
func TestPlistlib(t *testing.T) { differ(t, 1, 1000) }
