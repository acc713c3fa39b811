package store_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sources calls f for each file of the package that is no test.
func sources(t *testing.T, f func(path string, file *ast.File)) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	must(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		must(t, err)
		f(path, file)
	}
}

// numbers are the constants of the store that a number is in. None of them is a
// rule: rules stand in the domain packages.
var numbers = map[string]bool{
	"groupMax": true, // of a transaction
}

// TestNoRuleInTheStore wants no constant with a number but those of numbers.
func TestNoRuleInTheStore(t *testing.T) {
	sources(t, func(path string, file *ast.File) {
		for _, decl := range file.Decls {
			g, ok := decl.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST && g.Tok != token.VAR {
				continue
			}
			for _, spec := range g.Specs {
				v := spec.(*ast.ValueSpec)
				for _, value := range v.Values {
					if hasNumber(value) && !numbers[v.Names[0].Name] {
						t.Errorf("%s: %s is a rule", path, v.Names[0].Name)
					}
				}
			}
		}
	})
}

func hasNumber(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		found = found || ok && (lit.Kind == token.INT || lit.Kind == token.FLOAT)
		return true
	})
	return found
}

// TestNoKeyIsTakenApart wants SQL to compare whole columns: a key that holds
// several things is several columns.
func TestNoKeyIsTakenApart(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
				return filepath.SkipDir
			}
			return err
		}
		if ext := filepath.Ext(path); ext != ".go" && ext != ".sql" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(bytes.ToUpper(data), []byte("SUBSTR(")) {
			t.Errorf("%s takes a key apart", path)
		}
		return err
	})
	must(t, err)
}
