package lint

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// A Comparison says what a device would see of a profile that differs from
// another one. Like a [Report] it can be shown anywhere, and holds no secrets.
type Comparison struct {
	// Replaces says that the second profile takes the place of the first one on a
	// device, by its identifier. If not, the device keeps both.
	Replaces bool `json:"replaces"`
	// Signers are the subjects of both signers; nil where nobody signed, and empty
	// where the certificate isn't inside.
	Signers [2]*string `json:"signers"`
	// SameSigner says that both were signed with the same certificate, or neither
	// was signed. Where it isn't so, a device may refuse to replace a signed
	// profile that a person installed by hand.
	SameSigner bool     `json:"same_signer"`
	Changes    []Change `json:"changes"`
}

// A Change is a key whose value differs.
type Change struct {
	Path string `json:"path"`
	// Old and New are the values; nil where the key is absent.
	Old *string `json:"old"`
	New *string `json:"new"`
}

// Same reports whether a device would see no difference.
func (c *Comparison) Same() bool { return c.Replaces && c.SameSigner && len(c.Changes) == 0 }

// Diff compares two profiles, signed or not. The order of keys and of payloads,
// and how the files are written, count for nothing. An error means that one of
// them can't be read: it says so, as "the first profile" or "the second profile".
func Diff(first, second []byte) (*Comparison, error) {
	var sides [2]side
	for n, data := range [][]byte{first, second} {
		s, err := read(data)
		if err != nil {
			return nil, fmt.Errorf("the %s profile: %w", []string{"first", "second"}[n], err)
		}
		sides[n] = s
	}
	a, b := sides[0], sides[1]
	id := a.root.string("PayloadIdentifier")
	c := &Comparison{
		Replaces: id != "" && id == b.root.string("PayloadIdentifier"), Signers: [2]*string{a.signer, b.signer},
		SameSigner: (a.signer == nil) == (b.signer == nil) && bytes.Equal(a.certificate, b.certificate), Changes: []Change{},
	}
	old, now := leaves(&a.root), leaves(&b.root)
	paths := maps.Clone(old)
	maps.Copy(paths, now)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if was, is := old[path], now[path]; was == nil || is == nil || !was.same(is) {
			c.Changes = append(c.Changes, Change{shown(path, maxPath), was.text(is), is.text(was)})
		}
	}
	return c, nil
}

// maxPath is how many runes of a path are shown.
const maxPath = 400

// A side is one of two profiles.
type side struct {
	root        value
	signer      *string
	certificate []byte
}

func read(data []byte) (side, error) {
	if len(data) > MaxSize {
		return side{}, fmt.Errorf("it is larger than %d bytes; no profile is", MaxSize)
	}
	i := &inspector{report: &Report{}, at: time.Unix(0, 0)}
	root, err := i.open(data)
	s := side{root: root, certificate: i.certificate}
	switch {
	case i.report.Signer != nil:
		s.signer = &i.report.Signer.Subject
	case i.report.Signed:
		s.signer = new(string)
	}
	return s, err
}

// A leaf is a value without others in it.
type leaf struct {
	value  *value
	secret bool
}

// leaves are the values of a profile by their paths. A payload has its
// identifier in the path, so that it is found wherever it stands.
func leaves(root *value) map[string]*leaf {
	all := map[string]*leaf{}
	var walk func(v *value, path string, secret bool)
	walk = func(v *value, path string, secret bool) {
		switch {
		case v.kind == dict && len(v.fields) > 0:
			for n := range v.fields {
				f := &v.fields[n]
				walk(&f.value, strings.TrimPrefix(path+"."+f.key, "."), secret || isSecret(f.key, &f.value))
			}
		case v.kind == array && len(v.items) > 0:
			for n, name := range namesOf(v) {
				walk(&v.items[n], path+"."+name, secret)
			}
		default:
			all[path] = &leaf{v, secret}
		}
	}
	walk(root, "", false)
	return all
}

// namesOf are what the items of a list are called: the identifiers of payloads,
// and the place where there is none, or another one has it.
func namesOf(list *value) []string {
	count := map[string]int{}
	for n := range list.items {
		count[list.items[n].string("PayloadIdentifier")]++
	}
	names := make([]string, len(list.items))
	for n := range list.items {
		names[n] = strconv.Itoa(n)
		if id := list.items[n].string("PayloadIdentifier"); id != "" && count[id] == 1 {
			names[n] = "[" + id + "]"
		}
	}
	return names
}

// same reports whether a device reads the same.
func (l *leaf) same(other *leaf) bool {
	a, b := l.value, other.value
	if a.kind != b.kind || a.bad != b.bad {
		return false
	}
	switch {
	case a.bad:
		return a.raw == b.raw
	case a.kind == text:
		return a.text == b.text
	case a.kind == integer, a.kind == real:
		return a.whole == b.whole && a.n == b.n && a.real == b.real
	case a.kind == boolean:
		return a.truth == b.truth
	case a.kind == date:
		return a.time.Equal(b.time)
	case a.kind == data:
		return bytes.Equal(a.data, b.data)
	}
	return true // an empty dict or array
}

// text shows a value beside the one that it is compared with; nil if there is
// none.
func (l *leaf) text(other *leaf) *string {
	if l == nil {
		return nil
	}
	v, out := l.value, ""
	switch {
	case l.secret || other != nil && other.secret:
		out = "(a secret)"
	case v.kind == text:
		out = quoted(v.text)
	case v.kind == boolean && !v.bad:
		out = strconv.FormatBool(v.truth)
	case v.kind == data:
		out = fmt.Sprintf("(%d bytes)", len(v.data))
	case v.kind == dict, v.kind == array:
		out = "(empty)"
	default:
		out = shown(v.raw, maxShown)
	}
	return &out
}

// Print writes c for a person to read.
func (c *Comparison) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if c.Replaces {
		fmt.Fprintln(w, "On a device\tthe second profile replaces the first: the identifiers are the same")
	} else {
		fmt.Fprintln(w, "On a device\tthe second profile stands beside the first: the identifiers differ")
	}
	signer := func(n int) string {
		if c.Signers[n] == nil {
			return "nobody"
		}
		return cmp.Or(*c.Signers[n], "unknown")
	}
	switch {
	case c.SameSigner:
		fmt.Fprintf(w, "Signed by\t%s, both\n", signer(0))
	default:
		fmt.Fprintf(w, "Signed by\t%s, then %s, with another certificate\n", signer(0), signer(1))
		fmt.Fprintln(w, "\tA device may refuse it in the place of a signed profile that was installed by hand.")
	}
	fmt.Fprintf(w, "Differences\t%d\n", len(c.Changes))
	if err := w.Flush(); err != nil {
		return err
	}
	for _, change := range c.Changes {
		var err error
		switch {
		case change.Old == nil:
			_, err = fmt.Fprintf(out, "\n+ %s\n  %s\n", change.Path, *change.New)
		case change.New == nil:
			_, err = fmt.Fprintf(out, "\n- %s\n  %s\n", change.Path, *change.Old)
		default:
			_, err = fmt.Fprintf(out, "\n~ %s\n  %s\n  %s\n", change.Path, *change.Old, *change.New)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
