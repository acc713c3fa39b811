package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/alecthomas/kong"
)

// defaultConfig is the configuration file that is read if it exists.
const defaultConfig = "/etc/mobileconfig/config.toml"

// configVariable sets another file, like --config.
const configVariable = "MOBILECONFIG_CONFIG"

// A configFile provides the values of flags of serve that aren't set elsewhere.
// The command line wins over the environment, and the environment over the
// file.
type configFile struct {
	path   string // empty if there is none
	values map[string]any
}

// readConfigFile reads the file from the command line or the environment, or
// the default file if it exists.
func readConfigFile(args []string, s streams) (*configFile, error) {
	path, named := configPath(args)
	if path == "" {
		return &configFile{}, nil
	}
	text, err := os.ReadFile(path)
	switch {
	case err != nil && named:
		return nil, flagError("--config", err)
	case errors.Is(err, fs.ErrPermission):
		fmt.Fprintf(s.err, "mobileconfig: note: no permission to read %s; continuing without it.\n", path)
		return &configFile{}, nil
	case err != nil:
		return &configFile{}, nil
	}
	c := &configFile{path: path}
	if err := toml.Unmarshal(text, &c.values); err != nil {
		return nil, usage(fmt.Errorf("%s: %w", path, err))
	}
	return c, nil
}

// configPath finds the file's name before other flags are parsed.
func configPath(args []string) (path string, named bool) {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if value, ok := strings.CutPrefix(arg, "--config="); ok {
			return value, true
		}
		if arg == "--config" && i+1 < len(args) {
			return args[i+1], true
		}
	}
	if path, ok := os.LookupEnv(configVariable); ok {
		return path, true
	}
	return defaultConfig, false
}

// check refuses keys that aren't flags of serve, and invalid values.
func (c *configFile) check(serve *kong.Node) error {
	for name, value := range c.values {
		if !slices.ContainsFunc(serve.Flags, func(f *kong.Flag) bool { return f.Name == name }) || name == "help" {
			return usage(fmt.Errorf("%s: unknown setting %q; settings are the flags of mobileconfig serve --help, without the two hyphens", c.path, name))
		}
		if _, err := settingText(value); err != nil {
			return usage(fmt.Errorf("%s: %s: %w", c.path, name, err))
		}
	}
	return nil
}

// settingText formats a value for the command line.
func settingText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool, int64:
		return fmt.Sprint(v), nil
	case []any:
		var parts []string
		for _, each := range v {
			part, ok := each.(string)
			if !ok || strings.Contains(part, ",") {
				return "", errors.New("a list must contain strings without commas")
			}
			parts = append(parts, part)
		}
		return strings.Join(parts, ","), nil
	}
	return "", errors.New("the value must be a string or a list of strings")
}

// has reports whether the file sets the flag.
func (c *configFile) has(flag *kong.Flag) bool {
	_, ok := c.values[flag.Name]
	return ok
}

// Validate does nothing, because check has already run.
func (c *configFile) Validate(*kong.Application) error { return nil }

// Resolve returns the file's value for the flag, unless the environment sets
// it.
func (c *configFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if !c.has(flag) || fromEnvironment(flag) != "" {
		return nil, nil
	}
	text, err := settingText(c.values[flag.Name])
	if err != nil || text == "" {
		return nil, err
	}
	return text, nil
}

// fromEnvironment returns the name of the environment variable that sets the
// flag, if any.
func fromEnvironment(flag *kong.Flag) string {
	for _, name := range flag.Envs {
		if _, ok := os.LookupEnv(name); ok {
			return name
		}
	}
	return ""
}
