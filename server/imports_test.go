package server_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/updatecase/mobileconfig/"

// arrows lists the allowed imports of each package of the module. A new arrow
// is added in the commit that needs it.
var arrows = map[string][]string{
	"cmd/mobileconfig": {"server/certificate", "server/doctor", "profile", "profile/lint", "profile/mdm", "server", "server/account", "server/audit", "server/backup", "server/batch", "server/blob", "server/datadir", "server/fault", "server/issue", "server/mailing", "server/notify", "server/probe", "server/push", "server/settings", "server/signerd", "server/store", "signing", "templates", "server/crypt", "server/secret", "server/desired"},

	"docs/button/go":   {},
	"docs/button/demo": {"docs/button/go"},

	"profile":             {},
	"profile/idn":         {},
	"profile/lint":        {"profile/idn", "signing"},
	"profile/mdm":         {"profile"},
	"profile/schematest":  {},
	"signing":             {"signing/gate", "signing/pbe"},
	"signing/pbe":         {},
	"signing/gate":        {},
	"signing/signingtest": {},
	"templates":           {"profile/idn"},

	"server":                 {"server/certificate", "profile", "server/account", "server/api", "server/audit", "server/background", "server/batches", "server/blob", "server/crypt", "server/dial", "server/discovery", "server/fault", "server/id", "server/issue", "server/jobs", "server/mailing", "server/maintenance", "server/notify", "server/pages", "server/panel", "server/panel/access", "server/panel/log", "server/panel/mail", "server/probe", "server/push", "server/pushes", "server/redirect", "server/reload", "server/settings", "server/setup", "server/signerd", "server/store", "server/web", "signing", "templates", "server/admission", "server/secret", "server/branding", "server/panel/brand"},
	"server/certificate":     {"server/account", "server/audit", "server/crypt", "server/fault", "server/id", "signing", "signing/gate"},
	"server/account":         {"profile", "server/account/guess", "server/account/internal/hashing", "server/account/passkey", "server/admission", "server/audit", "server/fault", "server/id", "server/crypt"},
	"server/account/guess":   {},
	"server/admission":       {},
	"server/account/passkey": {"server/fault"},
	"server/api":             {"profile", "profile/mdm", "server/account", "server/api/compress", "server/api/field", "server/api/openapi", "server/api/problem", "server/api/strict", "server/audit", "server/batch", "server/batches", "server/branding", "server/branding/logo", "server/crypt", "server/fault", "server/issue", "server/mailing", "server/notify", "server/probe", "server/push", "server/pushes", "server/redirect", "server/replay", "server/settings", "server/setup", "server/web", "signing", "templates"},
	"server/api/compress":    {"server/web"},
	"server/api/field":       {"profile/mdm", "server/account", "server/audit", "server/fault", "server/notify", "server/probe", "server/setup"},
	"server/api/openapi":     {"server/api/field", "server/api/problem", "server/audit", "server/notify"},
	"server/api/problem":     {"profile", "server/api/field", "server/fault", "server/web"},
	"server/api/strict":      {"server/fault"},
	"server/audit":           {"server/fault", "server/ordered"},
	"server/autoconfig":      {"profile", "server/fault", "server/settings"},
	"server/backup":          {"server/backup/internal/passphrase", "server/datadir", "server/db"},
	"server/branding":        {"profile", "profile/idn", "server/audit", "server/branding/logo", "server/fault", "templates"},
	"server/branding/logo":   {"server/fault"},
	"server/batch":           {"profile", "profile/mdm", "server/background", "server/batch/format", "server/ordered", "server/issue", "server/settings", "signing"},
	"server/batches":         {"profile", "server/audit", "server/batch", "server/batch/format", "server/blob", "server/fault", "server/id", "server/issue", "server/settings", "server/setup", "server/tempfile", "signing"},
	"server/blob":            {},
	"server/tempfile":        {},
	"server/batch/format":    {},
	"server/background":      {},
	"server/ordered":         {"server/background"},
	"server/datadir":         {"signing"},
	"server/db":              {"server/fault"},
	"server/desired":         {"profile", "server/api", "server/api/strict", "server/fault", "server/settings"},
	"server/dial":            {},
	"server/discovery":       {"profile", "server/fault", "server/probe"},
	"server/fault":           {},
	"server/id":              {},
	"server/issue":           {"profile", "profile/idn", "profile/mdm", "server/fault", "server/settings", "signing", "signing/gate", "templates"},
	"server/probe":           {"profile", "server/dial", "server/fault"},
	"server/push":            {"server/batch/format"},
	"server/pushes":          {"profile", "server/audit", "server/batches", "server/blob", "server/crypt", "server/dial", "server/fault", "server/id", "server/push"},
	"server/reload":          {},
	"server/replay":          {},
	"server/signerd":         {"profile", "profile/idn", "server/datadir", "server/issue", "server/reload", "server/settings", "signing", "signing/gate", "templates"},
	"server/prepared":        {},
	"server/soak":            {},
	"server/settings":        {"profile", "server/audit", "server/crypt", "server/fault", "server/id"},
	"server/crypt":           {},
	"server/redirect":        {"profile", "server/audit", "server/fault", "server/id", "server/settings", "server/setup"},
	"server/secret":          {"server/account", "server/audit", "server/crypt"},
	"server/setup":           {"server/admission", "profile", "profile/mdm", "server/audit", "server/crypt", "server/fault", "server/id", "server/settings"},
	"server/pages":           {"profile", "profile/idn", "server/account", "server/autoconfig", "server/branding", "server/fault", "server/issue", "server/redirect", "server/settings", "server/setup", "server/web", "signing", "templates"},
	"server/panel":           {"profile", "server/account", "server/audit", "server/fault", "server/web", "signing", "templates"},
	"server/panel/access":    {"profile", "server/account", "server/audit", "server/certificate", "server/fault", "server/panel", "server/redirect", "server/settings", "server/web", "signing", "templates"},
	"server/panel/brand":     {"profile/idn", "server/account", "server/branding", "server/branding/logo", "server/fault", "server/notify", "server/panel", "server/settings", "server/web", "templates"},
	"server/panel/log":       {"profile", "server/account", "server/audit", "server/fault", "server/notify", "server/panel", "server/web"},
	"server/panel/mail":      {"profile", "profile/idn", "profile/mdm", "server/account", "server/audit", "server/autoconfig", "server/batch", "server/batches", "server/discovery", "server/fault", "server/issue", "server/mailing", "server/notify", "server/panel", "server/probe", "server/push", "server/pushes", "server/settings", "server/setup", "server/web", "templates", "server/branding"},
	"server/jobs":            {"server/background", "server/batches", "server/mailing", "server/maintenance", "server/notify", "server/secret", "server/pushes"},
	"server/mailing":         {"server/admission", "profile", "profile/idn", "server/audit", "server/fault", "server/id", "server/notify", "server/settings", "server/setup", "templates"},
	"server/maintenance":     {"server/audit", "server/fault"},
	"server/notify":          {"profile", "server/account", "server/audit", "server/crypt", "server/dial", "server/fault", "server/id", "templates"},
	"server/outbox":          {"server/account", "server/audit", "server/db", "server/fault", "server/ledger", "server/notify"},
	"server/store":           {"server/admission", "server/certificate", "profile", "server/account", "server/audit", "server/batch", "server/batches", "server/crypt", "server/db", "server/fault", "server/id", "server/ledger", "server/mailing", "server/maintenance", "server/notify", "server/outbox", "server/push", "server/pushes", "server/redirect", "server/replay", "server/secret", "server/settings", "server/setup", "server/branding"},
	"server/ledger":          {"server/account", "server/audit", "server/db", "server/fault", "server/id", "server/maintenance", "server/notify", "server/replay"},
	"server/web":             {"server/audit", "server/fault", "server/id", "server/crypt", "server/tempfile"},

	"server/account/internal/hashing":   {},
	"server/backup/internal/passphrase": {},

	// Not a part of the program: code that imports these can create members.
	"cmd/mobileconfig-dev": {"server", "server/datadir", "server/demo", "server/setup"},
	"server/demo": {"profile", "server/account", "server/audit", "server/fault", "server/id", "server/issue", "server/maintenance", "server/notify", "server/redirect", "server/secret",
		"server/settings", "server/setup", "server/store", "signing", "templates"},

	"server/account/accounttest":  {"server/account/internal/hashing"},
	"server/backup/backuptest":    {"server/backup/internal/passphrase"},
	"server/crashtest":            {},
	"server/certificate/acmetest": {"server/dial/dialtest", "server/prepared", "signing/signingtest"},
	"server/doctor":               {"server", "server/account", "server/audit", "server/autoconfig", "server/certificate", "server/datadir", "server/dial", "server/notify", "server/probe", "server/settings", "server/signerd", "server/store", "signing", "server/secret", "server/fault"},
	"server/dial/dialtest":        {},
	"server/probe/probetest":      {"signing/signingtest"},
	"server/servertest": {"profile", "server", "server/account", "server/account/accounttest", "server/audit", "server/dial/dialtest", "server/id", "server/notify", "server/notify/notifytest", "server/crypt", "server/settings", "server/store", "server/store/storetest",
		"signing", "signing/signingtest"},
	"server/blob/blobtest":     {"server/dial/dialtest", "server/blob", "server/prepared"},
	"server/notify/notifytest": {"profile", "signing/signingtest"},
	"server/store/storetest":   {"profile", "server/account", "server/audit", "server/db", "server/fault", "server/prepared", "server/settings", "server/setup", "server/store"},
	"server/web/qrtest":        {},
}

