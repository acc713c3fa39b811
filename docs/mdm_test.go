package docs_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/profile/mdm"
)

const vendorsMark = "<!-- Everything below is generated from the code by \"make codes\". Do not edit. -->\n"

// TestMDM compares the sections of mdm.md with the table of vendors.
func TestMDM(t *testing.T) {
	have, err := os.ReadFile("mdm.md")
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(have), vendorsMark)
	if !found {
		t.Fatal("mdm.md lacks the mark")
	}
	var b strings.Builder
	for _, v := range mdm.Vendors() {
		writeVendor(&b, v)
	}
	if *update {
		if err := os.WriteFile("mdm.md", []byte(head+vendorsMark+b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if rest != b.String() {
		t.Error("mdm.md is out of date; run: make codes")
	}
	if !strings.Contains(head, "`com.apple.configuration.account.mail` needs a document") {
		t.Error("mdm.md doesn't say why mail isn't a declaration")
	}
	for _, v := range mdm.Vendors() {
		if !strings.Contains(head, "`"+v.Name+"`") {
			t.Errorf("the table of mdm.md lacks %s", v.Name)
		}
	}
}

// writeVendor writes a section: five steps, variables, notes and sources.
func writeVendor(b *strings.Builder, v *mdm.Vendor) {
	mark := ""
	if m := v.StepsSure.Mark(); m != "" {
		mark = " (" + strings.ToLower(m) + ")"
	}
	fmt.Fprintf(b, "\n## %s\n\n`--vendor %s`. Five steps%s:\n\n", v.Title, v.Name, mark)
	for i, step := range v.Steps {
		fmt.Fprintf(b, "%d. %s\n", i+1, escapeMarkdown(step))
	}
	b.WriteString("\n")
	if v.Fills() {
		for _, one := range []struct {
			what     string
			variable mdm.Variable
		}{{"Email address", v.Address}, {"Name", v.PersonName}, {"Username", v.UserName}, {"Part before the @", v.LocalPart}} {
			if one.variable.Text != "" {
				item(b, one.what, mdm.Fact{Text: "`` " + one.variable.Text + " ``", Sure: one.variable.Sure})
			}
		}
	}
	for _, one := range []struct {
		what string
		fact mdm.Fact
	}{{"Values", v.Values}, {"Signed profiles", v.Signed}, {"Requirements", v.Needs}, {"The policy as declarations", v.Declarations}, {"Lost devices", v.Lost}} {
		if one.fact.Text == "" {
			continue
		}
		one.fact.Text = escapeMarkdown(one.fact.Text)
		item(b, one.what, one.fact)
	}
	for _, f := range v.Limits {
		f.Text = escapeMarkdown(f.Text)
		item(b, "Note", f)
	}
	fmt.Fprintf(b, "\nSources, read on %s: %s.\n", v.Checked, strings.Join(v.Sources, ", "))
}

// item writes a fact, with a mark unless it comes from the vendor.
func item(b *strings.Builder, what string, f mdm.Fact) {
	fmt.Fprintf(b, "- %s: %s", what, f.Text)
	if mark := f.Sure.Mark(); mark != "" {
		fmt.Fprintf(b, " *%s.*", mark)
	}
	b.WriteString("\n")
}

// escapeMarkdown escapes Markdown in a text.
func escapeMarkdown(text string) string {
	return strings.NewReplacer("<", "&lt;", "_", `\_`, "*", `\*`, "{{", `\{\{`).Replace(text)
}
