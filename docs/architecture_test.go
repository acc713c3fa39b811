package docs_test

import (
	"go/build"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// guides are the paths of the documents for contributors.
var guides = []string{"../CONTRIBUTING.md", "architecture.md"}

var (
	quoted   = regexp.MustCompile("`([^`\n]+)`")
	filePath = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$`)
	inFile   = regexp.MustCompile("`([\\w/.-]+\\.go)` \\(((?:`\\w+`(?:, )?)+)\\)")
	inShell  = regexp.MustCompile(`(?m)^go .*\s\./([A-Za-z0-9_/-]+)`)
	target   = regexp.MustCompile("(?m)(?:`|^)make ([a-z-]+)")
)

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGuideReferences checks that every file, folder, function, test and target named
// in the documents for contributors exists.
func TestGuideReferences(t *testing.T) {
	makefile := read(t, "../Makefile")
	for _, guide := range guides {
		text := read(t, guide)
		paths := quoted.FindAllStringSubmatch(text, -1)
		paths = slices.DeleteFunc(paths, func(m []string) bool { return !filePath.MatchString(m[1]) })
		paths = append(paths, inShell.FindAllStringSubmatch(text, -1)...)
		if len(paths) < 20 {
			t.Errorf("%s names %d paths", guide, len(paths))
		}
		for _, m := range paths {
			if m[1] == ".cache/dev" { // created by make dev
				continue
			}
			if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s, which doesn't exist", guide, m[1])
			}
		}
		for _, m := range inFile.FindAllStringSubmatch(text, -1) {
			source := read(t, filepath.Join("..", filepath.FromSlash(m[1])))
			for _, name := range quoted.FindAllStringSubmatch(m[2], -1) {
				if !regexp.MustCompile(`(?m)^func (\(\w+ \*?\w+\) )?` + name[1] + `\(`).MatchString(source) {
					t.Errorf("%s: there is no %s in %s", guide, name[1], m[1])
				}
			}
		}
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(testsOf(t, m[2]), "\nfunc "+m[1]+"(") {
				t.Errorf("%s: there is no %s in %s", guide, m[1], m[2])
			}
		}
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^([a-z -]+ )?` + m[1] + `( [a-z -]+)?:`).MatchString(makefile) {
				t.Errorf("%s: the Makefile has no target %s", guide, m[1])
			}
		}
	}
}

// packages lists the module's packages by folder, and nested modules as one folder.
func packages(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		folder := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), "../")
		switch {
		case d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != ".."):
			return filepath.SkipDir
		case d.IsDir() && d.Name() != ".." && isModule(file):
			all = append(all, strings.TrimPrefix(filepath.ToSlash(file), "../"))
			return filepath.SkipDir
		case strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go"):
			all = append(all, folder)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func isModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

// TestArchitecturePackages checks that architecture.md lists each package of the
// module.
func TestArchitecturePackages(t *testing.T) {
	text := read(t, "architecture.md")
	all := packages(t)
	if len(all) < 30 {
		t.Errorf("%d packages", len(all))
	}
	for _, pkg := range all {
		if !strings.Contains(text, "`"+pkg+"`") {
			t.Errorf("architecture.md doesn't describe %s", pkg)
		}
	}
}

// TestArchitectureImports compares the table of packages with the code: a package
// imports those that it may import, and none that it must not know.
func TestArchitectureImports(t *testing.T) {
	const module = "github.com/updatecase/mobileconfig/"
	_, table, _ := strings.Cut(read(t, "architecture.md"), "| package |")
	table, _, _ = strings.Cut(table, "\n\n")
	all := packages(t)
	rows := 0
	for _, row := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(row, "|")
		if len(cells) != 6 {
			t.Errorf("not four cells: %s", row)
			continue
		}
		whose := quoted.FindAllStringSubmatch(cells[1], -1)
		if len(whose) != 1 {
			continue // a row for several packages
		}
		rows++
		pkg, err := build.ImportDir(filepath.Join("..", filepath.FromSlash(whose[0][1])), 0)
		if err != nil {
			t.Errorf("%s: %v", whose[0][1], err)
			continue
		}
		for i, want := range map[int]bool{3: true, 4: false} {
			for _, m := range quoted.FindAllStringSubmatch(cells[i], -1) {
				if slices.Contains(all, m[1]) && slices.Contains(pkg.Imports, path.Join(module, m[1])) != want {
					t.Errorf("%s imports %s: %v, want %v", whose[0][1], m[1], !want, want)
				}
			}
		}
	}
	if rows < 30 {
		t.Errorf("%d rows", rows)
	}
}
