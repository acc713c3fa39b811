package desired

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/api/strict"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/settings"
)

// Limits of files. Aliases count as what they stand for.
const (
	MaxSize  = 16 << 20 // bytes
	maxNodes = 1 << 18
	maxDepth = 16
)

// A Mistake is something wrong in a line of a file.
type Mistake struct {
	Line   int
	Field  string // its path, for example domains/0/imap; may be empty
	Detail string
}

// Error says where the mistake is and how to fix it.
func (m Mistake) Error() string {
	if m.Field == "" {
		return fmt.Sprintf("line %d: %s", m.Line, m.Detail)
	}
	return fmt.Sprintf("line %d: %s: %s", m.Line, m.Field, m.Detail)
}

// Mistakes are all the mistakes in a file, from the top.
type Mistakes []Mistake

// Error has a line for each mistake.
func (all Mistakes) Error() string {
	texts := make([]string, len(all))
	for i, m := range all {
		texts[i] = m.Error()
	}
	return strings.Join(texts, "\n  ")
}

// err returns the mistakes in the order of the file, or nil.
func (all Mistakes) err() error {
	if len(all) == 0 {
		return nil
	}
	slices.SortStableFunc(all, func(a, b Mistake) int { return a.Line - b.Line })
	return all
}

// Parse parses a file: YAML, which includes JSON. The error has the type
// Mistakes if lines of the file have to be fixed. A file of a newer version is
// refused whatever else it contains.
func Parse(data []byte) (*File, error) {
	root, err := document(data)
	if err != nil {
		return nil, err
	}
	if err := checkVersion(root); err != nil {
		return nil, err
	}
	r := reader{lines: lines{}}
	value := r.value("", root, maxDepth)
	if len(r.mistakes) > 0 {
		return nil, r.mistakes.err()
	}
	known, registry := schema()
	value, faults := strict.Value(registry, known, value)
	if all := r.lines.mistakes("", faults); len(all) > 0 {
		return nil, all.err()
	}
	f := &File{lines: r.lines}
	text, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(text, f)
	}
	if err != nil {
		return nil, err
	}
	if err := f.normalize(); err != nil {
		return nil, err
	}
	return f, nil
}

// document returns the only document of the file.
func document(data []byte) (*yaml.Node, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("the file has more than %d MiB", MaxSize>>20)
	}
	d := yaml.NewDecoder(bytes.NewReader(data))
	var doc, more yaml.Node
	if err := d.Decode(&doc); errors.Is(err, io.EOF) || err == nil && len(doc.Content) != 1 {
		return nil, errors.New("the file is empty; it begins with: version: 1")
	} else if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, Mistake{Line: max(more.Line, 1), Detail: "The file has more than one document. Write only one."}
	}
	return doc.Content[0], nil
}

// checkVersion refuses a file of an unknown version.
func checkVersion(root *yaml.Node) error {
	if root.Kind != yaml.MappingNode {
		return Mistakes{{Line: root.Line, Detail: "The file has no fields. It begins with: version: 1"}}
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if name, v := root.Content[i], root.Content[i+1]; name.Value == "version" {
			n, err := strconv.ParseInt(v.Value, 10, 64)
			if errors.Is(err, strconv.ErrRange) || n > Version {
				return Mistakes{{v.Line, "version", fmt.Sprintf("The file is newer than this program, which supports version %d. Update mobileconfig.", Version)}}
			}
		}
	}
	return nil
}

// lines are the lines of fields, by their JSON pointers without the first
// slash.
type lines map[string]int

// of returns the line of the field, or of the object that it would be in.
func (l lines) of(field string) int {
	for {
		line, ok := l[field]
		if ok {
			return line
		}
		i := strings.LastIndexByte(field, '/')
		if i < 0 {
			return max(l[""], 1)
		}
		field = field[:i]
	}
}

// mistakes returns the faults of the fields at the path.
func (l lines) mistakes(at string, faults []*fault.Fault) Mistakes {
	var all Mistakes
	for _, f := range faults {
		field := strings.Trim(at+"/"+f.Field, "/")
		all = append(all, Mistake{l.of(field), field, forFiles(f)})
	}
	return all
}

// forFiles returns the text of the fault, worded for a file instead of a
// request.
func forFiles(f *fault.Fault) string {
	switch {
	case f.Code == fault.UnknownField:
		return "There's no such field. Names are case-sensitive."
	case f.Detail == "Send text.":
		return "Enter text, in quotes if it looks like a number."
	case strings.HasPrefix(f.Detail, "Send this field."):
		return "Add this field. It's required."
	}
	if rest, ok := strings.CutPrefix(f.Detail, "Send "); ok {
		return "Write " + rest
	}
	return f.Detail
}

// A reader converts YAML to the types of JSON.
type reader struct {
	lines    lines
	mistakes Mistakes
	nodes    int
}

func (r *reader) refuse(line int, field, detail string) any {
	r.mistakes = append(r.mistakes, Mistake{line, field, detail})
	return nil
}

