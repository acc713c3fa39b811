package server_test

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tests calls f for each test file of the repository, including nested modules.
func tests(t *testing.T, f func(fset *token.FileSet, path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "_generated" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		f(fset, path, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNoTestJudgesTheClock checks that tests don't measure time: a machine may
// be slow, and then a failure says nothing about the product. Benchmarks and
// soak tests may measure.
func TestNoTestJudgesTheClock(t *testing.T) {
	seen := 0
	tests(t, func(fset *token.FileSet, path string, file *ast.File) {
		seen++
		for _, use := range clockUses(path, file) {
			t.Errorf("%s: %s measures time: wait for an event, or report it in a soak test (see package soak)", fset.Position(use.Pos()), use.Sel.Name)
		}
	})
	if seen < 100 {
		t.Errorf("only %d test files were found", seen)
	}
}

// clockUses returns the uses of time.Since, time.Until and a time's method Sub
// in a test file, outside of benchmarks and soak tests. It doesn't know types:
// Sub counts if it has one argument and belongs to no package. No other Sub in
// use matches that.
func clockUses(path string, file *ast.File) (uses []*ast.SelectorExpr) {
	if needsSoak(file) || strings.HasSuffix(path, "bench_test.go") && len(testNames(file)) == 0 {
		return nil
	}
	packages := importNames(file)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			return !isBenchmark(n.Type)
		case *ast.FuncLit:
			return !isBenchmark(n.Type)
		case *ast.CallExpr:
			if s, ok := n.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Sub" && len(n.Args) == 1 && packageOf(s, packages) == "" {
				uses = append(uses, s)
			}
		case *ast.SelectorExpr:
			if packageOf(n, packages) == "time" && (n.Sel.Name == "Since" || n.Sel.Name == "Until") {
				uses = append(uses, n)
			}
		}
		return true
	})
	return uses
}

// importNames returns the paths of a file's imports by the names it uses.
func importNames(file *ast.File) map[string]string {
	names := map[string]string{}
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		name := path[strings.LastIndex(path, "/")+1:]
		if spec.Name != nil {
			name = spec.Name.Name
		}
		names[name] = path
	}
	return names
}

// packageOf returns the path of the package that a selector selects from, or
// "".
func packageOf(s *ast.SelectorExpr, packages map[string]string) string {
	if x, ok := s.X.(*ast.Ident); ok {
		return packages[x.Name]
	}
	return ""
}

// isBenchmark reports whether a function is a benchmark or a part of one: it has a
// *testing.B parameter.
func isBenchmark(f *ast.FuncType) bool {
	return slices.ContainsFunc(f.Params.List, func(p *ast.Field) bool {
		star, ok := p.Type.(*ast.StarExpr)
		if !ok {
			return false
		}
		s, ok := star.X.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "B"
	})
}

// needsSoak reports whether a file is only built with the tag soak, with and
// without the race detector.
func needsSoak(file *ast.File) bool {
	for _, group := range file.Comments {
		for _, c := range group.List {
			if c.Pos() > file.Package || !constraint.IsGoBuild(c.Text) {
				continue
			}
			expr, err := constraint.Parse(c.Text)
			without := func(race bool) bool {
				return expr.Eval(func(tag string) bool { return tag != "soak" && (tag != "race" || race) })
			}
			return err == nil && !without(true) && !without(false)
		}
	}
	return false
}

// testNames returns the names of a file's tests.
func testNames(file *ast.File) (names []string) {
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain" {
			names = append(names, f.Name.Name)
		}
	}
	return names
}

// TestFilesWithSoakTests checks that "make soak" runs all soak tests and nothing
// else: the file's name, its build tag and the names of its tests agree.
func TestFilesWithSoakTests(t *testing.T) {
	tests(t, func(_ *token.FileSet, path string, file *ast.File) {
		named, tagged := strings.HasSuffix(path, "_soak_test.go"), needsSoak(file)
		if named != tagged {
			t.Errorf("%s: the name says soak: %v, the build tag says so: %v", path, named, tagged)
		}
		for _, name := range testNames(file) {
			if strings.HasPrefix(name, "TestSoak") != tagged {
				t.Errorf("%s: %s; the build tag says soak: %v", path, name, tagged)
			}
		}
	})
}

// TestClockUses checks what the rule finds, and what it allows.
func TestClockUses(t *testing.T) {
	const head = "package x\nimport (\"io/fs\"; \"math/big\"; \"testing\"; \"time\"; clock \"time\")\n"
	for _, tt := range []struct {
		path, source string
		want         int
	}{
		{"x_test.go", "func TestX(t *testing.T) { _ = time.Since(start) }", 1},
		{"x_test.go", "func TestX(t *testing.T) { _ = clock.Since(start) }", 1},
		{"x_test.go", "func TestX(t *testing.T) { _ = time.Until(end) }", 1},
		{"x_test.go", "func TestX(t *testing.T) { f(time.Since) }", 1},
		{"x_test.go", "func TestX(t *testing.T) { _ = time.Now().Sub(start) }", 1},
		{"x_test.go", "func helper() { _ = r.At.Sub(start); func() { _ = end.Sub(start) }() }", 2},
		{"x_test.go", "var took = end.Sub(start)", 1},
		{"x_test.go", "func TestX(t *testing.T) { t.Run(name, func(t *testing.T) { _ = time.Since(start) }) }", 1},
		{"x_bench_test.go", "func TestX(t *testing.T) { _ = time.Since(start) }", 1},
		{"x_test.go", "func BenchmarkX(b *testing.B) { _ = time.Since(start) }", 0},
		{"x_test.go", "func half(b *testing.B, n int) { b.Run(name, func(b *testing.B) { _ = end.Sub(start) }) }", 0},
		{"x_bench_test.go", "func helper() { _ = time.Since(start) }", 0},
		{"x_test.go", "func TestX(t *testing.T) { fs.Sub(files, dir); new(big.Int).Sub(a, b); _ = start.Add(5); time.Sleep(1) }", 0},
	} {
		for build, want := range map[string]int{
			"": tt.want, "//go:build unix\n\n": tt.want, "//go:build !soak\n\n": tt.want, "//go:build soak\n\n": 0, "//go:build soak && linux\n\n": 0,
		} {
			file, err := parser.ParseFile(token.NewFileSet(), tt.path, build+head+tt.source, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if uses := clockUses(tt.path, file); len(uses) != want {
				t.Errorf("%s: %d uses found in %q, want %d", tt.path, len(uses), fmt.Sprint(build, tt.source), want)
			}
		}
	}
}
