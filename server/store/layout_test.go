package store_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/updatecase/mobileconfig/server/store"
	"github.com/updatecase/mobileconfig/server/store/storetest"
)

// sources calls f for each file of the package except tests.
func sources(t *testing.T, f func(path string, file *ast.File)) {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	outbox, err := filepath.Glob("../outbox/*.go") // part of the store
	paths = append(paths, outbox...)
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

// numbers are the constants of the store that may be numbers. None of them is
// a rule: rules belong to the domain packages.
var numbers = map[string]bool{
	"groupMax": true, // of a transaction
}

// TestNoRuleInTheStore checks that no other constant is a number.
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

// TestNoKeyIsTakenApart checks that SQL compares whole columns: a key with
// several parts needs several columns.
func TestNoKeyIsTakenApart(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && (d.Name() == "_generated" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
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

// TestColumnsAreListedOnce checks that each column that only domains have is
// spelled at most twice in the store: in the list of the table, and in the
// text for the log.
func TestColumnsAreListedOnce(t *testing.T) {
	schema, err := os.ReadFile("../db/migrations/0001_init.sql")
	must(t, err)
	tables := map[string][]string{} // of each column
	table := ""
	for line := range strings.Lines(string(schema)) {
		if m := regexp.MustCompile(`^CREATE TABLE (\w+)`).FindStringSubmatch(line); m != nil {
			table = m[1]
		}
		if m := regexp.MustCompile(`^    ([a-z]\w*) +(TEXT|BIGINT|BYTEA)`).FindStringSubmatch(line); m != nil {
			tables[m[1]] = append(tables[m[1]], table)
		}
	}
	own := map[string]int{}
	for column, in := range tables {
		reference := column == "policy_id"                                             // used for joining tables
		if slices.Equal(in, []string{"domains"}) && !reference && column != "policy" { // a word in messages
			own[column] = 0
		}
	}
	if len(own) < 15 {
		t.Errorf("the schema has %d columns of domains alone", len(own))
	}
	sources(t, func(_ string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				for _, word := range regexp.MustCompile(`\w+`).FindAllString(lit.Value, -1) {
					if _, ok := own[word]; ok {
						own[word]++
					}
				}
			}
			return true
		})
	})
	for column, n := range own {
		if n < 1 || n > 2 {
			t.Errorf("the column %s is spelled %d times", column, n)
		}
	}
}

// TestEncryptedPlaces checks that each column of bytes is either listed as
// encrypted or listed here as not encrypted.
func TestEncryptedPlaces(t *testing.T) {
	s := storetest.Open(t, store.Config{Database: storetest.SQLite(t)})
	known := map[string]bool{}
	for _, p := range s.EncryptedPlaces() {
		known[p.Name] = true
	}
	for _, name := range strings.Fields(`passkeys.credential passkeys.data sessions.hash devices.hash ceremonies.state keys.hash replays.name replays.fingerprint
		logs.edge actions.ip actions.leaf actions.personal actions.salt actions.hash checkpoints.note log_key_changes.statement redirect_keys.public_key redirect_uses.name secrets.value brands.logo_png`) {
		known[name] = true
	}
	schema, err := os.ReadFile("../db/migrations/0001_init.sql")
	must(t, err)
	table := ""
	for line := range strings.Lines(string(schema)) {
		if name, ok := strings.CutPrefix(line, "CREATE TABLE "); ok {
			table, _, _ = strings.Cut(name, " ")
		}
		column := strings.Fields(line)
		if len(column) > 1 && strings.TrimSuffix(column[1], ",") == "BYTEA" && !known[table+"."+column[0]] {
			t.Errorf("%s.%s: encrypted values must be re-encrypted after a rotation", table, column[0])
		}
	}
}
