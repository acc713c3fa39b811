package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Run prints the script.
func (c *completionCommand) Run(ctx *kong.Context, s streams) error {
	switch c.Shell {
	case "zsh":
		fmt.Fprintf(s.out, "#compdef mobileconfig\nautoload -U +X bashcompinit && bashcompinit\n")
		fallthrough
	case "bash":
		bashCompletion(s.out, ctx.Model.Node)
	case "fish":
		fishCompletion(s.out, ctx.Model.Node)
	}
	return nil
}

// words are the possible next words of a command: subcommands and flags.
func words(n *kong.Node) []string {
	var all []string
	for _, child := range n.Children {
		if !child.Hidden {
			all = append(all, child.Name)
		}
	}
	for _, flags := range n.AllFlags(true) {
		for _, f := range flags {
			all = append(all, "--"+f.Name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// each calls f for a command and all its subcommands, with their full paths.
func each(n *kong.Node, path []string, f func(path []string, n *kong.Node)) {
	f(path, n)
	for _, child := range n.Children {
		if !child.Hidden {
			each(child, append(path[:len(path):len(path)], child.Name), f)
		}
	}
}

func bashCompletion(w io.Writer, root *kong.Node) {
	fmt.Fprint(w, "_mobileconfig() {\n\tlocal word path=\n\tfor word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n\t\tcase \"$path $word\" in\n")
	each(root, nil, func(path []string, _ *kong.Node) {
		if len(path) > 0 {
			fmt.Fprintf(w, "\t\t%q) path=\"$path $word\" ;;\n", " "+strings.Join(path, " "))
		}
	})
	fmt.Fprint(w, "\t\tesac\n\tdone\n\tcase \"$path\" in\n")
	each(root, nil, func(path []string, n *kong.Node) {
		at := ""
		if len(path) > 0 {
			at = " " + strings.Join(path, " ")
		}
		fmt.Fprintf(w, "\t%q) word=%q ;;\n", at, strings.Join(words(n), " "))
	})
	fmt.Fprint(w, "\tesac\n\tCOMPREPLY=($(compgen -W \"$word\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\ncomplete -o default -F _mobileconfig mobileconfig\n")
}

func fishCompletion(w io.Writer, root *kong.Node) {
	each(root, nil, func(path []string, n *kong.Node) {
		when := "__fish_use_subcommand"
		if len(path) > 0 {
			when = "__fish_seen_subcommand_from " + path[len(path)-1]
		}
		for _, child := range n.Children {
			if !child.Hidden {
				fmt.Fprintf(w, "complete -c mobileconfig -f -n '%s' -a %s -d %s\n", when, child.Name, fishQuoted(child.Help))
			}
		}
		for _, f := range n.Flags {
			fmt.Fprintf(w, "complete -c mobileconfig -n '%s' -l %s -d %s\n", when, f.Name, fishQuoted(f.Help))
		}
	})
}

func fishQuoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

type manualCommand struct{}

// Run prints the page for man.
func (c *manualCommand) Run(ctx *kong.Context, s streams) error {
	w := s.out
	fmt.Fprintf(w, ".TH MOBILECONFIG 1 \"\" %q \"User Commands\"\n.SH NAME\nmobileconfig \\- signed Apple configuration profiles that set up email\n", roff(release()))
	fmt.Fprintf(w, ".SH SYNOPSIS\n.B mobileconfig\n.I COMMAND\n[\\fIflags\\fR]\n.SH DESCRIPTION\n%s\n.SH COMMANDS\n", roff(ctx.Model.Help))
	each(ctx.Model.Node, nil, func(path []string, n *kong.Node) {
		if len(path) == 0 {
			return
		}
		fmt.Fprintf(w, ".SS %q\n%s\n", roff("mobileconfig "+strings.Join(path, " ")), roff(n.Help))
		for _, arg := range n.Positional {
			fmt.Fprintf(w, ".TP\n\\fI%s\\fR\n%s\n", roff(strings.ToUpper(arg.Name)), roff(arg.Help))
		}
		for _, f := range n.Flags {
			value := ""
			if f.PlaceHolder != "" {
				value = " \\fI" + roff(f.PlaceHolder) + "\\fR"
			}
			fmt.Fprintf(w, ".TP\n\\fB%s\\fR%s\n%s\n", roff("--"+f.Name), value, roff(f.Help))
		}
	})
	fmt.Fprintf(w, ".SH FILES\n.TP\n%s\nThe configuration file.\n.TP\n/var/lib/mobileconfig\nThe data folder of package installations.\n", defaultConfig)
	return nil
}

// roff escapes text for a manual page.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n\n", "\n.PP\n").Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "'") || strings.HasPrefix(line, ".") && line != ".PP" {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
