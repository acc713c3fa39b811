// Package docs_test makes docs/codes.md from the code: go test ./docs -update.
package docs_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/lint"
	"github.com/updatecase/mobileconfig/server/certificate"
	"github.com/updatecase/mobileconfig/server/doctor"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/notify"
	"github.com/updatecase/mobileconfig/server/probe"
	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/signing"
	"github.com/updatecase/mobileconfig/signing/gate"
)

var update = flag.Bool("update", false, "rewrite codes.md")

const head = `# Codes

Programs may branch on these codes: they are added to, never renamed. The texts beside them may change.

<!-- Made from the code by "make codes". Do not edit. -->
`

// TestCodes holds codes.md against the code.
func TestCodes(t *testing.T) {
	var b strings.Builder
	b.WriteString(head)
	writeFaults(&b)
	writeIdentityCodes(&b)
	writeCertificateReasons(&b)
	writeGateCodes(&b)
	writeLintCodes(&b)
	writeProbeStates(&b)
	writeDoctorCodes(&b)
	if *update {
		if err := os.WriteFile("codes.md", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile("codes.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Error("codes.md is not what the code says; run: make codes")
	}
}

// catalogueHead is what stands before the table of events in webhooks.md.
const catalogueHead = "<!-- Made from the code by \"make codes\". Do not edit below. -->\n"

// TestEventCatalogue holds the table of events in webhooks.md against the code.
func TestEventCatalogue(t *testing.T) {
	text, err := os.ReadFile("webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(text), catalogueHead)
	if !ok {
		t.Fatal("webhooks.md has no catalogue")
	}
	var b strings.Builder
	b.WriteString(head + catalogueHead + "\n| Event | When | In the stream of events |\n| --- | --- | --- |\n")
	for _, k := range notify.Catalogue() {
		row(&b, code(string(k.Type)), k.Text, map[bool]string{true: "yes", false: "no"}[k.Streamed])
	}
	if *update {
		if err := os.WriteFile("webhooks.md", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != b.String() {
		t.Error("the events of webhooks.md are not what the code says; run: make codes")
	}
}

func writeFaults(b *strings.Builder) {
	section(b, "Answers", "What a request is refused with, as `code` of a problem and at the foot of an error page. `detail` says more, in English.", "Code", "HTTP", "What it says")
	for _, m := range fault.Codes() {
		row(b, code(string(m.Code)), strconv.Itoa(web.Status(m.Code)), m.Text)
	}
}

// TestEveryCodeHasText wants each code of the source in the list that the
// document is made from, with a text that a person wrote for it.
func TestEveryCodeHasText(t *testing.T) {
	listed := map[string]map[string]string{"../server/fault": {}, "../signing": {}, "../signing/gate": {}, "../profile/lint": {}, "../server/doctor": {}}
	for _, m := range doctor.Codes() {
		listed["../server/doctor"][string(m.Code)] += m.Text
		if !strings.HasSuffix(m.Do, ".") {
			t.Errorf("%s does not say what to do: %s", m.Code, m.Do)
		}
	}
	for _, m := range append(signing.Codes(), signing.NoticeCodes()...) {
		listed["../signing"][string(m.Code)] += m.Text
	}
	for _, m := range fault.Codes() {
		listed["../server/fault"][string(m.Code)] += m.Text
	}
	for _, m := range gate.Codes() {
		listed["../signing/gate"][string(m.Code)] += m.Text
	}
	for _, m := range lint.Codes() {
		listed["../profile/lint"][string(m.Code)] += m.Text
		if !strings.HasSuffix(m.Do, ".") {
			t.Errorf("%s does not say what to do: %s", m.Code, m.Do)
		}
	}
	for folder, texts := range listed {
		for _, c := range constants(t, folder, "Code") {
			text, ok := texts[c.value]
			if !ok {
				t.Errorf("%s: %s is not in Codes", folder, c.name)
			}
			word, _, _ := strings.Cut(text, " ") // which may be a key's name
			if ok && (!strings.HasSuffix(text, ".") || strings.ToLower(word) == word) {
				t.Errorf("%s: the text of %s is no sentence: %s", folder, c.name, text)
			}
			delete(texts, c.value)
		}
		for value := range texts {
			t.Errorf("%s: %s is listed and not in the source", folder, value)
		}
	}
}

func writeIdentityCodes(b *strings.Builder) {
	section(b, "Signing identity", "Why certificates and key may not sign. The message of the command line, `/details` and the log say which file it is and the way out.", "Code", "What is wrong")
	for _, m := range signing.Codes() {
		row(b, code(string(m.Code)), m.Text)
	}
	section(b, "Signing identity: notices", "What to know about certificates that may sign. It's in the log and on the command line.", "Code", "What it says")
	for _, m := range signing.NoticeCodes() {
		row(b, code(string(m.Code)), m.Text)
	}
}

func writeCertificateReasons(b *strings.Builder) {
	section(b, "Certificates by ACME", "Why the service got no certificate, as `reason` in the log, in `/details` and in the action log.", "Code", "What it says", "What to do")
	for _, m := range certificate.Reasons() {
		row(b, code(string(m.Reason)), m.Text, m.Do)
	}
}

func writeGateCodes(b *strings.Builder) {
	section(b, "Gate", "Why a finished profile was not signed. Only a fault of the program or of its configuration can lead here; the log has the code.", "Code", "What is wrong")
	for _, m := range gate.Codes() {
		row(b, code(string(m.Code)), m.Text)
	}
}

func writeLintCodes(b *strings.Builder) {
	section(b, "Findings", "What `mobileconfig inspect` finds in a profile, with the usual severity.", "Code", "Severity", "What it says", "What to do")
	for _, m := range lint.Codes() {
		row(b, code(string(m.Code)), fmt.Sprint(m.Severity), m.Text, m.Do)
	}
}

func writeProbeStates(b *strings.Builder) {
	section(b, "Mail servers", "What `mobileconfig check` and the check of a domain find, as `state`.", "Code", "Severity", "What it says", "What to do")
	for _, m := range probe.Meanings() {
		row(b, code(string(m.State)), string(m.Severity), m.Text, m.Do)
	}
}

func writeDoctorCodes(b *strings.Builder) {
	section(b, "Doctor", "What `mobileconfig doctor` finds in an installation, as `code`. What it says and whether it's an error may differ from the usual one below.", "Code", "Severity", "What it says", "What to do")
	for _, m := range doctor.Codes() {
		row(b, code(string(m.Code)), string(m.Severity), m.Text, m.Do)
	}
}

// A constant is one of the code.
type constant struct{ name, value string }

// constants are the string constants of the type in the package, in the order
// of the source.
func constants(t *testing.T, folder, kind string) []constant {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var out []constant
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				out = append(out, constantOf(spec, kind)...)
			}
			return true
		})
	}
	if len(out) == 0 {
		t.Fatalf("%s has no constants of the type %s", folder, kind)
	}
	return out
}

func constantOf(spec *ast.ValueSpec, kind string) []constant {
	named, ok := spec.Type.(*ast.Ident)
	if !ok || named.Name != kind || len(spec.Values) != 1 {
		return nil
	}
	literal, ok := spec.Values[0].(*ast.BasicLit)
	if !ok {
		return nil
	}
	value, err := strconv.Unquote(literal.Value)
	if err != nil {
		return nil
	}
	return []constant{{spec.Names[0].Name, value}}
}

func code(s string) string { return "`" + s + "`" }

func section(b *strings.Builder, title, lead string, columns ...string) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n", title, lead)
	row(b, columns...)
	row(b, slices.Repeat([]string{"---"}, len(columns))...)
}

func row(b *strings.Builder, cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(strings.Join(strings.Fields(cell), " "), "|", "\\|")
	}
	fmt.Fprintf(b, "| %s |\n", strings.Join(cells, " | "))
}
