package lint

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// width is the line width of Print, unless a word is longer.
const width = 80

// Print writes r for people: the payloads, the signer, and the findings with
// advice, most serious first.
func (r *Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "#\tPayload\tIdentifier\tServers")
	for n, p := range r.Payloads {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\n", n, or(p.Type), or(p.Identifier), or(strings.Join(p.Servers, ", ")))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	w = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "Profile\t%s\n", or(r.Identifier))
	fmt.Fprintf(w, "For\t%s\n", cmp.Or(r.Platform, "any device"))
	r.printSigner(w)
	fmt.Fprintf(w, "Findings\t%s\n", r.Summary())
	if err := w.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(out, r.findings())
	return err
}

func (r *Report) printSigner(w io.Writer) {
	switch s := r.Signer; {
	case !r.Signed:
		fmt.Fprintln(w, "Signed by\tno one")
	case s == nil:
		fmt.Fprintln(w, "Signed by\tunknown")
	default:
		fmt.Fprintf(w, "Signed by\t%s\n", s.Subject)
		fmt.Fprintf(w, "Issued by\t%s\n", s.Issuer)
		fmt.Fprintf(w, "Valid until\t%s (%s)\n", s.NotAfter, cmp.Or(s.Digest, "no digest"))
	}
}

// Summary counts the findings, for example "1 error, 2 warnings, 3 notes".
func (r *Report) Summary() string {
	counts := map[Severity]int{}
	for _, f := range r.Findings {
		counts[f.Severity]++
	}
	var parts []string
	for _, s := range []Severity{Error, Warning, Note} {
		switch n := counts[s]; n {
		case 0:
		case 1:
			parts = append(parts, "1 "+string(s))
		default:
			parts = append(parts, strconv.Itoa(n)+" "+string(s)+"s")
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

func (r *Report) findings() string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "\n%-8s %s\n", f.Severity, f.Code)
		if f.Path != "" {
			fmt.Fprintf(&b, "         %s\n", f.Path)
		}
		b.WriteString(wrap(f.Detail, 9))
	}
	return b.String()
}

// wrap breaks a text between words, indented by this many spaces.
func wrap(s string, indent int) string {
	var b strings.Builder
	column := width
	for word := range strings.FieldsSeq(s) {
		n := utf8.RuneCountInString(word)
		if column+1+n > width {
			b.WriteString("\n" + strings.Repeat(" ", indent) + word)
			column = indent + n
			continue
		}
		b.WriteString(" " + word)
		column += 1 + n
	}
	return strings.TrimPrefix(b.String(), "\n") + "\n"
}

// or returns a dash for an empty text.
func or(s string) string { return cmp.Or(s, "-") }