// homes lists the packages in which a technology may be used.
var homes = map[string][]string{
	"github.com/labstack/echo":      {"server", "server/api", "server/api/compress", "server/api/openapi", "server/api/problem", "server/api/strict", "server/pages", "server/panel", "server/panel/access", "server/panel/log", "server/panel/mail", "server/web"},
	"github.com/jackc/pgx":          {"server/db", "server/store/storetest"},
	"modernc.org/sqlite":            {"server/db", "server/store/storetest"},
	"database/sql":                  {"server/db", "server/store/storetest"},
	"github.com/pressly/goose":      {"server/db"},
	"github.com/riverqueue/river":   {"server/db", "server/jobs"},
	"github.com/wneessen/go-mail":   {"server/notify"},
	"github.com/groob/plist":        {"profile"},
	"github.com/prometheus":         {"server"},
	"go.mozilla.org/pkcs7":          {"signing"},
	"github.com/alecthomas/kong":    {"cmd/mobileconfig"},
	"github.com/nicksnyder/go-i18n": {"templates"},
	"html/template":                 {"templates", "docs/button/demo"},
	"github.com/danielgtaylor/huma": {"server/desired", "server/api", "server/api/field", "server/api/openapi", "server/api/problem", "server/api/strict"},
	"filippo.io/age":                {"server/backup", "server/backup/internal/passphrase"},
	"github.com/mholt/acmez":        {"server/certificate"},
	"os/exec":                       {"server/certificate/acmetest", "server/notify/notifytest", "server/prepared", "server/servertest", "server/store/storetest", "server/web/qrtest"},
	"github.com/go-webauthn":        {"server/account/passkey"},
	"github.com/pquerna/otp":        {"server/account", "server/demo", "server/servertest"},
	"github.com/alexedwards":        {"server/account/internal/hashing"},
	"github.com/ccojocar":           {"server/account/guess"},
	"github.com/boombuler/barcode":  {"server/web"},
	"golang.org/x/mod":              {"server/audit"},
	"crypto/hkdf":                   {"server/crypt"},
	"crypto/hmac":                   {"server/crypt", "server/notify", "server/notify/notifytest", "server/push", "signing"}, // webhooks and PKCS#12 have their own keys
	"github.com/golang-jwt":         {"server/redirect"},
	"github.com/minio/minio-go":     {"server/blob", "server/blob/blobtest"},
	"github.com/srwiley/rasterx":    {"server/branding/logo"},
	"golang.org/x/image":            {"server/branding/logo"},
	"go.yaml.in/yaml":               {"server/desired"},
}

