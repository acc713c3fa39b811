// Package docs_test tests the documents, and generates docs/codes.md and other
// tables from the code: go test ./docs -update.
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

var update = flag.Bool("update", false, "rewrite generated parts")

const head = `# Codes

Programs can rely on these codes: new ones are added, but none is ever renamed. The descriptions can change.

<!-- Generated from the code by "make codes". Do not edit. -->
`

// TestCodes compares codes.md with the code.
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
		t.Error("codes.md is out of date; run: make codes")
	}
}

// catalogHead precedes the table of events in webhooks.md.
const catalogHead = "<!-- Generated from the code by \"make codes\". Do not edit below. -->\n"

// TestEventCatalog compares the table of events in webhooks.md with the code.
func TestEventCatalog(t *testing.T) {
	text, err := os.ReadFile("webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	head, _, ok := strings.Cut(string(text), catalogHead)
	if !ok {
		t.Fatal("webhooks.md has no event catalog")
	}
	var b strings.Builder
	b.WriteString(head + catalogHead + "\n| Event | When | In the event stream |\n| --- | --- | --- |\n")
	for _, k := range notify.Catalog() {
		row(&b, code(string(k.Type)), k.Text, map[bool]string{true: "yes", false: "no"}[k.Streamed])
	}
	if *update {
		if err := os.WriteFile("webhooks.md", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(text) != b.String() {
		t.Error("the events in webhooks.md are out of date; run: make codes")
	}
}

func writeFaults(b *strings.Builder) {
	section(b, "Errors", "Errors of requests, as `code` in a problem and at the bottom of an error page. `detail` says more, in English.", "Code", "HTTP", "Description")
	for _, m := range fault.Codes() {
		row(b, code(string(m.Code)), strconv.Itoa(web.Status(m.Code)), m.Text)
	}
}

// TestEveryCodeHasText checks that the list behind the document contains each code
// of the source, with a description.
func TestEveryCodeHasText(t *testing.T) {
	listed := map[string]map[string]string{"../server/fault": {}, "../signing": {}, "../signing/gate": {}, "../profile/lint": {}, "../server/doctor": {}}
	for _, m := range doctor.Codes() {
		listed["../server/doctor"][string(m.Code)] += m.Text
		if !strings.HasSuffix(m.Do, ".") {
			t.Errorf("%s doesn't say what to do: %s", m.Code, m.Do)
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
			t.Errorf("%s doesn't say what to do: %s", m.Code, m.Do)
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
				t.Errorf("%s: the text of %s isn't a sentence: %s", folder, c.name, text)
			}
			delete(texts, c.value)
		}
		for value := range texts {
			t.Errorf("%s: %s is listed and not in the source", folder, value)
		}
	}
}

func writeIdentityCodes(b *strings.Builder) {
	section(b, "Signing identity", "Why certificates and key can't sign. The command line, `/details` and the log name the file and the fix.", "Code", "Problem")
	for _, m := range signing.Codes() {
		row(b, code(string(m.Code)), m.Text)
	}
	section(b, "Signing identity: notices", "Notices about certificates that can sign, in the log and on the command line.", "Code", "Description")
	for _, m := range signing.NoticeCodes() {
		row(b, code(string(m.Code)), m.Text)
	}
}

func writeCertificateReasons(b *strings.Builder) {
	section(b, "Certificates by ACME", "Why the service didn't get a certificate, as `reason` in the log, in `/details` and in the action log.", "Code", "Description", "What to do")
	for _, m := range certificate.Reasons() {
		row(b, code(string(m.Reason)), m.Text, m.Do)
	}
}

func writeGateCodes(b *strings.Builder) {
	section(b, "Gate", "Why a finished profile wasn't signed. Only a bug or the configuration can cause this. The log has the code.", "Code", "Problem")
	for _, m := range gate.Codes() {
		row(b, code(string(m.Code)), m.Text)
	}
}

func writeLintCodes(b *strings.Builder) {
	section(b, "Findings", "Findings of `mobileconfig inspect` in a profile, with the usual severity.", "Code", "Severity", "Description", "What to do")
	for _, m := range lint.Codes() {
		row(b, code(string(m.Code)), fmt.Sprint(m.Severity), m.Text, m.Do)
	}
}

func writeProbeStates(b *strings.Builder) {
	section(b, "Mail servers", "Results of `mobileconfig check` and of the server check of a domain, as `state`.", "Code", "Severity", "Description", "What to do")
	for _, m := range probe.Meanings() {
		row(b, code(string(m.State)), string(m.Severity), m.Text, m.Do)
	}
}

func writeDoctorCodes(b *strings.Builder) {
	section(b, "Doctor", "Findings of `mobileconfig doctor` in an installation, as `code`. Text and severity can differ from the usual ones below.", "Code", "Severity", "Description", "What to do")
	for _, m := range doctor.Codes() {
		row(b, code(string(m.Code)), string(m.Severity), m.Text, m.Do)
	}
}

// A constant is a string constant in the code.
type constant struct{ name, value string }

// constants returns the string constants of the type in the package, in source
// order.
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
