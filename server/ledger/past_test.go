package ledger_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// past are the writes that don't go through Change, each with the reason.
// "Bookkeeping" is enough only for writes that no one can request and no log
// reports.
var past = map[string]string{
	"ledger.transact": "Change itself",
	"ledger.Step":     "as Change: the grant is checked, and a step of work needs no action",
	"ledger.Retain":   "a removal in several transactions: the first has the action, each checks the grant",

	"ledger.ReportLog":      "a damaged log may be unable to take the report",
	"ledger.EnqueueRound":   "bookkeeping",
	"ledger.EnqueueJobs":    "bookkeeping",
	"ledger.NoteClock":      "bookkeeping",
	"ledger.ClearLog":       "bookkeeping",
	"ledger.KeepCheckpoint": "bookkeeping",
	"ledger.SendCheckpoint": "bookkeeping",

	"store.TakeTurn":      "bookkeeping",
	"store.BeginLinkMail": "bookkeeping",
	"store.EndLinkMail":   "bookkeeping",

	"store.RequeueBatches": "bookkeeping",

	"store.EndDelivery": "bookkeeping",
	"store.hear":        "bookkeeping: what a webhook tells, signed by its secret",

	"store.UseIdentity":            "bookkeeping, with an action if another certificate signed before",
	"store.SetMail":                "bookkeeping",
	"store.SetCertificateValue":    "bookkeeping: what was done with the certificate is an action of its own",
	"store.DeleteCertificateValue": "bookkeeping",
	"store.keepChecks":             "bookkeeping",
	"store.Lease":                  "bookkeeping",
	"store.EndLease":               "bookkeeping",
	"store.useAll":                 "a group of downloads: one statement checks the grants of all, and each has its action",
	"outbox.EndCall":               "bookkeeping, with an action if a webhook keeps failing",
	"store.Attempt":                "bookkeeping",
	"outbox.BeginTry":              "bookkeeping",
	"outbox.EndTry":                "bookkeeping",
	"store.KeepAnswer":             "bookkeeping",
	"store.DeleteSecret":           "bookkeeping",
	"store.EnqueueRewrite":         "bookkeeping",
	"store.Reencrypt":              "bookkeeping",
	"store.KeepCeremony":           "bookkeeping",
	"store.Prune":                  "bookkeeping",
	"store.TakeCeremony":           "bookkeeping",
	"store.TouchSession":           "bookkeeping",
}

// TestEveryWriteGoesThroughTheLedger finds the functions that begin a
// transaction, and expects exactly those of past; readers must not write.
func TestEveryWriteGoesThroughTheLedger(t *testing.T) {
	found := map[string]bool{}
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(d.Name(), ".") && d.Name() != ".."
		if d.IsDir() && (hidden || d.Name() == "testdata" || d.Name() == "_generated" || path == "../../server/db") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				inspectWrites(t, file.Name.Name+"."+f.Name.Name, f, found)
			}
		}
		return nil
	})
	must(t, err)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if past[name] == "" {
			t.Errorf("%s writes past the ledger", name)
		}
	}
	for name := range past {
		if !found[name] {
			t.Errorf("%s is in past but writes nothing itself", name)
		}
	}
}

var writing = regexp.MustCompile(`\b(INSERT|UPDATE|DELETE)\b`)

func inspectWrites(t *testing.T, name string, f *ast.FuncDecl, found map[string]bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		method, on := selected(call)
		switch {
		case method == "Transact":
			found[name] = true
		case method == "Exec" || method == "Many":
			if outer, ok := on.(*ast.CallExpr); ok {
				if m, _ := selected(outer); m == "Read" {
					t.Errorf("%s writes with what is for reading", name)
				}
			}
		case method == "Row" || method == "Each" || method == "ByKey":
			if outer, ok := on.(*ast.CallExpr); ok {
				if m, _ := selected(outer); m == "Read" && writes(call.Args) {
					t.Errorf("%s writes with what is for reading", name)
				}
			}
		}
		return true
	})
}

// selected returns the method that is called and what it is called on.
func selected(call *ast.CallExpr) (string, ast.Expr) {
	s, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", nil
	}
	return s.Sel.Name, s.X
}

func writes(args []ast.Expr) bool {
	return slices.ContainsFunc(args, func(arg ast.Expr) bool {
		found := false
		ast.Inspect(arg, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && writing.MatchString(lit.Value) {
				found = true
			}
			return true
		})
		return found
	})
}