// value converts a node, whose field has the path.
func (r *reader) value(at string, n *yaml.Node, depth int) any {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	r.nodes++
	if depth == 0 || r.nodes > maxNodes {
		if len(r.mistakes) == 0 {
			r.refuse(n.Line, at, "The file is too large or too deeply nested.")
		}
		return nil
	}
	if r.lines[at] == 0 {
		r.lines[at] = n.Line
	}
	switch n.Kind {
	case yaml.MappingNode:
		return r.fields(at, n, depth-1)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, one := range n.Content {
			list[i] = r.value(below(at, strconv.Itoa(i)), one, depth-1)
		}
		return list
	}
	return r.scalar(at, n)
}

func below(at, name string) string { return strings.TrimPrefix(at+"/"+name, "/") }

func (r *reader) fields(at string, n *yaml.Node, depth int) any {
	fields := map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, v := n.Content[i], n.Content[i+1]
		if name.Kind != yaml.ScalarNode || name.ShortTag() == "!!merge" {
			return r.refuse(name.Line, at, "Enter a name in front of the colon. Merging with << isn't supported.")
		}
		if _, twice := fields[name.Value]; twice {
			return r.refuse(name.Line, at, "This field is here twice. Remove one.")
		}
		field := below(at, name.Value)
		r.lines[field] = name.Line
		fields[name.Value] = r.value(field, v, depth)
	}
	return fields
}

func (r *reader) scalar(at string, n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
	case "!!int", "!!float":
		var whole int64
		if n.Decode(&whole) == nil {
			return json.Number(strconv.FormatInt(whole, 10))
		}
		return json.Number(n.Value)
	case "!!str", "!!timestamp":
		return n.Value
	}
	return r.refuse(n.Line, at, "Enter text, a number, true or false.")
}

// normalize converts all settings to the form in which the API shows them. The
// error has the ones that are invalid.
func (f *File) normalize() error {
	all := slices.Concat(f.normalizeHosts(), f.normalizePolicies(), f.normalizeDomains(), f.normalizeWebhooks())
	return all.err()
}

// A seen remembers what has been seen before.
type seen map[string]string

// again returns a mistake if another object in the file has the same name.
func (s seen) again(f *File, field, name string) Mistakes {
	if first, ok := s[name]; ok {
		return Mistakes{{f.lines.of(field), field, fmt.Sprintf("Line %d has the same. Remove one.", f.lines.of(first))}}
	}
	s[name] = field
	return nil
}

func (f *File) normalizeHosts() (all Mistakes) {
	before := seen{}
	for i, text := range f.ApprovedHosts {
		field := "approved_hosts/" + strconv.Itoa(i)
		pattern, err := settings.ParseHostPattern(text)
		if err != nil {
			all = append(all, Mistake{f.lines.of(field), field, fmt.Sprintf("This can't be approved: %s.", err)})
			continue
		}
		f.ApprovedHosts[i] = pattern
		all = append(all, before.again(f, field, pattern)...)
	}
	return all
}

func (f *File) normalizePolicies() (all Mistakes) {
	before := seen{}
	for i, p := range f.Policies {
		at := "policies/" + strconv.Itoa(i)
		p, err := p.Normal()
		f.Policies[i] = p
		all = append(all, f.lines.mistakes(at, fault.All(err))...)
		if err != nil {
			continue
		}
		if p.Name == StandardPolicy {
			all = append(all, Mistake{f.lines.of(at + "/name"), at + "/name", "This name stands for the standard policy in domains. Choose another name."})
		}
		all = append(all, before.again(f, at+"/name", p.Name)...)
	}
	return all
}

func (f *File) normalizeDomains() (all Mistakes) {
	before := seen{}
	for i := range f.Domains {
		d, at := &f.Domains[i], "domains/"+strconv.Itoa(i)
		kept := d.Metadata == nil
		var err error
		d.DomainSettings, err = d.Normal()
		if kept {
			d.Metadata = nil
		}
		if d.DevicePolicy = profile.Plain(d.DevicePolicy); d.DevicePolicy == "" {
			d.DevicePolicy = StandardPolicy
		}
		all = append(all, f.lines.mistakes(at, fault.All(err))...)
		name, err := profile.ParseHost(d.Name)
		if err != nil {
			all = append(all, Mistake{f.lines.of(at + "/name"), at + "/name", fmt.Sprintf("This isn't a valid email domain: %s.", err)})
			continue
		}
		d.Name = name
		all = append(all, before.again(f, at+"/name", name)...)
	}
	return all
}

func (f *File) normalizeWebhooks() (all Mistakes) {
	before := seen{}
	for i, w := range f.Webhooks {
		at := "webhooks/" + strconv.Itoa(i)
		w, err := w.Normal()
		f.Webhooks[i] = w
		all = append(all, f.lines.mistakes(at, fault.All(err))...)
		if err == nil {
			all = append(all, before.again(f, at+"/url", w.URL)...)
		}
	}
	return all
}
