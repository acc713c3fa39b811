package desired

import (
	"fmt"
	"io"
	"strings"
)

// signs are the line prefixes of the verbs.
var signs = map[Verb]string{Create: "+", Change: "~", Delete: "-"}

// String describes the step in a few words.
func (s Step) String() string { return fmt.Sprintf("%s %s %s", s.Verb, s.Kind, s.Name) }

// Print writes the plan for people.
func (p Plan) Print(w io.Writer) error {
	var b strings.Builder
	counts := map[Verb]int{}
	for _, s := range p.Steps {
		counts[s.Verb]++
		s.print(&b)
	}
	for _, s := range p.Kept {
		fmt.Fprintf(&b, "  %s %s isn't in the file and stays. --prune deletes it.\n", s.Kind, s.Name)
	}
	if len(p.Steps) == 0 {
		b.WriteString("No changes.\n")
	} else {
		fmt.Fprintf(&b, "To create: %d. To change: %d. To delete: %d.\n", counts[Create], counts[Change], counts[Delete])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Step) print(b *strings.Builder) {
	note := ""
	if s.Verb == Delete && s.Kind == DomainKind {
		note = ", with its setup links"
	}
	fmt.Fprintf(b, "%s %s %s%s\n", signs[s.Verb], s.Kind, s.Name, note)
	for _, f := range s.Fields {
		if s.Verb == Create {
			fmt.Fprintf(b, "    %s: %s\n", f.Name, encode(f.New))
		} else {
			fmt.Fprintf(b, "    %s: %s -> %s\n", f.Name, text(f.Old), text(f.New))
		}
	}
}

// text returns a setting as JSON, or a dash if there is none.
func text(v any) string {
	if v == nil {
		return "-"
	}
	return string(encode(v))
}