// source calls f for each Go file of the module that isn't a test.
func source(t *testing.T, f func(pkg, path string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != ".." {
			return filepath.SkipDir // a separate module
		}
		if d.IsDir() && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		f(strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), "../"), path, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestImports(t *testing.T) {
	seen := map[string]bool{}
	source(t, func(pkg, path string, file *ast.File) {
		seen[pkg] = true
		allowed, ok := arrows[pkg]
		if !ok {
			t.Errorf("%s: the package %q isn't in the table", path, pkg)
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if inner, ok := strings.CutPrefix(name, module); ok && !slices.Contains(allowed, inner) {
				t.Errorf("%s imports %s, an arrow that isn't in the table", path, inner)
			}
			for technology, where := range homes {
				if (name == technology || strings.HasPrefix(name, technology+"/")) && !slices.Contains(where, pkg) {
					t.Errorf("%s imports %s, whose home is %v", path, name, where)
				}
			}
		}
	})
	for pkg := range arrows {
		if !seen[pkg] {
			t.Errorf("the table has a row for %q, which isn't a package", pkg)
		}
	}
}

// TestOneSigningCall checks that profiles are signed in only one place,
// right after the gate, and in the separate signer process, after another gate.
// Package audit signs checkpoints of the log: according to the table it imports
// neither profiles nor their signer. Examples sign redirects.
func TestOneSigningCall(t *testing.T) {
	var calls []string
	source(t, func(pkg, path string, file *ast.File) {
		if strings.HasPrefix(pkg, "signing") || pkg == "server/audit" || strings.HasPrefix(pkg, examples) {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if s, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Sign", "SignApart", "SignChecksums", "AddSigner"}, s.Sel.Name) {
					calls = append(calls, path)
				}
			}
			return true
		})
	})
	issue, signer := "../server/issue/issue.go", "../server/signerd/signer.go"
	if !slices.Equal(calls, []string{issue, issue, signer, signer}) {
		t.Errorf("the signer is called in %v", calls)
	}
}

