package gate

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// A need says whether a key is required.
type need int

const (
	optional need = iota
	required
	encrypted // required, and any fault means that TLS is off
)

// A rule is the rule for one key of a dict.
type rule struct {
	key  string
	need need
	kind kind
	// want returns the only allowed value, as written, according to the terms.
	// If it's empty, the key must be absent. Nil: only check decides.
	want func(*checker) string
	// code is the refusal if the value isn't the wanted one.
	code Code
	// check checks a value further, or reads it if it's a dict or an array.
	check check

	token string // the text from the key to its value's content; see compile
}

// A check checks the value of a key.
type check func(*checker, value) *Refusal

// A table describes a dict: its rules, sorted by key.
type table struct {
	indent string // before the keys of the dict
	end    string // the line that closes it
	rules  []rule
}

// A payloadKind is a payload that may be signed. Each has its own file.
type payloadKind struct {
	payloadType string
	suffix      string // of its identifier, behind that of the file
	// needsAccount means that it's only signed together with an account before it.
	needsAccount bool
	// policy means that it affects the whole device. It needs the terms'
	// permission and a consent text, and a Mac needs a separate file for it.
	policy bool
	// declared means that the policy is written as declarations. The terms
	// require either this form or the other.
	declared bool
	rules    []rule // without those of every payload
	// fit checks rules across keys. May be nil.
	fit func(*checker) *Refusal
}

// kinds are the payloads that are signed, in their order in a file.
func kinds() []payloadKind {
	return []payloadKind{mailKind(), calendarKind(), contactsKind(), policyKind(), declaredKind()}
}

// commonRules are those of the file and of every payload.
func commonRules(payloadType string) []rule {
	return []rule{
		{key: "PayloadIdentifier", need: required, kind: text, want: func(c *checker) string { return c.own }, code: Identifier},
		{key: "PayloadType", need: required, kind: text, want: exactly(payloadType), code: PayloadType},
		{key: "PayloadUUID", need: required, kind: text, want: func(c *checker) string { return identity(c.own) }, code: UUID},
		{key: "PayloadVersion", need: required, kind: integer, check: between(WrongValue, 1, 1)},
	}
}

// titleRules are those of every payload.
func titleRules() []rule {
	return []rule{
		{key: "PayloadDescription", kind: prose, want: func(c *checker) string { return c.titles.Description }, code: DisplayText},
		{key: "PayloadDisplayName", need: required, kind: text, want: func(c *checker) string { return c.titles.Name }, code: DisplayText},
	}
}

// A tableSet has all tables.
type tableSet struct {
	top      table
	payloads []payloadTable
}

type payloadTable struct {
	payloadKind
	table table
}

// tables are created for the first profile.
var tables = sync.OnceValue(func() *tableSet { return compile(kinds()) })

// compile merges the rules of each dict and prepares the texts that the reader
// looks for.
func compile(kinds []payloadKind) *tableSet {
	set := &tableSet{top: newTable(2, topRules(), commonRules("Configuration"))}
	for _, k := range kinds {
		set.payloads = append(set.payloads, payloadTable{k, newTable(4, k.rules, titleRules(), commonRules(k.payloadType))})
	}
	return set
}

// newTable merges the lists of rules for a dict whose keys are indented by this
// many tabs.
func newTable(tabs int, lists ...[]rule) table {
	indent := strings.Repeat("\t", tabs)
	t := table{indent: indent, end: indent[1:] + "</dict>\n", rules: slices.Concat(lists...)}
	slices.SortFunc(t.rules, func(a, b rule) int { return strings.Compare(a.key, b.key) })
	for i, r := range t.rules {
		token := indent + "<key>" + r.key + "</key>"
		if r.kind != boolean {
			token += "\n" + indent + elements[r.kind].open
		}
		t.rules[i].token = token
	}
	return t
}

// absent refuses a dict without the key, unless it's optional.
func (r *rule) absent(c *checker) *Refusal {
	if r.need == optional && (r.want == nil || r.want(c) == "") {
		return nil
	}
	code := r.fault(MissingKey)
	if r.need == optional {
		code = r.code
	}
	return refuse(code, "The key must be present.").in(r.key)
}

// fault returns the code for a key that is absent or has the wrong type.
func (r *rule) fault(code Code) Code {
	if r.need == encrypted {
		return TLSOff
	}
	return code
}

// exactly is the want of a fixed text.
func exactly(text string) func(*checker) string { return func(*checker) string { return text } }

// between allows numbers from low to high.
func between(code Code, low, high int) check {
	detail := fmt.Sprintf("The number must be from %d to %d.", low, high)
	return func(_ *checker, v value) *Refusal { return unless(low <= v.n && v.n <= high, code, detail) }
}

func isTrue(code Code) check {
	return func(_ *checker, v value) *Refusal { return unless(v.n == 1, code, "The value must be true.") }
}

func isFalse(code Code) check {
	return func(_ *checker, v value) *Refusal { return unless(v.n == 0, code, "The value must be false.") }
}

// unless returns a refusal, or nil if ok.
func unless(ok bool, code Code, detail string) *Refusal {
	if ok {
		return nil
	}
	return refuse(code, detail)
}
