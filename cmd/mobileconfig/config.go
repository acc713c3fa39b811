package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// configCommand takes the flags of serve.
type configCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
	serveCommand
}

// A setting is a flag with its value.
type setting struct {
	Name   string `json:"name"`
	Value  any    `json:"value"`
	Source string `json:"source"` // flag, environment, file, default
	From   string `json:"from,omitempty"`
}

// Run prints the effective settings and their sources.
func (c *configCommand) Run(ctx *kong.Context, file *configFile, s streams) error {
	settings := []setting{}
	for _, flag := range ctx.Selected().Flags {
		if setting, ok := settingOf(ctx, file, flag); ok {
			settings = append(settings, setting)
		}
	}
	if c.JSON {
		return json.NewEncoder(s.out).Encode(settings)
	}
	if file.path == "" {
		fmt.Fprintf(s.out, "# no configuration file; the default is %s\n", defaultConfig)
	} else {
		fmt.Fprintf(s.out, "# configuration file: %s\n", file.path)
	}
	for _, each := range settings {
		from := each.Source
		if each.From != "" {
			from += " " + each.From
		}
		fmt.Fprintf(s.out, "%-44s # %s\n", each.Name+" = "+tomlText(each.Value), from)
	}
	return nil
}

// settingOf returns the setting of a flag of serve.
func settingOf(ctx *kong.Context, file *configFile, flag *kong.Flag) (setting, bool) {
	out := setting{Name: flag.Name, Source: "default"}
	if slices.Contains([]string{"help", "json", "config", "version"}, flag.Name) {
		return out, false
	}
	switch value := ctx.FlagValue(flag).(type) {
	case string:
		out.Value = withoutPassword(value)
		if value == "" {
			return out, false
		}
	case []string:
		out.Value = value
		if len(value) == 0 {
			return out, false
		}
	case int:
		out.Value = strconv.Itoa(value)
	default:
		text := strings.Fields(strings.Trim(fmt.Sprint(value), "[]"))
		out.Value = text
		if len(text) == 0 {
			return out, false
		}
	}
	given := slices.ContainsFunc(ctx.Path, func(p *kong.Path) bool { return p.Flag == flag && !p.Resolved })
	switch {
	case given:
		out.Source = "flag"
	case fromEnvironment(flag) != "":
		out.Source, out.From = "environment", fromEnvironment(flag)
	case file.has(flag):
		out.Source = "file"
	}
	return out, true
}

// withoutPassword hides the password in a URL, the only secret that a setting
// can contain.
func withoutPassword(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Scheme == "" {
		if strings.Contains(value, "://") || strings.Contains(value, "password=") {
			return "(hidden: not a valid URL)"
		}
		return value
	}
	q := u.Query()
	if q.Has("password") {
		q.Set("password", "hidden")
		u.RawQuery = q.Encode()
	}
	if _, ok := u.User.Password(); ok {
		u.User = url.UserPassword(u.User.Username(), "hidden")
	}
	return u.String()
}

func tomlText(value any) string {
	list, ok := value.([]string)
	if !ok {
		return fmt.Sprintf("%q", value)
	}
	quoted := make([]string, len(list))
	for i, each := range list {
		quoted[i] = fmt.Sprintf("%q", each)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
