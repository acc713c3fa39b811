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

// A Comparison lists the differences between two profiles that a device would
// see. Like a [Report], it contains no secrets and can be shown anywhere.
type Comparison struct {
	// Replaces means that the second profile replaces the first one on a
	// device, because they have the same identifier. Otherwise the device keeps
	// both.
	Replaces bool `json:"replaces"`
	// Signers are the subjects of both signers: nil for an unsigned profile,
	// and empty if the certificate is missing.
	Signers [2]*string `json:"signers"`
	// SameSigner means that both are signed with the same certificate, or both
	// unsigned. Otherwise a device may refuse to replace a signed profile that
	// a person installed.
	SameSigner bool     `json:"same_signer"`
	Changes    []Change `json:"changes"`
}

// A Change is a key whose value differs.
type Change struct {
	Path string `json:"path"`
	// Old and New are the values; nil if the key is absent.
	Old *string `json:"old"`
	New *string `json:"new"`
}

// Same reports whether a device would see no difference.
func (c *Comparison) Same() bool { return c.Replaces && c.SameSigner && len(c.Changes) == 0 }

// Diff compares two profiles, signed or not. The order of keys and payloads and
// the file format don't matter. An error means that one of the files can't be
// read; it names it as "the first profile" or "the second profile".
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
	c.compare(&a.root, &b.root, nil, false)
	return c, nil
}

// A side is one of the two profiles.
type side struct {
	root        value
	signer      *string
	certificate []byte
}

func read(data []byte) (side, error) {
	if len(data) > MaxSize {
		return side{}, fmt.Errorf("it's larger than %d bytes, too large for a profile", MaxSize)
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

// compare adds the changes from a to b. Either may be nil.
func (c *Comparison) compare(a, b *value, at *place, secret bool) {
	was, is := a.parts(), b.parts()
	if a != nil && b != nil && a.kind != b.kind && (was != nil || is != nil) {
		c.compare(a, nil, at, secret)
		c.compare(nil, b, at, secret)
		return
	}
	names := slices.Concat(slices.Collect(maps.Keys(was)), slices.Collect(maps.Keys(is)))
	if len(names) == 0 && (a == nil || b == nil || !a.same(b)) {
		c.Changes = append(c.Changes, Change{pathOf(at), a.formatted(secret), b.formatted(secret)})
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		hidden := secret || was[name].hidden(name) || is[name].hidden(name)
		c.compare(was[name], is[name], at.at(name), hidden)
	}
}

// hidden reports whether the value of a key is a secret. It may be nil.
func (v *value) hidden(key string) bool { return v != nil && isSecret(key, v) }

// parts returns the values in a dict by key, or in an array by name: payloads
// by their identifiers, regardless of order. It's nil for other values, and for
// nil.
func (v *value) parts() map[string]*value {
	if v == nil || v.kind != dict && v.kind != array {
		return nil
	}
	all := map[string]*value{}
	for n := range v.fields {
		all[v.fields[n].key] = &v.fields[n].value
	}
	count := map[string]int{}
	for n := range v.items {
		count[v.items[n].string("PayloadIdentifier")]++
	}
	for n := range v.items {
		name := strconv.Itoa(n)
		if id := v.items[n].string("PayloadIdentifier"); id != "" && count[id] == 1 {
			name = "[" + id + "]"
		}
		all[name] = &v.items[n]
	}
	return all
}

// pathOf formats the location of a change.
func pathOf(at *place) string {
	if at == nil {
		return ""
	}
	return strings.TrimPrefix(pathOf(at.in)+"."+shown(at.key, maxShown), ".")
}

// same reports whether a device reads two values the same way, not counting
// nested values.
func (v *value) same(other *value) bool {
	if v.kind != other.kind || v.bad != other.bad {
		return false
	}
	switch {
	case v.bad:
		return v.raw == other.raw
	case v.kind == integer, v.kind == real:
		return v.whole == other.whole && v.n == other.n && v.real == other.real
	case v.kind == date:
		return v.time.Equal(other.time)
	}
	return v.text == other.text && v.truth == other.truth && bytes.Equal(v.data, other.data)
}

// formatted formats a value without nested ones. It returns nil if there is none.
func (v *value) formatted(secret bool) *string {
	if v == nil {
		return nil
	}
	out := ""
	switch {
	case secret:
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

// Print writes c for people.
func (c *Comparison) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if c.Replaces {
		fmt.Fprintln(w, "On a device\tthe second profile replaces the first: the identifiers are the same")
	} else {
		fmt.Fprintln(w, "On a device\tthe device keeps both profiles: the identifiers differ")
	}
	signer := func(n int) string {
		if c.Signers[n] == nil {
			return "no one"
		}
		return cmp.Or(*c.Signers[n], "unknown")
	}
	switch {
	case c.SameSigner:
		fmt.Fprintf(w, "Signed by\t%s, both\n", signer(0))
	default:
		fmt.Fprintf(w, "Signed by\t%s, then %s, with another certificate\n", signer(0), signer(1))
		fmt.Fprintln(w, "\tA device may refuse to replace a signed profile that was installed manually.")
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
