// Package schema keeps the copy of Apple's schema that package profile is
// tested with.
package schema

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "rewrite the copy")

// copied is the folder with the copy, in JSON, which needs no module to read.
var copied = filepath.Join("..", "..", "..", "profile", "testdata", "apple-schema")

// TestCopy compares the copy with a checkout of
// github.com/apple/device-management in APPLE_SCHEMA:
//
//	APPLE_SCHEMA=DIR go test ./schema -update
func TestCopy(t *testing.T) {
	source := os.Getenv("APPLE_SCHEMA")
	if source == "" {
		t.Skip("APPLE_SCHEMA names no checkout of github.com/apple/device-management")
	}
	files, err := filepath.Glob(filepath.Join(copied, "*.json"))
	if err != nil || len(files) < 7 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	declarations, err := filepath.Glob(filepath.Join(copied, "declarations", "*.json"))
	if err != nil || len(declarations) < 3 {
		t.Fatalf("%d files for declarations, %v", len(declarations), err)
	}
	for _, file := range append(files, declarations...) {
		want, err := convert(filepath.Join(source, original(file)))
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs from Apple's", file)
		}
	}
}

// original returns where Apple keeps the file of a copy.
func original(file string) string {
	name := strings.TrimSuffix(filepath.Base(file), ".json") + ".yaml"
	switch {
	case filepath.Base(filepath.Dir(file)) != "declarations":
		return filepath.Join("mdm", "profiles", name)
	case strings.HasPrefix(name, "declaration"):
		return filepath.Join("declarative", "declarations", name)
	case strings.HasPrefix(name, "passcode."):
		return filepath.Join("declarative", "declarations", "configurations", name)
	}
	return filepath.Join("declarative", "declarations", "activations", name)
}

// convert returns a YAML file as JSON.
func convert(file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	value, err := plain(document.Content[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err = e.Encode(value)
	return out.Bytes(), err
}

// plain returns the value of a node. It refuses what the two formats could
// mean differently.
func plain(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			value, err := plain(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			object[n.Content[i].Value] = value
		}
		return object, nil
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range n.Content {
			value, err := plain(item)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.ScalarNode:
		switch n.Tag {
		case "!!str":
			return n.Value, nil
		case "!!int", "!!bool":
			var value any
			err := n.Decode(&value)
			return value, err
		}
	}
	return nil, fmt.Errorf("line %d: %s %q", n.Line, n.Tag, n.Value)
}