// dialers are the packages that may connect to addresses given by others: the
// guarded dialer, the command line, and tests.
var dialers = []string{"server/certificate/acmetest", "server/dial", "server/blob/blobtest", "server/dial/dialtest", "server/notify/notifytest", "server/servertest", "server/store/storetest", "cmd/mobileconfig"}

// relay connects to the operator's mail server, which may be in a private
// network.
const relay = "../server/notify/relay.go"

// authority connects to the operator's ACME authority.
const authority = "../server/certificate/order.go"

// visits connects to what the operator has configured.
const visits = "../server/doctor/"

// examples are programs for users of the service, which don't import it.
const examples = "docs/button/"

// TestOneDialer checks that the source has no unguarded network connections.
func TestOneDialer(t *testing.T) {
	ways := []string{"net.Dial", "net.DialTimeout", "net.DialTCP", "net.Dialer", "tls.Dial", "tls.DialWithDialer", "tls.Dialer", "smtp.Dial", "smtp.SendMail",
		"http.Get", "http.Head", "http.Post", "http.PostForm", "http.Client", "http.DefaultClient", "http.Transport", "http.DefaultTransport"}
	source(t, func(pkg, path string, file *ast.File) {
		if slices.Contains(dialers, pkg) || path == relay || path == authority || strings.HasPrefix(path, visits) || strings.HasPrefix(pkg, examples) {
			return
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && slices.Contains(ways, x.Name+"."+s.Sel.Name) {
					t.Errorf("%s uses %s.%s instead of server/dial", path, x.Name, s.Sel.Name)
				}
			}
			return true
		})
	})
}

// TestOnePlaceForSecrets checks that only the control panel's forms can have a
// field for a password.
func TestOnePlaceForSecrets(t *testing.T) {
	var calls []string
	source(t, func(pkg, path string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "ReadSecrets" {
				calls = append(calls, path)
			}
			return true
		})
	})
	if !slices.Equal(calls, []string{"../server/panel/guard.go"}) {
		t.Errorf("forms with secrets are read in %v", calls)
	}
}

// TestNoHTMLUnescaped checks that the source doesn't use the types of
// html/template that skip escaping.
func TestNoHTMLUnescaped(t *testing.T) {
	source(t, func(pkg, path string, file *ast.File) {
		ast.Inspect(file, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				if x, ok := s.X.(*ast.Ident); ok && x.Name == "template" && slices.Contains([]string{"HTML", "URL", "JS", "CSS", "HTMLAttr", "JSStr", "Srcset"}, s.Sel.Name) {
					t.Errorf("%s uses template.%s", path, s.Sel.Name)
				}
			}
			return true
		})
	})
}

// TestPackageDocs checks that every package and exported function has a
// comment.
func TestPackageDocs(t *testing.T) {
	documented := map[string]bool{}
	source(t, func(pkg, path string, file *ast.File) {
		documented[pkg] = documented[pkg] || file.Doc != nil
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.IsExported() && f.Doc == nil {
				t.Errorf("%s: %s has no comment", path, f.Name.Name)
			}
		}
	})
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("the package %s has no comment", pkg)
		}
	}
}
