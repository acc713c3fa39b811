package templates

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The data from the handlers of the panel: copies of the structs in views.go of
// server/panel and its pages, which this package can't import. TestPanelViews
// checks that they are the same.
type (
	panelFrame struct {
		Operator        string
		Brand           Brand
		Languages       []Language
		Language        Language
		Path, Nav       string
		Person          panelPerson
		Write, Automate bool
		Manage, Operate bool
		Visited         panelVisited
		OwnZone         string
		Problems        []problem
		Done            string
		Development     bool
	}
	panelPerson  struct{ Name, Email, Account string }
	panelVisited struct {
		ID, Name                 string
		Changes, Suspended, Here bool
	}
	panelForm map[string]string
	panelQR   struct {
		Size int
		Path string
	}
	panelPaging struct {
		Query      string
		Total      int
		From, To   int
		Prev, Next string
		Sort       string
		Columns    []panelColumn
	}
	panelColumn struct{ By, Path, Order string }

	signInPage struct {
		panelFrame
		Form    panelForm
		Passkey bool
		Next    string
		Command string
	}
	invitationPage struct {
		panelFrame
		Form                        panelForm
		Token, Email, Account, Role string
		First                       bool
		Expires                     time.Time
	}
	confirmPage struct {
		panelFrame
		Action, Method          string
		Fields                  []confirmField
		Passkey, Code, Withheld bool
	}
	confirmField struct{ Name, Value string }
	enrollPage   struct {
		panelFrame
		Passkey bool
	}
	totpPage struct {
		panelFrame
		Secret, Setup string
		QR            panelQR
	}
	recoveryPage struct {
		panelFrame
		Codes []string
		Left  int
		Made  time.Time
	}
	passwordPage struct {
		panelFrame
		Factor bool
	}
	securityPage struct {
		panelFrame
		Passkeys      []passkeyRow
		PasskeyUsable bool
		TOTP          time.Time
		RecoveryLeft  int
		RecoveryMade  time.Time
		Password      time.Time
		LastFactor    bool
		Sessions      []sessionRow
		SignIns       []signInRow
		Form          panelForm
	}
	passkeyRow struct {
		ID, Name          string
		Synced            bool
		Created, LastUsed time.Time
	}
	sessionRow struct {
		ID, Client, IP, Method string
		Created, LastUsed      time.Time
		Current                bool
	}
	signInRow struct {
		At         time.Time
		Refused    bool
		Client, IP string
		Unreadable bool
	}
	overviewPage struct {
		panelFrame
		Setup                     *checklist
		Todos                     []todo
		Domains, Links, Downloads int
		Days                      []overviewDay
		Identity                  identity
		List                      []domainRow
		Recent                    []actionRow
	}
	todo struct {
		ID     string
		Values map[string]any
		Path   string
		Urgent bool
	}
	overviewDay struct {
		Day              time.Time
		Links, Downloads int
	}
	identity struct {
		Subject, Issuer string
		NotAfter        time.Time
		DaysLeft        int
		Development     bool
		Fault           string
	}
	actionRow struct {
		Name, Target, Who, Kind string
		Refused                 bool
		At                      time.Time
	}
	domainsPage struct {
		panelFrame
		panelPaging
		Form panelForm
		Rows []domainRow
	}
	policyChoice struct {
		Value, Label string
		Erases       bool
	}
	removePage struct {
		panelFrame
		ID           string
		Values       map[string]any
		Action, Back string
		Fields       []confirmField
		Keys         []keyRow
		MoreKeys     int
	}
	hostsPage struct {
		panelFrame
		panelPaging
		Form panelForm
		Rows []hostRow
	}
	hostRow struct {
		Pattern string
		Created time.Time
	}
	policiesPage struct {
		panelFrame
		panelPaging
		Rows []policyRow
	}
	policyRow struct {
		ID, Name               string
		Standard               bool
		Attempts, Length, Lock int
		Domains                []string
	}
	policyPage struct {
		panelFrame
		Form     panelForm
		ID, Name string
		Standard bool
		Domains  []string
		Consent  []string
		Rows     []setting
		XML      string
	}
	setting struct {
		Name, Value string
		IPhone, Mac bool
	}
	keysPage struct {
		panelFrame
		panelPaging
		Rows      []keyRow
		Redirects []redirectRow
	}
	redirectRow struct {
		ID, Name, Algorithm        string
		Domains                    []string
		Created, Expires, LastUsed time.Time
		State                      string
		Soon                       bool
	}
	redirectPage struct {
		panelFrame
		Form                  panelForm
		Domains               []string
		Row                   redirectRow
		PEM, Issuer, Audience string
	}
	keyRow struct {
		ID, Name                   string
		Scopes, Domains, Networks  []string
		Created, Expires, LastUsed time.Time
		LastNetwork                string
		Unused                     bool
		State                      string
		Soon                       bool
		Test                       bool
		CreatedBy, CreatedByKind   string
	}
	keyPage struct {
		panelFrame
		Form     panelForm
		Row      keyRow
		Overlaps []string
		Key      string
	}
	newKeyPage struct {
		panelFrame
		Form            panelForm
		Scopes, Presets []string
		Domains         []string
		Key             string
	}
	membersPage struct {
		panelFrame
		panelPaging
		Rows        []memberRow
		Invitations []invitationRow
		Required    bool
		Erasing     bool
		Retention   int
		Retentions  []int
	}
	memberRow struct {
		ID, Name, Email, Role string
		Operator              bool
		Factors               []string
		LastSeen              time.Time
		Self, LastOwner       bool
	}
	invitationRow struct {
		ID, Email, Role, URL string
		Expires              time.Time
	}
	invitePage struct {
		panelFrame
		Form panelForm
		URL  string
	}
	memberPage struct {
		panelFrame
		Form   panelForm
		Member memberRow
	}
	accountsPage struct {
		panelFrame
		panelPaging
		Rows []accountRow
	}
	accountRow struct {
		ID, Name           string
		Domains, Members   int
		Trusted            bool
		Suspended, Created time.Time
		Own                bool
	}
	accountPage struct {
		panelFrame
		Form        panelForm
		Row         accountRow
		Reason      string
		Members     []memberRow
		Invitations []invitationRow
		URL         string
	}
	whyPage struct {
		panelFrame
		Form panelForm
		What string
		Row  accountRow
	}
	logPage struct {
		panelFrame
		Form          panelForm
		Zone          string
		Members, Keys []policyChoice
		Names         []string
		Chips         []chip
		Rows          []logRow
		Older, Newest string
		Searched      time.Time
		Ahead         bool
	}
	chip   struct{ Name, Value, Path string }
	logRow struct {
		Seq                                           int64
		At                                            time.Time
		Name                                          string
		Refused                                       bool
		Reason, Who, WhoKind, WhoID                   string
		Target, TargetKind, TargetID, History         string
		Interface, Request, IP, Client, Link, Profile string
		Identity, Told                                string
		Changes                                       []logChange
		Erased, Unreadable, WhoTest                   bool
	}
	logChange      struct{ Field, Old, New string }
	panelErrorPage struct {
		panelFrame
		Status       int
		Code, Detail string
	}
)

// panelViews are the structs above by their names in server/panel.
var panelViews = map[string]any{
	"brandingPage": brandingPage{}, "colorCheck": colorCheck{}, "mailsPage": mailsPage{}, "mailKind": mailKind{}, "sampleMail": sampleMail{},
	"Frame": panelFrame{}, "Person": panelPerson{}, "problem": problem{}, "Paging": panelPaging{}, "Column": panelColumn{},
	"signInPage": signInPage{}, "invitationPage": invitationPage{}, "confirmPage": confirmPage{}, "Field": confirmField{},
	"enrollPage": enrollPage{}, "totpPage": totpPage{}, "recoveryPage": recoveryPage{}, "passwordPage": passwordPage{},
	"securityPage": securityPage{}, "passkeyRow": passkeyRow{}, "sessionRow": sessionRow{}, "signInRow": signInRow{},
	"overviewPage": overviewPage{}, "todo": todo{}, "day": overviewDay{}, "identity": identity{}, "actionRow": actionRow{},
	"domainsPage": domainsPage{}, "domainRow": domainRow{}, "domainPage": domainPage{}, "domainFormPage": domainFormPage{}, "pendingPage": pendingPage{}, "search": search{}, "foundServer": foundServer{}, "also": also{}, "look": look{},
	"Choice": policyChoice{}, "check": serverCheck{}, "record": dnsRecord{}, "checklist": checklist{}, "setupStep": setupStep{}, "setupPage": panelSetupPage{},
	"mdmPage": mdmPage{}, "mdmVendor": mdmVendor{}, "mdmFact": mdmFact{}, "mdmVariable": mdmVariable{}, "mdmMade": mdmMade{}, "mdmTemplate": mdmTemplate{}, "mdmAsk": mdmAsk{},
	"RemovePage": removePage{}, "hostsPage": hostsPage{}, "hostRow": hostRow{}, "policiesPage": policiesPage{}, "policyRow": policyRow{}, "policyPage": policyPage{}, "setting": setting{},
	"mailboxPage": mailboxPage{}, "downloadRow": downloadRow{}, "linksPage": linksPage{}, "selectedPage": selectedPage{}, "selectedRow": selectedRow{}, "linkRow": linkRow{}, "newLinkPage": newLinkPage{}, "linkPage": linkPage{}, "linkMail": linkMail{},
	"batchesPage": batchesPage{}, "batchRow": batchRow{}, "newBatchPage": newBatchPage{}, "batchPage": batchPage{}, "batchColumn": batchColumn{}, "batchProblem": batchProblem{}, "batchLive": batchLive{}, "batchArchive": batchArchive{},
	"batchLinks": batchLinks{}, "batchRefused": batchRefused{}, "batchSheetPage": batchSheetPage{}, "batchHandout": batchHandout{}, "nanoPage": nanoPage{}, "pushPage": pushPage{}, "pushRow": pushRow{}, "batchPush": batchPush{},
	"keysPage": keysPage{}, "KeyRow": keyRow{}, "keyPage": keyPage{}, "newKeyPage": newKeyPage{}, "redirectRow": redirectRow{}, "redirectPage": redirectPage{},
	"membersPage": membersPage{}, "memberRow": memberRow{}, "invitationRow": invitationRow{}, "invitePage": invitePage{}, "memberPage": memberPage{},
	"certificatePage": certificatePage{}, "certificateView": certificateView{}, "failedOrder": failedOrder{}, "renewalRow": renewalRow{},
	"accountsPage": accountsPage{}, "accountRow": accountRow{}, "accountPage": accountPage{}, "whyPage": whyPage{}, "Visited": panelVisited{},
	"notificationsPage": notificationsPage{}, "recipientRow": recipientRow{}, "recipientPage": recipientPage{}, "topicRow": topicRow{},
	"webhookRow": webhookRow{}, "webhookPage": webhookPage{}, "eventGroup": eventGroup{}, "deliveryRow": deliveryRow{},
	"logPage": logPage{}, "chip": chip{}, "logRow": logRow{}, "change": logChange{}, "errorPage": panelErrorPage{},
}

// TestPanelViews checks that every struct that a handler passes to a page is
// rendered by the tests, and has the same fields.
func TestPanelViews(t *testing.T) {
	seen := 0
	for _, name := range panelFiles(t, "views*.go") {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		seen += checkViews(t, file)
	}
	if seen != len(panelViews) {
		t.Errorf("%d structs, %d in the tests", seen, len(panelViews))
	}
}

// embeddedType returns the name of an embedded type, from its own or another
// package.
func embeddedType(e ast.Expr) string {
	if s, ok := e.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return e.(*ast.Ident).Name
}

// panelFiles returns the source files of the panel and its pages whose names
// match the pattern.
func panelFiles(t *testing.T, pattern string) []string {
	t.Helper()
	shared, err := filepath.Glob("../server/panel/" + pattern)
	pages, err1 := filepath.Glob("../server/panel/*/" + pattern)
	if err := errors.Join(err, err1); err != nil || len(shared) == 0 || len(pages) == 0 {
		t.Fatalf("%d and %d files, %v", len(shared), len(pages), err)
	}
	return slices.DeleteFunc(append(shared, pages...), func(name string) bool { return strings.HasSuffix(name, "_test.go") })
}

// checkViews compares the structs of a file, and returns their number.
func checkViews(t *testing.T, file *ast.File) (seen int) {
	t.Helper()
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		seen++
		view, ok := panelViews[spec.Name.Name]
		if !ok {
			t.Errorf("no test renders %s", spec.Name.Name)
			return false
		}
		var want, got []string
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			for _, name := range f.Names {
				want = append(want, name.Name)
			}
			if f.Names == nil {
				want = append(want, embeddedType(f.Type))
			}
		}
		for _, f := range reflect.VisibleFields(reflect.TypeOf(view)) {
			switch {
			case len(f.Index) > 1:
			case f.Anonymous:
				got = append(got, strings.TrimPrefix(f.Name, "panel"))
			default:
				got = append(got, f.Name)
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %q, the tests have %q", spec.Name.Name, want, got)
		}
		return false
	})
	return seen
}

var panelNow = time.Date(2026, time.November, 24, 8, 54, 7, 0, time.UTC)

// The viewer.
const (
	nobody = iota
	auditor
	owner
	operator
)

func panelFrameOf(f frame, who int, nav, path string) panelFrame {
	p := panelFrame{Operator: f.Operator, Brand: f.Brand, Languages: f.Languages, Language: f.Language, Nav: nav, Path: path}
	if who != nobody {
		p.Person = panelPerson{"Maria Kern", "maria@example.com", "Example Ltd"}
	}
	p.Write, p.Automate, p.Manage, p.Operate = who >= owner, who >= owner, who >= owner, who == operator
	return p
}

// A panelCase is a page with data. The frame is set in it.
type panelCase struct {
	name, page string
	who        int
	nav, path  string
	view       any // a struct that embeds panelFrame
	problems   []problem
	done       string
	visited    panelVisited
}

func (c panelCase) rendering() rendering {
	return rendering{"panel-" + c.name, "panel/" + c.page, func(f frame) any {
		v := reflect.New(reflect.TypeOf(c.view)).Elem()
		v.Set(reflect.ValueOf(c.view))
		in := panelFrameOf(f, c.who, c.nav, c.path)
		in.Problems, in.Done, in.Visited = c.problems, c.done, c.visited
		for field, value := range reflect.ValueOf(in).Fields() {
			v.FieldByName(field.Name).Set(value)
		}
		return v.Interface()
	}}
}

func panelRenderings() []rendering {
	var all []rendering
	for _, c := range panelCases() {
		all = append(all, c.rendering())
	}
	return all
}

func badFields(fields ...string) []problem {
	all := []problem{{"", "conflict", "[the whole]"}}
	for _, f := range fields {
		all = append(all, problem{f, "some_code", "[" + f + "]"})
	}
	return all
}

func panelCases() []panelCase {
	return slices.Concat(signInCases(), ownCases(), overviewCases(), domainCases(), hostCases(), brandingCases(), mdmCases(), policyCases(), linkCases(), batchCases(), pushCases(), keyCases(), memberCases(), accountCases(), certificateCases(), logCases(), noticeCases(), removeCases(), panelErrorCases())
}

func signInCases() []panelCase {
	at := "/panel/sign-in"
	invited := invitationPage{Token: "tok-123", Email: "tom@example.com", Account: "Example Ltd", Role: "admin", Expires: panelNow}
	fields := []confirmField{{"name", "Phones with mail"}, {"wipe", "yes"}}
	policy := "/panel/policies/pol_1"
	return []panelCase{
		{name: "sign-in", page: "sign-in", path: at, view: signInPage{Passkey: true, Next: "/panel"}},
		{name: "sign-in-no-passkey", page: "sign-in", path: at, view: signInPage{Next: "/panel/keys"}},
		{name: "sign-in-nobody", page: "sign-in", path: "/panel/sign-in", view: signInPage{Passkey: true, Next: "/panel", Command: "mobileconfig admin owner"}},
		{name: "sign-in-problem", page: "sign-in", path: at, view: signInPage{Form: panelForm{"email": "maria@example.com"}, Passkey: true, Next: "/panel"},
			problems: []problem{{"", "sign_in_refused", "[refused]"}}},
		{name: "invitation", page: "invitation", path: "/panel/invitation/tok-123", view: invited},
		{name: "invitation-first", page: "invitation", path: "/panel/invitation/tok-123", view: invitationPage{Token: "tok-123", Role: "owner", First: true}},
		{name: "invitation-problems", page: "invitation", path: "/panel/invitation/tok-123", view: invited, problems: badFields("email", "name", "password")},
		{name: "confirm", page: "confirm", who: owner, path: policy, view: confirmPage{Action: policy, Method: "post", Fields: fields, Passkey: true, Code: true}},
		{name: "confirm-app", page: "confirm", who: owner, path: policy, view: confirmPage{Action: policy, Method: "get", Code: true}},
		{name: "confirm-get", page: "confirm", who: owner, path: policy, view: confirmPage{Action: policy, Method: "get", Passkey: true, Code: true}},
		{name: "confirm-code", page: "confirm", who: owner, path: policy, view: confirmPage{Action: policy, Method: "post", Fields: fields, Code: true, Withheld: true}, problems: badFields("confirm_code")},
		{name: "confirm-password", page: "confirm", who: owner, path: policy, view: confirmPage{Action: policy, Method: "get"}, problems: badFields("confirm_password")},
	}
}

func ownCases() []panelCase {
	at := "/panel/security/sign-in"
	full := securityPage{
		Passkeys:      []passkeyRow{{"pk_1", "MacBook", true, panelNow, panelNow}, {"pk_2", "Blue key", false, panelNow, time.Time{}}},
		PasskeyUsable: true, TOTP: panelNow, RecoveryLeft: 8, RecoveryMade: panelNow, Password: panelNow,
		Sessions: []sessionRow{
			{"s1", "Safari on Mac", "198.51.100.24", "passkey", panelNow, panelNow, true},
			{"s2", "Firefox on Linux", "2001:db8::1", "totp", panelNow, panelNow, false},
			{"s3", "", "192.0.2.7", "recovery", panelNow, panelNow, false},
			{"s4", "Chrome on Windows", "192.0.2.8", "password", panelNow, panelNow, false},
		},
		SignIns: []signInRow{{panelNow, false, "Safari on Mac", "198.51.100.24", false}, {panelNow, true, "", "203.0.113.9", false}, {panelNow, false, "", "", true}},
	}
	few := securityPage{LastFactor: true, TOTP: panelNow, RecoveryLeft: 1, Sessions: full.Sessions[:1]}
	last := securityPage{LastFactor: true, PasskeyUsable: true, Passkeys: full.Passkeys[:1], Sessions: full.Sessions[:1]}
	var codes []string
	for i := range 10 {
		codes = append(codes, fmt.Sprintf("K7Q2-M9XA-4TDN-P3W%d", i))
	}
	app := totpPage{Secret: "JBSW Y3DP EHPK 3PXP", Setup: "c2VhbGVk", QR: panelQR{29, "M4 4h1v1h-1zM6 4h1v1h-1z"}}
	return []panelCase{
		{name: "enroll", page: "enroll", who: owner, nav: "sign-in", path: at + "/enroll", view: enrollPage{Passkey: true}},
		{name: "enroll-no-passkey", page: "enroll", who: owner, nav: "sign-in", path: at + "/enroll", view: enrollPage{}},
		{name: "totp", page: "totp", who: owner, nav: "sign-in", path: at + "/totp", view: app},
		{name: "totp-problem", page: "totp", who: owner, nav: "sign-in", path: at + "/totp", view: app, problems: badFields("code")},
		{name: "recovery", page: "recovery", who: owner, nav: "sign-in", path: at + "/recovery", view: recoveryPage{Left: 2, Made: panelNow}},
		{name: "recovery-none", page: "recovery", who: owner, nav: "sign-in", path: at + "/recovery", view: recoveryPage{}, done: "totp.added"},
		{name: "recovery-codes", page: "recovery", who: owner, nav: "sign-in", path: at + "/recovery", view: recoveryPage{Codes: codes, Left: 10, Made: panelNow}},
		{name: "password", page: "password", who: owner, nav: "sign-in", path: at + "/password", view: passwordPage{Factor: true}},
		{name: "password-problems", page: "password", who: owner, nav: "sign-in", path: at + "/password", view: passwordPage{}, problems: badFields("current", "password")},
		{name: "security", page: "security", who: owner, nav: "sign-in", path: at, view: full, done: "passkey.added"},
		{name: "security-few", page: "security", who: auditor, nav: "sign-in", path: at, view: few},
		{name: "security-last", page: "security", who: auditor, nav: "sign-in", path: at, view: last},
	}
}

// Domains for the cases.
var panelDomains = []domainRow{
	{"example.com", "imap.example.com:993", "smtp.example.com:465", "offered", true, 120, 86, false},
	{"example.org", "mail.example.org:143/starttls", "mail.example.org:587/starttls", "required", false, 1, 0, false},
	{"a-rather-long-name-of-a-subdomain.mail.example.net", "imap.a-rather-long-name-of-a-subdomain.mail.example.net:993", "smtp.example.net:465", "off", false, 0, 0, false},
}

func overviewCases() []panelCase {
	var days []overviewDay
	for i, n := range []int{18, 24, 31, 27, 29, 0, 6, 22, 35, 41, 38, 33, 12, 9} {
		days = append(days, overviewDay{panelNow.AddDate(0, 0, i-13), n + n/3, n})
	}
	empty := make([]overviewDay, 14)
	for i := range empty {
		empty[i].Day = panelNow.AddDate(0, 0, i-13)
	}
	good := identity{"*.example.com", "CN=R11,O=Let's Encrypt,C=US", panelNow.AddDate(0, 2, 0), 61, false, ""}
	var recent []actionRow
	for i, name := range actionNames() {
		kind := []string{"member", "key", "operator", "system", "visitor"}[i%5]
		recent = append(recent, actionRow{name, cmp.Or([]string{"example.com", ""}[i%2]), []string{"Maria Kern", "Customer portal", "", "", ""}[i%5], kind, i%4 == 1, panelNow})
	}
	var todos []todo
	for _, id := range todoIDs {
		todos = append(todos, todo{id, todoValues, "/panel/members", id == "identity_bad" || id == "one_factor"})
	}
	return []panelCase{
		{name: "overview", page: "overview", who: operator, nav: "overview", path: "/panel", view: overviewPage{Todos: todos[3:6], Domains: 1234, Links: 430, Downloads: 325, Days: days,
			Identity: identity{"*.example.com", "CN=R11,O=Let's Encrypt,C=US", panelNow.AddDate(0, 0, 9), 9, false, ""}, List: panelDomains, Recent: recent[:6]}},
		{name: "overview-all", page: "overview", who: owner, nav: "overview", path: "/panel", view: overviewPage{Todos: todos, Days: days, List: panelDomains[:1], Recent: recent,
			Identity: identity{"example.com", "CN=x", panelNow, 0, false, "the certificate has expired"}}},
		{name: "overview-fresh", page: "overview", who: owner, nav: "overview", path: "/panel", view: overviewPage{Setup: setupSteps(0), Todos: []todo{{ID: "no_recovery", Path: "/panel/security/sign-in/recovery"}}, Days: empty,
			Identity: identity{"setup.example.com", "CN=development", panelNow.AddDate(1, 0, 0), 365, true, ""}}},
		{name: "overview-link", page: "overview", who: operator, nav: "overview", path: "/panel", view: overviewPage{Setup: setupSteps(4), Days: empty, Domains: 1, List: panelDomains[:1], Identity: good}},
		{name: "overview-opened", page: "overview", who: owner, nav: "overview", path: "/panel", view: overviewPage{Setup: setupSteps(5), Days: empty, Domains: 1, List: panelDomains[:1], Identity: good}},
		{name: "setup", page: "setup", who: operator, nav: "overview", path: "/panel/setup", view: panelSetupPage{Host: "setup.example.com", Certificate: "mobileconfig serve", Relay: "mobileconfig serve", Backup: "mobileconfig backup"}},
		{name: "overview-auditor", page: "overview", who: auditor, nav: "overview", path: "/panel", view: overviewPage{Days: days, Identity: good, List: panelDomains, Recent: recent[:2]}},
		{name: "overview-nothing", page: "overview", who: auditor, nav: "overview", path: "/panel", view: overviewPage{Identity: good}},
	}
}

func hostCases() []panelCase {
	hosts := []hostRow{{"*.example.com", panelNow}, {"xn--80ak6aa92e.com", panelNow}}
	return []panelCase{
		{name: "hosts", page: "hosts", who: owner, nav: "domains", path: "/panel/hosts", view: hostsPage{panelPaging: panelPaging{"", 2, 1, 2, "", "", "", nil}, Rows: hosts}, done: "host.approved"},
		{name: "hosts-wrong", page: "hosts", who: owner, nav: "domains", path: "/panel/hosts", view: hostsPage{Form: panelForm{"host": "*.com"}}, problems: badFields("host")},
		{name: "hosts-auditor", page: "hosts", who: auditor, nav: "domains", path: "/panel/hosts", view: hostsPage{panelPaging: panelPaging{"", 2, 1, 2, "", "", "", nil}, Rows: hosts}},
		{name: "hosts-nothing", page: "hosts", who: owner, nav: "domains", path: "/panel/hosts", view: hostsPage{panelPaging: panelPaging{Query: "nowhere"}}},
		{name: "hosts-empty", page: "hosts", who: owner, nav: "domains", path: "/panel/hosts", view: hostsPage{}},
	}
}

func policyCases() []panelCase {
	at := "/panel/policies"
	rows := []policyRow{{"standard", "Standard", true, 10, 6, 5, []string{"example.com", "example.org"}}, {"pol_1", "Loan phones", false, 0, 4, 1, nil}}
	form := panelForm{"name": "Phones with mail", "min_length": "6", "min_complex": "0", "auto_lock": "5", "grace": "0", "max_age": "0", "history": "0", "wipe": "yes", "max_failed_attempts": "10", "reset_after": "15", "alphanumeric": "yes"}
	keep := panelForm{"min_length": "6", "auto_lock": "5", "max_failed_attempts": "10"}
	var rules []setting
	for _, name := range settingNames {
		rules = append(rules, setting{name, "5", true, name != "history"})
	}
	rules = append(rules, setting{"simple", "", true, true}, setting{"grace", "0", true, true}, setting{"max_failed_attempts", "10", true, true}, setting{"reset_after", "15", false, true}, setting{"incoming", "imap.example.com:993", true, true})
	consent := []string{"ABOUT 10 WRONG PASSCODES ERASE THIS DEVICE.", "What you’ll be asked for:\n• a passcode of 6 characters or more\n• your email password, once"}
	xml := "<?xml version=\"1.0\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n<plist version=\"1.0\">\n\t<string>" + strings.Repeat("A long line. ", 40) + "</string>\n</plist>\n"
	whole := policyPage{Form: form, ID: "pol_1", Name: "Phones with mail", Domains: []string{"example.com", "example.org"}, Consent: consent, Rows: rules, XML: xml}
	standard := whole
	standard.ID, standard.Name, standard.Standard = "standard", "Standard", true
	fields := badFields("name", "min_length", "alphanumeric", "min_complex", "auto_lock", "grace", "wipe", "max_failed_attempts", "reset_after", "max_age", "history")
	return []panelCase{
		{name: "policies", page: "policies", who: owner, nav: "policies", path: at, view: policiesPage{panelPaging: panelPaging{"", 22, 1, 2, "", at + "?page=2", "-name", []panelColumn{{"name", at + "?sort=name", "descending"}, {"domains", at + "?sort=domains", ""}}}, Rows: rows}, done: "policy.deleted"},
		{name: "policies-nothing", page: "policies", who: owner, nav: "policies", path: at, view: policiesPage{panelPaging: panelPaging{Query: "nowhere"}}},
		{name: "policies-auditor", page: "policies", who: auditor, nav: "policies", path: at, view: policiesPage{Rows: rows}},
		{name: "policies-empty", page: "policies", who: owner, nav: "policies", path: at, view: policiesPage{}},
		{name: "policy", page: "policy", who: owner, nav: "policies", path: at + "/pol_1", view: whole, done: "policy.saved"},
		{name: "policy-problems", page: "policy", who: owner, nav: "policies", path: at + "/pol_1", view: whole, problems: fields},
		{name: "policy-standard", page: "policy", who: owner, nav: "policies", path: at + "/standard", view: standard},
		{name: "policy-auditor", page: "policy", who: auditor, nav: "policies", path: at + "/pol_1", view: whole},
		{name: "policy-new", page: "policy", who: owner, nav: "policies", path: at + "/new", view: policyPage{Form: keep, Consent: consent, Rows: rules[:3]}},
	}
}

func keyCases() []panelCase {
	at := "/panel/keys"
	rows := []keyRow{
		{"key_1", "Customer portal", scopeNames(), nil, nil, panelNow, time.Time{}, panelNow, "192.0.2.0/24", false, "live", false, false, "Maria Kern", "member"},
		{"key_2", "Nightly script", []string{"profiles:write"}, []string{"example.com", "example.org"}, []string{"192.0.2.0/24", "2001:db8::/48"}, panelNow, panelNow, time.Time{}, "", false, "expired", false, true, "Customer portal", "key"},
		{"key_3", "Old panel", nil, nil, nil, panelNow, panelNow, panelNow, "192.0.2.0/24", false, "revoked", false, false, "", "member"},
		{"key_4", "Backup", nil, nil, nil, panelNow, time.Time{}, panelNow, "192.0.2.0/24", true, "live", false, false, "", "operator"},
		{"key_5", "First", nil, nil, nil, panelNow, time.Time{}, panelNow, "192.0.2.0/24", false, "live", false, false, "", "system"},
	}
	redirects := []redirectRow{
		{"rdk_1", "Customer panel", "EdDSA", nil, panelNow, time.Time{}, panelNow, "live", true},
		{"rdk_2", "Roundcube", "ES256", []string{"example.com", "example.org"}, panelNow, panelNow, time.Time{}, "expired", false},
	}
	redirectForm := panelForm{"name": "Roundcube", "domains": "example.com", "public_key": "-----BEGIN PUBLIC KEY-----"}
	registered := redirectPage{Form: redirectForm, Domains: []string{"example.com"}, Row: redirects[1], PEM: "-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n", Issuer: "acc_1", Audience: "https://setup.example.com"}
	lasting := registered
	lasting.Row = redirects[0]
	one := keyPage{Form: panelForm{"name": "Customer portal", "overlap": "24"}, Row: rows[0], Overlaps: []string{"1", "24", "168", "720"}}
	form := panelForm{"name": "Customer portal", "domains:read": "yes", "profiles:write": "yes", "expires": "365", "test": "yes", "domains": "example.com", "networks": "192.0.2.0/24"}
	return []panelCase{
		{name: "keys", page: "keys", who: owner, nav: "keys", path: at, view: keysPage{panelPaging: panelPaging{"", 3, 1, 3, "", "", "", nil}, Rows: rows, Redirects: redirects}},
		{name: "keys-auditor", page: "keys", who: auditor, nav: "keys", path: at, view: keysPage{panelPaging: panelPaging{"portal", 7, 1, 3, "", "/panel/keys?page=2", "", nil}, Rows: rows}},
		{name: "keys-nothing", page: "keys", who: owner, nav: "keys", path: at, view: keysPage{panelPaging: panelPaging{Query: "x"}}},
		{name: "keys-empty", page: "keys", who: owner, nav: "keys", path: at, view: keysPage{}},
		{name: "keys-empty-auditor", page: "keys", who: auditor, nav: "keys", path: at, view: keysPage{}},
		{name: "key-new", page: "key-new", who: owner, nav: "keys", path: at + "/new", view: newKeyPage{Form: panelForm{"expires": "365"}, Scopes: scopeNames(), Presets: presetNames(), Domains: []string{"example.com"}}},
		{name: "key-problems", page: "key-new", who: owner, nav: "keys", path: at + "/new", view: newKeyPage{Form: form, Scopes: scopeNames(), Presets: presetNames()}, problems: badFields("name", "preset", "scopes", "domains", "networks", "expires")},
		{name: "redirect-new", page: "redirect-key", who: owner, nav: "keys", path: at + "/redirect/new", view: redirectPage{Domains: []string{"example.com"}}},
		{name: "redirect-problems", page: "redirect-key", who: owner, nav: "keys", path: at + "/redirect/new", view: redirectPage{Form: redirectForm}, problems: badFields("name", "public_key", "domains")},
		{name: "redirect", page: "redirect-key", who: owner, nav: "keys", path: at + "/redirect/rdk_2", view: registered, done: "redirect.created"},
		{name: "redirect-lasting", page: "redirect-key", who: owner, nav: "keys", path: at + "/redirect/rdk_1", view: lasting},
		{name: "redirect-auditor", page: "redirect-key", who: auditor, nav: "keys", path: at + "/redirect/rdk_2", view: registered},
		{name: "key", page: "key", who: owner, nav: "keys", path: at + "/key_1", view: one, done: "key.saved"},
		{name: "key-one-problems", page: "key", who: owner, nav: "keys", path: at + "/key_1", view: one, problems: badFields("name", "overlap")},
		{name: "key-expired", page: "key", who: owner, nav: "keys", path: at + "/key_2", view: keyPage{Form: panelForm{"name": "Nightly script"}, Row: rows[1], Overlaps: one.Overlaps}},
		{name: "key-revoked", page: "key", who: owner, nav: "keys", path: at + "/key_3", view: keyPage{Form: panelForm{"name": "Old panel"}, Row: rows[2], Overlaps: one.Overlaps}},
		{name: "key-auditor", page: "key", who: auditor, nav: "keys", path: at + "/key_1", view: one},
		{name: "key-replaced", page: "key", who: owner, nav: "keys", path: at + "/key_1", view: keyPage{Row: rows[0], Key: "mck_EXAMPLE_0000000000000000000000000000"}},
		{name: "key-made", page: "key-new", who: owner, nav: "keys", path: at + "/new", view: newKeyPage{Form: form, Scopes: scopeNames(), Key: "mck_EXAMPLE_0000000000000000000000000000"}},
	}
}

func memberCases() []panelCase {
	at := "/panel/members"
	rows := []memberRow{
		{"mem_1", "Maria Kern", "maria@example.com", "owner", true, []string{"passkey", "totp"}, panelNow, true, true},
		{"mem_2", "Tom Adler", "tom@example.com", "admin", false, []string{"totp"}, panelNow, false, false},
		{"mem_3", "", "a.very.long.address.of.somebody@subdomain.example.com", "auditor", false, nil, time.Time{}, false, false},
	}
	url := "https://setup.example.com/panel/invitation/tok-1234567890"
	invitations := []invitationRow{{"inv_1", "new@example.com", "admin", url, panelNow}, {"inv_2", "", "owner", url, panelNow}, {"inv_3", "x@example.com", "auditor", "", panelNow}}
	paging := panelPaging{"", 3, 1, 3, "", "", "", nil}
	return []panelCase{
		{name: "members", page: "members", who: owner, nav: "members", path: at, view: membersPage{panelPaging: paging, Rows: rows, Invitations: invitations, Required: true, Retention: 400, Retentions: []int{0, 90, 400}}, done: "settings.saved"},
		{name: "members-auditor", page: "members", who: auditor, nav: "members", path: at, view: membersPage{panelPaging: paging, Rows: rows, Invitations: invitations}},
		{name: "members-auditor-required", page: "members", who: auditor, nav: "members", path: at, view: membersPage{panelPaging: paging, Rows: rows[:1], Required: true, Retention: 90}},
		{name: "members-nothing", page: "members", who: owner, nav: "members", path: at, view: membersPage{panelPaging: panelPaging{Query: "x"}}},
		{name: "invite", page: "invite", who: owner, nav: "members", path: at + "/invite", view: invitePage{Form: panelForm{"role": "admin"}}},
		{name: "invite-problems", page: "invite", who: owner, nav: "members", path: at + "/invite", view: invitePage{Form: panelForm{"email": "x", "role": "y"}}, problems: badFields("email", "role")},
		{name: "invite-made", page: "invite", who: owner, nav: "members", path: at + "/invite", view: invitePage{Form: panelForm{"email": "new@example.com"}, URL: url}},
		{name: "member", page: "member", who: owner, nav: "members", path: at + "/mem_2", view: memberPage{Form: panelForm{"role": "admin"}, Member: rows[1]}},
		{name: "member-self", page: "member", who: owner, nav: "members", path: at + "/mem_1", view: memberPage{Form: panelForm{"role": "owner"}, Member: rows[0]}},
		{name: "member-problems", page: "member", who: owner, nav: "members", path: at + "/mem_3", view: memberPage{Form: panelForm{"role": "auditor"}, Member: rows[2]}, problems: badFields("role")},
	}
}

func accountCases() []panelCase {
	at := "/panel/accounts"
	rows := []accountRow{
		{"acc_1", "Example Ltd", 3, 4, true, time.Time{}, panelNow, true},
		{"acc_2", "Other Ltd", 1234, 1, false, panelNow, panelNow, false},
		{"acc_3", "Third Ltd", 0, 1, false, time.Time{}, panelNow, false},
	}
	people := []memberRow{
		{"mem_1", "Maria Kern", "maria@example.com", "owner", true, []string{"passkey", "totp"}, panelNow, false, true},
		{"mem_2", "", "jonas@example.com", "admin", false, nil, time.Time{}, false, false},
	}
	invited := []invitationRow{{"inv_1", "new@example.com", "owner", "", panelNow}}
	return []panelCase{
		{name: "account-people", page: "account", who: operator, nav: "accounts", path: at + "/acc_3", view: accountPage{Form: panelForm{"name": "Third Ltd"}, Row: rows[2], Members: people, Invitations: invited}},
		{name: "account-open", page: "account-why", who: operator, nav: "accounts", path: at + "/acc_3/open", view: whyPage{What: "open", Row: rows[2]}},
		{name: "account-open-problems", page: "account-why", who: operator, nav: "accounts", path: at + "/acc_3/open", view: whyPage{Form: panelForm{"reason": "x", "changes": "yes"}, What: "open", Row: rows[2]}, problems: badFields("reason")},
		{name: "account-suspend", page: "account-why", who: operator, nav: "accounts", path: at + "/acc_3/suspend", view: whyPage{What: "suspend", Row: rows[2]}},
		{name: "account-resume", page: "account-why", who: operator, nav: "accounts", path: at + "/acc_2/resume", view: whyPage{What: "resume", Row: rows[1]}},
		{name: "visit-look", page: "domains", who: operator, nav: "domains", path: "/panel/domains", visited: panelVisited{"acc_3", "Third Ltd", false, false, true}, view: domainsPage{}},
		{name: "visit-changes", page: "domains", who: operator, nav: "domains", path: "/panel/domains", visited: panelVisited{"acc_3", "Third Ltd", true, false, true}, view: domainsPage{}, done: "account.opened"},
		{name: "visit-suspended", page: "domains", who: operator, nav: "domains", path: "/panel/domains", visited: panelVisited{"acc_3", "Third Ltd", true, true, true}, view: domainsPage{}},
		{name: "visit-own", page: "accounts", who: operator, nav: "accounts", path: at, visited: panelVisited{"acc_3", "Third Ltd", true, false, false}, view: accountsPage{}},
		{name: "accounts", page: "accounts", who: operator, nav: "accounts", path: at, view: accountsPage{panelPaging: panelPaging{"", 3, 1, 3, "", "", "", nil}, Rows: rows}, done: "account.suspended"},
		{name: "accounts-nothing", page: "accounts", who: operator, nav: "accounts", path: at, view: accountsPage{panelPaging: panelPaging{Query: "x"}}},
		{name: "accounts-empty", page: "accounts", who: operator, nav: "accounts", path: at, view: accountsPage{}},
		{name: "account-new", page: "account", who: operator, nav: "accounts", path: at + "/new", view: accountPage{}},
		{name: "account-problems", page: "account", who: operator, nav: "accounts", path: at + "/new", view: accountPage{Form: panelForm{"name": "x", "trusted": "yes"}}, problems: badFields("name", "email", "trusted")},
		{name: "account-made", page: "account", who: operator, nav: "accounts", path: at + "/new", view: accountPage{Form: panelForm{"name": "New Ltd"}, Row: rows[2], URL: "https://setup.example.com/panel/invitation/tok"}},
		{name: "account", page: "account", who: operator, nav: "accounts", path: at + "/acc_3", view: accountPage{Form: panelForm{"name": "Third Ltd"}, Row: rows[2]}},
		{name: "account-own", page: "account", who: operator, nav: "accounts", path: at + "/acc_1", view: accountPage{Form: panelForm{"name": "Example Ltd", "trusted": "yes"}, Row: rows[0]}},
		{name: "account-suspended", page: "account", who: operator, nav: "accounts", path: at + "/acc_2", view: accountPage{Form: panelForm{"name": "Other Ltd"}, Row: rows[1], Reason: "Three invoices unpaid"}},
	}
}

// logFields are the filters of the action log, as its handler reads them.
var logFields = []string{"from", "to", "zone", "actor", "action", "outcome", "interface", "kind", "target", "mailbox", "domain", "network", "link", "profile", "text"}

// A filledLog is a log with entries of all names, kinds and interfaces.
func filledLog() logPage {
	berlin := time.FixedZone("CET", 3600)
	kinds, ways, objects := actorKinds(), interfaces(), targetKinds()
	hash := strings.Repeat("0123456789abcdef", 4)
	var rows []logRow
	for i, name := range actionNames() {
		r := logRow{Seq: int64(4812 - i), At: panelNow.Add(-time.Duration(i) * 97 * time.Minute).In(berlin), Name: name, WhoKind: kinds[i%len(kinds)], TargetKind: objects[i%len(objects)],
			Interface: ways[i%len(ways)], Request: "req_8K2vPq0Qm", IP: "198.51.100.24", Client: "Safari on Mac", TargetID: fmt.Sprint("obj_", i)}
		switch r.WhoKind {
		case "member":
			r.Who, r.WhoID, r.Target, r.History = "Maria Kern", "mem_1", "example.com", "/panel/security/log?kind=domain&target=obj_1"
			r.Changes = []logChange{{"incoming", "imap.example.com:993", "mail.example.com:993"}, {"secret", "***", "***"}}
		case "key":
			r.Who, r.WhoID, r.Refused, r.Reason, r.IP = "Customer portal", "key_1", true, "domain_unproven", "2001:db8:1234:5678:9abc:def0:1234:5678"
			r.Client = ""
		case "visitor":
			r.Target, r.Link, r.Profile, r.Identity = "maria@example.com", "lnk_7Hq2", hash, hash
		default:
			r.IP, r.Client, r.Request = "", "", ""
		}
		rows = append(rows, r)
	}
	long := logRow{Seq: 4700, At: panelNow.In(berlin), Name: "policy.update", Who: "Tom Adler", WhoKind: "member", WhoID: "mem_2", Target: "a-rather-long-name-of-a-subdomain.mail.example.net", TargetKind: "policy",
		TargetID: "pol_1", History: "/panel/security/log?kind=policy&target=pol_1", Interface: "panel", IP: "192.0.2.7", Client: "Firefox on Linux"}
	for _, field := range append(fieldNames, "a_field_of_tomorrow") {
		long.Changes = append(long.Changes, logChange{field, "", strings.Repeat("new", 30)}, logChange{field, "Help desk\n+43 1 234567", ""})
	}
	rows = append(rows, long,
		logRow{Seq: 4699, At: panelNow.In(berlin), Name: "member.sign_in", Refused: true, WhoKind: "visitor", Erased: true, TargetKind: "member", Interface: "panel"},
		logRow{Seq: 4698, At: panelNow.In(berlin), Name: "name.of_tomorrow", WhoKind: "robot", TargetKind: "thing", Interface: "gateway"},
		logRow{Seq: 4697, At: panelNow.In(berlin), Name: "log.retain", WhoKind: "system"},
		logRow{Seq: 4696, At: panelNow.In(berlin), Unreadable: true},
		logRow{Seq: 12, At: panelNow.In(berlin)},
		logRow{Seq: 11, At: panelNow.In(berlin)})
	return logPage{Form: panelForm{}, Zone: "Europe/Berlin", Names: actionNames(), Rows: rows,
		Members: []policyChoice{{"mem_1", "Maria Kern", false}, {"mem_2", "Tom Adler", false}}, Keys: []policyChoice{{"key_1", "Customer portal", false}}}
}

func logCases() []panelCase {
	at := "/panel/security/log"
	form := panelForm{"from": "2026-11-01T00:00", "to": "2026-11-25T00:00", "zone": "Europe/Berlin", "actor": "mem_1", "action": "policy.", "outcome": "refused", "interface": "command_line", "kind": "domain",
		"target": "dom_1", "mailbox": "maria@example.com", "domain": "example.com", "network": "198.51.100.0/24", "link": "lnk_7Hq2", "profile": strings.Repeat("ab", 32), "text": "portal & co"}
	var chips []chip
	for _, name := range logFields {
		chips = append(chips, chip{name, form[name], at + "?without=" + name})
	}
	whole := filledLog()
	whole.Older = at + "?before=4697"
	filtered := whole
	filtered.Form, filtered.Chips, filtered.Rows, filtered.Newest = form, chips, whole.Rows[:3], at+"?actor=mem_1"
	filtered.Searched = panelNow.AddDate(0, -3, 0).In(whole.Rows[0].At.Location())
	last := whole
	last.Rows, last.Older, last.Newest = whole.Rows[:1], "", at
	full := whole
	full.Rows = slices.Repeat(whole.Rows[:1], 50)
	full.Searched = panelNow
	gone := whole
	gone.Form = panelForm{"actor": "mem_9", "action": "member.sign_in,member.sign_out", "zone": "Europe/Berlin"}
	gone.Chips = []chip{{"actor", "mem_9", at}, {"action", "member.sign_in,member.sign_out", at}, {"actor", "kind:visitor", at}, {"actor", "key_1", at}, {"action", "domain.update", at}, {"outcome", "done", at}, {"other", "x", at}}
	gone.Rows = whole.Rows[:2]
	empty := whole
	empty.Rows, empty.Older = nil, ""
	nothing := empty
	nothing.Form, nothing.Chips = panelForm{"text": "nowhere"}, []chip{{"text", "nowhere", at}}
	searched := nothing
	searched.Older, searched.Searched = at+"?text=nowhere&before=4000", filtered.Searched
	older := empty
	older.Newest = at
	bad := empty
	bad.Form = form
	ahead := whole
	ahead.Ahead = true
	return []panelCase{
		{name: "log", page: "log", who: owner, nav: "log", path: at, view: whole},
		{name: "log-auditor", page: "log", who: auditor, nav: "log", path: at, view: whole},
		{name: "log-filtered", page: "log", who: owner, nav: "log", path: at, view: filtered},
		{name: "log-last", page: "log", who: owner, nav: "log", path: at, view: last},
		{name: "log-full", page: "log", who: owner, nav: "log", path: at, view: full},
		{name: "log-gone", page: "log", who: owner, nav: "log", path: at, view: gone},
		{name: "log-ahead", page: "log", who: owner, nav: "log", path: at, view: ahead},
		{name: "log-empty", page: "log", who: owner, nav: "log", path: at, view: empty},
		{name: "log-nothing", page: "log", who: auditor, nav: "log", path: at, view: nothing},
		{name: "log-searched", page: "log", who: owner, nav: "log", path: at, view: searched},
		{name: "log-older", page: "log", who: owner, nav: "log", path: at, view: older},
		{name: "log-problems", page: "log", who: owner, nav: "log", path: at, view: bad, problems: badFields(logFields...)},
		{name: "log-problem-folded", page: "log", who: owner, nav: "log", path: at, view: empty, problems: badFields("network")},
	}
}

// removeValues are the values for the confirmation pages.
var removeValues = map[string]map[string]any{
	"pending": {"Domain": "example.com"}, "selected": {"Links": 3}, "mail-selected": {"Links": 1},
	"domain": {"Domain": "example.com", "Links": 12}, "link": {"Address": "jane@example.com"}, "mailbox-links": {"Address": "jane@example.com", "Links": 1},
	"links": {"Domain": "example.com", "Links": 12}, "policy": {"Policy": "Phones with mail"}, "batch": {"Name": "staff-2026-11.csv"}, "key": {"Key": "Customer portal"}, "redirect": {"Key": "Customer panel"}, "member": {"Name": "Tom Adler"},
	"invitation": {"Email": "new@example.com"}, "passkey": {"Name": "MacBook"}, "totp": nil,
	"recipient": {"Email": "desk@example.com"}, "webhook": {"Host": "panel.example.com"}, "webhook-off": {"Host": "panel.example.com"}, "webhook-secret": {"Host": "panel.example.com"}, "nanomdm": {"Host": "mdm.example.com"}, "nanomdm-secret": {"Host": "mdm.example.com"},
	"mailbox": {"Email": "jane@example.com"}, "entry": {"Number": "4711"},
}

func removeCases() []panelCase {
	var all []panelCase
	for _, id := range removeIDs {
		all = append(all, panelCase{name: "remove-" + id, page: "remove", who: owner, nav: "domains", path: "/panel/remove", view: removePage{ID: id, Values: removeValues[id], Action: "/panel/remove", Fields: []confirmField{{"mailbox", "jane@example.com"}}, Back: "/panel"}})
	}
	keys := []keyRow{
		{"key_1", "Customer portal", scopeNames(), nil, nil, panelNow, time.Time{}, panelNow, "192.0.2.0/24", false, "live", false, false, "Tom Adler", "member"},
		{"key_2", "Nightly script", []string{"profiles:write"}, []string{"example.com"}, nil, panelNow, panelNow, time.Time{}, "", false, "live", true, true, "Customer portal", "key"},
	}
	for more := range 3 {
		all = append(all, panelCase{name: fmt.Sprint("remove-member-keys-", more), page: "remove", who: owner, nav: "members", path: "/panel/remove",
			view: removePage{ID: "member", Values: removeValues["member"], Action: "/panel/remove", Back: "/panel", Keys: keys, MoreKeys: more}})
	}
	return all
}

func panelErrorCases() []panelCase {
	var all []panelCase
	for _, status := range append([]int{0, 400, 502}, statuses...) {
		all = append(all, panelCase{name: fmt.Sprint("error-", status), page: "error", who: owner, path: "/panel/x", view: panelErrorPage{Status: status, Code: "some_code", Detail: "[detail]"}})
	}
	return append(all, panelCase{name: "error-signed-out", page: "error", path: "/panel/x", view: panelErrorPage{Status: 403}})
}

// The suffixes of text ids that are only known at run time.
var (
	removeIDs    = []string{"domain", "pending", "selected", "mail-selected", "batch", "link", "mailbox-links", "links", "policy", "key", "redirect", "member", "invitation", "passkey", "totp", "recipient", "webhook", "webhook-off", "webhook-secret", "mailbox", "entry", "nanomdm", "nanomdm-secret"}
	todoIDs      = []string{"identity_bad", "one_factor", "no_recovery", "identity_expires", "few_recovery", "identity_development", "one_owner", "no_relay", "no_backup", "old_backup"}
	todoValues   = map[string]any{"Fault": "the certificate has expired", "Days": 9, "Left": 9}
	settingNames = []string{"min_length", "simple", "alphanumeric", "min_complex", "auto_lock", "grace", "max_failed_attempts", "reset_after", "max_age", "history", "incoming", "outgoing", "login", "password", "tls"}
	fieldNames   = []string{
		"action", "actions", "actor", "alphanumeric", "auto_lock_minutes", "before", "caldav", "carddav", "declarations", "delivery", "disabled", "changes", "display_name", "domain", "domains", "events", "erasing_policies_by_key", "expires_at", "external_id", "factor_required", "file", "files", "format",
		"from", "grace_minutes", "help_text", "history", "host", "incoming", "interface", "kind", "language", "link", "links", "locale", "login", "mailbox", "max_age_days", "max_downloads", "max_failed_attempts", "metadata",
		"method", "min_complex", "min_length", "name", "network", "outcome", "outgoing", "platform", "platforms", "page", "policy", "policy_id", "profile", "public_key", "reason", "replaced_by", "replaces", "reset_minutes", "retention_days",
		"return_hosts", "return_url", "role", "rows", "scopes", "secret", "sha256", "sign_in_hint", "target", "test", "text", "through", "to", "topics", "trusted", "variant", "zone",
	}
	doneIDs = []string{
		"shown", "branding.saved", "branding.logo", "branding.removed", "domain.saved", "domain.created", "domain.deleted", "domain.pending", "domain.checked", "domain.records", "policy.saved", "policy.created", "policy.deleted", "link.created", "link.mailed", "batch.uploaded", "batch.checked", "batch.started", "batch.canceled", "batch.deleted", "batch.pushed", "nanomdm.saved", "nanomdm.disconnected", "link.revoked", "links.revoked", "links.unselected", "links.mailed", "key.revoked", "redirect.created", "redirect.saved", "redirect.deleted", "member.saved", "member.removed", "key.saved", "metadata.saved",
		"invitation.revoked", "settings.saved", "account.saved", "account.suspended", "account.resumed", "account.opened", "account.left", "password.saved", "totp.added", "totp.removed",
		"passkey.added", "passkey.removed", "session.revoked", "sessions.revoked", "language.saved", "zone.saved", "retention.saved", "log.erased",
		"notifications.saved", "recipient.added", "recipient.removed", "mail.tested", "mail.redelivered",
		"shown", "host.approved", "host.withdrawn", "webhook.saved", "webhook.enabled", "webhook.disabled", "webhook.deleted", "webhook.tested", "webhook.redelivered",
		"certificate.uploaded", "certificate.renewing",
	}
)

// quoted returns the strings of a Go file that match the group of a pattern.
func quoted(file, pattern string) []string {
	if known, ok := quotes.Load(file + pattern); ok {
		return known.([]string)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	var all []string
	for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	quotes.Store(file+pattern, slices.Clip(all))
	return all
}

// quotes has what quoted returned.
var quotes sync.Map

// actionNames are the possible names in the action log, scopeNames the scopes
// of keys.
func actionNames() []string {
	return quoted("../server/audit/action.go", `(?m)^\t\w+ +Name += "([a-z_.]+)"`)
}
func actorKinds() []string {
	return quoted("../server/audit/action.go", `(?m)^\t\w+ +ActorKind += "([a-z_]+)"`)
}
func interfaces() []string {
	return quoted("../server/audit/action.go", `(?m)^\t\w+ +Interface += "([a-z_]+)"`)
}
func targetKinds() []string {
	return quoted("../server/audit/action.go", `(?m)^\t\w+ +TargetKind += "([a-z_]+)"`)
}
func presetNames() []string {
	return quoted("../server/account/preset.go", `(?m)^\t\w+ +Preset += "([a-z_]+)"`)
}

func scopeNames() []string {
	return quoted("../server/account/key.go", `(?m)^\t\w+ +Scope += "([a-z:]+)"`)
}

// panelIDs returns the texts whose ids the panel's pages compose.
func panelIDs() []string {
	var all []string
	add := func(prefix string, ends []string, suffixes ...string) {
		for _, end := range ends {
			for _, suffix := range append(suffixes, "") {
				if suffix == "" && slices.Contains(suffixes, "-") {
					continue
				}
				if suffix != "-" {
					all = append(all, prefix+end+suffix)
				}
			}
		}
	}
	for _, of := range []string{"state.", "means."} {
		add("panel.link."+of, linkStates)
	}
	add("panel.batch.state.", batchStates)
	add("panel.batch.field.", batchFields)
	add("panel.push.state.", pushStates)
	add("panel.nanomdm.key.help.", []string{"new", "kept"})
	add("panel.batch.output.", []string{"files", "links", "both"})
	add("panel.batch.platform.", []string{"iphone", "mac", "both"})
	add("panel.batch.", []string{"line", "line.checking", "percent", "rate", "left"})
	add("panel.link.mail.", []string{"waiting", "sent", "given_up", "dropped"})
	add("panel.link.life.", []string{"1", "24", "168", "720"})
	add("panel.link.variant.", []string{"mail", "secure"})
	add("panel.done.", doneIDs)
	add("panel.remove.", removeIDs, "-", ".title", ".text", ".button")
	add("panel.why.", []string{"open", "suspend", "resume"}, "-", ".title", ".text", ".button")
	add("panel.todo.", todoIDs, ".why", ".action")
	add("panel.action.", actionNames())
	add("panel.certificate.source.", []string{"acme", "upload", "files", "signer", "development"})
	add("panel.certificate.renewal.", []string{"renewed", "changed", "uploaded", "failed"})
	add("panel.certificate.notice.", []string{"certificate_unused", "self_signed", "private_root", "recent_root"})
	add("panel.certificate.reason.", certificateReasons, ".do")
	add("panel.scope.", scopeNames())
	add("panel.key.preset.", presetNames())
	add("panel.setting.", settingNames)
	add("panel.setting.", []string{"min_length", "min_complex", "auto_lock", "grace", "max_failed_attempts", "reset_after", "max_age", "history"}, "-", ".value")
	add("panel.kind.", actorKinds())
	add("panel.log.actor.kind:", actorKinds())
	add("panel.log.interface.", interfaces())
	objects := targetKinds()
	for _, g := range grouped(actionNames()) {
		objects = append(objects, g.Object)
	}
	add("panel.log.object.", objects)
	add("panel.log.field.", fieldNames)
	add("panel.log.filter.", logFields)
	add("panel.log.export.", []string{"csv", "jsonl"})
	add("panel.method.", []string{"passkey", "totp", "recovery", "password"})
	add("panel.factor.", []string{"passkey", "totp"})
	for _, id := range setupIDs {
		all = append(all, "panel.step."+id, "panel.step."+id+".why")
	}
	add("panel.step.", slices.DeleteFunc(slices.Clone(setupIDs), func(id string) bool { return id == "downloaded" }), "-", ".action")
	add("panel.preview.", []string{"iphone", "ipad", "mac", "android", "other"})
	for _, device := range []string{"iphone", "ipad", "mac", "other"} {
		all = append(all, "device."+device)
	}
	add("panel.server.", []string{"imap", "smtp", "caldav", "carddav"})
	add("panel.find.source.", sources)
	add("panel.find.from.", sources)
	add("panel.find.outcome.", []string{"used", "same", "unfit", "nothing", "skipped"})
	add("panel.find.also.", []string{"caldav", "carddav"})
	add("panel.dns.", []string{"found", "missing", "other", "unknown"})
	add("panel.offer.", []string{"off", "offered", "required"})
	add("panel.mdm.variable.", []string{"address", "name", "user", "local"})
	add("panel.mdm.mark.", []string{"second-hand", "unconfirmed"})
	add("panel.mdm.policy.", []string{"none", "own"})
	for _, id := range []string{"panel.mdm.show.", "panel.mdm.xml."} {
		add(id, []string{"iphone", "mac"})
	}
	add("panel.offered.", []string{"off", "offered", "required"}, ".means")
	add("panel.login.", []string{"address", "local_part", "given"}, ".means")
	add("panel.key.overlap.", []string{"1", "24", "168", "720"})
	add("panel.role.", []string{"owner", "admin", "auditor"}, ".means")
	addNotices(add)
	for month := range 12 {
		add("panel.month.", []string{fmt.Sprint(month + 1), fmt.Sprint("short.", month+1)})
	}
	add("panel.", []string{"moment", "date", "day", "number", "key.days", "log.date", "log.moment"}) // used by Go code, or with a number in a string
	return all
}

// TestPanelDone checks that there is a text for everything that the handlers
// report as done.
func TestPanelDone(t *testing.T) {
	seen := 0
	for _, name := range panelFiles(t, "*.go") {
		for _, id := range quoted(name, `(?:p\.To|p\.Do|afterEnroll|(?:p\.|panel\.)?onWebhook)\(.*"([a-z]+\.[a-z]+)"`) {
			seen++
			if !slices.Contains(doneIDs, id) {
				t.Errorf("%s: no text for %q", name, id)
			}
		}
	}
	if seen < len(doneIDs)/2 {
		t.Errorf("the handlers only report %d times what was done", seen)
	}
}

// checkPanelPage checks the rules that only apply to the panel's pages.
func checkPanelPage(t *testing.T, html string) {
	t.Helper()
	primary := 0
	for _, m := range regexp.MustCompile(`class="(button[^"]*)"`).FindAllStringSubmatch(html, -1) {
		if c := strings.Fields(m[1]); !slices.ContainsFunc(c, func(s string) bool {
			return s == "button-quiet" || s == "button-copy" || s == "button-danger-quiet"
		}) {
			primary++
		}
	}
	if primary > 1 {
		t.Errorf("%d filled buttons", primary)
	}
	for _, m := range regexp.MustCompile(`<(?:select|textarea)[^>]* id="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if !strings.Contains(html, `<label for="`+m[1]+`"`) {
			t.Errorf("no label for %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?s)<table.*?</table>`).FindAllString(html, -1) {
		if !strings.Contains(m, "<caption") || strings.Count(m, "<th ") != strings.Count(m, `scope="`) || strings.Contains(m, "<th>") {
			t.Error("a table without a caption, or a head without its scope")
		}
	}
	for _, m := range regexp.MustCompile(`data-(?:copy|name)="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if !strings.Contains(html, `id="`+m[1]+`"`) {
			t.Errorf("%s names nothing", m[0])
		}
	}
	for _, m := range regexp.MustCompile(`<(?:button|div) [^>]*data-(?:copy|passkey)[^>]*>`).FindAllString(html, -1) {
		if !strings.Contains(m, " hidden") {
			t.Errorf("not hidden without a script: %s", m)
		}
	}
	if n := strings.Count(html, "<script"); n != 2 || !regexp.MustCompile(`<script src="/static/panel\.[0-9a-f]{12}\.js" defer></script>`).MatchString(html) {
		t.Errorf("%d scripts", n)
	}
	if n := strings.Count(html, "<main"); n != 1 {
		t.Errorf("%d main", n)
	}
}

// TestPanelPages checks that each page has its contents in English.
func TestPanelPages(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	for name, want := range map[string][]string{
		"sign-in":          {`action="/panel/sign-in"`, `data-passkey="/panel/sign-in/passkey" data-next="/panel"`, `name="next" value="/panel"`, `autocomplete="one-time-code"`, "<noscript>"},
		"sign-in-problem":  {`value="maria@example.com"`, "<title>Error: Sign in", `role="alert"`},
		"confirm":          {`action="/panel/policies/pol_1"`, `name="name" value="Phones with mail"`, `name="confirm_code"`, `data-then="submit"`},
		"confirm-get":      {`action="/panel/confirm"`, `name="next" value="/panel/policies/pol_1"`, `data-next="/panel/policies/pol_1"`},
		"confirm-code":     {"must be entered again", `aria-describedby="confirm_code-help confirm_code-error" aria-invalid="true"`, `<a href="#confirm_code">`},
		"confirm-password": {`name="confirm_password"`, `autocomplete="current-password"`},
		"invitation":       {`value="tom@example.com"`, "readonly", "Can change domains", "once, until <bdi>24\u00a0November\u00a02026, 08:54\u00a0UTC</bdi>."},
		"totp":             {`viewBox="0 0 29 29"`, `data-copy="secret"`},
		"recovery-codes":   {"K7Q2-M9XA-4TDN-P3W9", `data-copy="codes"`, "We can’t show them again"},
		"overview":         {"1,234", "430 links. 325 downloads. Most on 20\u00a0November\u00a02026: links 54, downloads 41.", ">11 Nov<", "expires in 9 days", `aria-current="page"`},
		"overview-fresh":   {"0 of 9 steps done", "Right now this server signs with a test certificate", `class="button" href="/panel/certificate"`},
		"overview-all":     {"fixes the certificate: <bdi>the certificate has expired</bdi>", "9 recovery codes left"},
		"domains":          {"21–23 of 57", `rel="next" href="/panel/domains?page=3"`},
		"domains-found":    {"1 found", `class="chip" href="/panel/domains"`},
		"domains-nothing":  {"Nothing here matches “<bdi>nowhere</bdi>”"},
		"overview-link":    {`data-copy="test-link"`, `viewBox="0 0 29 29"`, `aria-current="step"`, "4 of 9 steps done"},
		"pending":          {`id="proof-value">mobileconfig-domain=`, `action="/panel/domains/example.com/verify"`, `action="/panel/domains/example.com/approve"`},
		"pending-doubled":  {"_mobileconfig.example.com.example.com", "Wrong name"},
		"domain":           {`action="/panel/domains/example.com/check"`, `action="/panel/domains/example.com/dns"`, "badge-danger", `href="/panel/domains/example.com/edit"`, "2 of 4 found"},
		"domain-new":       {`action="/panel/domains/new/find"`, "Find servers", `href="/panel/domains/new?by=hand"`},
		"domain-found":     {`action="/panel/domains/new"`, `formaction="/panel/domains/new/find"`, "From DNS (SRV).", "calendars at dav.example.com:443"},
		"domain-problems":  {"<details class=\"fold\" open>", `<a href="#policy_id">[policy_id]</a>`},
		"domain-edit":      {`action="/panel/domains/example.com"`, `value="local_part" checked`, `value="pol_1" selected>`},
		"domain-auditor":   {"<fieldset class=\"form-parts\" disabled>"},
		"policy":           {"<bdi>10</bdi> wrong passcodes erase an iPhone", "a Mac is locked for 15 minutes", "&lt;plist version=&#34;1.0&#34;&gt;", "immediately", ">Erased<", ">Locked<"},
		"policy-new":       {"This can destroy a person’s data", `action="/panel/policies/new"`},
		"policy-standard":  {"no one can change it", " disabled>"},
		"links":            {`href="/panel/links/lnk_1"`, "badge-danger\">Revoked", `rel="next" href="/panel/links?cursor=1.lnk_9"`, `<option value="opened" selected>`, `href="/panel/domains/example.com/revoke-links"`},
		"link":             {"Jq4XoM2vR8sT", `data-copy="link"`, `viewBox="0 0 29 29"`, `href="/panel/links/lnk_1/revoke"`, `href="/panel/security/log?link=lnk_1"`, "2 of 5", "mbx_812"},
		"mailbox":          {"2 links can still be used", "192.0.2.7", `class="button button-danger"`, "Change the email password", "data-print", "Find My"},
		"link-over":        {`href="/panel/links/new?from=lnk_1"`},
		"link-new":         {`<option value="24" selected>1 day</option>`, `name="downloads" value="5"`},
		"remove-links":     {"12 active links of the domain", "Revoke all links of <bdi>example.com</bdi>"},
		"keys":             {"Never expires", `href="/panel/keys/key_1/revoke"`, "All domains"},
		"key-new":          {`name="profiles:write" value="yes"`, `<option value="365" selected>365 days</option>`},
		"key":              {`action="/panel/keys/key_1/rotate"`, `<option value="24" selected>1 day</option>`, `value="Customer portal"`, `href="/panel/keys/key_1/revoke"`},
		"key-expired":      {`action="/panel/keys/key_2"`, "192.0.2.0/24"},
		"key-replaced":     {"mck_EXAMPLE_0000000000000000000000000000", "can’t show it again", `href="/panel/keys/key_1"`},
		"key-made":         {"mck_EXAMPLE_0000000000000000000000000000", "can’t show it again"},
		"members":          {`action="/panel/members/retention"`, `<option value="400" selected>400 days</option>`, `action="/panel/members/invitations/inv_1/revoke"`, `name="required" value="yes" checked`, "None yet"},
		"member-self":      {"The last owner has to stay owner"},
		"account":          {`href="/panel/accounts/acc_3/suspend"`, `href="/panel/accounts/acc_3/open"`},
		"account-people":   {`action="/panel/accounts/acc_3/invitations/inv_1/again"`, "jonas@example.com"},
		"account-resume":   {`action="/panel/accounts/acc_2/resume"`, `name="reason"`},
		"visit-look":       {`action="/panel/accounts/leave"`, "You’re in the account <bdi>Third Ltd</bdi>", "You can look, but not change anything."},
		"visit-own":        {`action="/panel/accounts/leave"`, "This page is about you or the installation"},
		"account-own":      {`name="trusted" value="yes" checked`},
		"log": {
			"<time datetime=\"2026-11-24T08:54:07Z\">24\u00a0Nov\u00a02026, 09:54:07</time>", "Times are in <bdi>Europe/Berlin</bdi>", "2026-11-24 08:54:07.000", `<optgroup label="Policy">`, `<option value="policy.">Policy: all</option>`,
			`<a href="/panel/security/log" aria-current="page">`, "<del><bdi>imap.example.com:993</bdi></del>", "<ins><bdi>***</bdi></ins>", "<code><bdi>domain_unproven</bdi></code>", "personal data erased", "Removed after the retention period",
			"No. 12<", `href="/panel/security/log?actor=mem_1"`, `href="/panel/security/log?actor=kind:visitor"`, `href="/panel/security/log?network=198.51.100.24"`, `?kind=domain&amp;target=obj_1"`, `?link=lnk_7Hq2"`,
			`action="/panel/security/log/export"`, `name="format" value="jsonl"`, `rel="next" href="/panel/security/log?before=4697"`, `<details class="fold all">`, "a_field_of_tomorrow", "name.of_tomorrow", "156 changes", `<option value="Asia/Tokyo">`,
		},
		"log-filtered": {
			`<details class="fold all" open>`, `<option value="mem_1" selected>Maria Kern</option>`, `<option value="policy." selected>`, `<option value="refused" selected>`, `<option value="command_line" selected>`,
			`<option value="domain" selected>`, `type="datetime-local" id="from" name="from" value="2026-11-01T00:00"`, `<bdi>Policy: all</bdi>`, `<bdi>Maria Kern</bdi></span> <svg`, `<bdi>Refused</bdi>`, `<bdi>Command line</bdi>`, "Clear all",
			"Searched back to <bdi>24\u00a0Aug\u00a02026, 09:54:07</bdi>", "Back to newest", `<input type="hidden" name="text" value="portal &amp; co">`, "&amp;zone=Europe%2fBerlin", `list="zones"`,
		},
		"log-gone":           {`<option value="mem_9" selected>mem_9</option>`, `<option value="member.sign_in,member.sign_out" selected>`, "<bdi>All visitors</bdi>", "<bdi>Domain updated</bdi>", "<bdi>Success</bdi>"},
		"log-empty":          {"No entries yet"},
		"log-nothing":        {"No entries match these filters", `class="button button-quiet" href="/panel/security/log"`},
		"log-searched":       {"Searched back to", `class="button button-quiet" rel="next" href="/panel/security/log?text=nowhere&amp;before=4000"`, "/log/export"},
		"log-older":          {"No older entries"},
		"log-problems":       {"Fix the filter first", `<details class="fold all" open>`},
		"log-problem-folded": {`<details class="fold all" open>`},
		"remove-mailbox":     {`name="mailbox" value="jane@example.com"`, "This can’t be undone"},
		"remove-domain":      {"Delete <bdi>example.com</bdi>", "12 from the last 14 days", "<title>Delete example.com – ", `class="button button-danger"`},
		"error-403":          {"You don’t have access", "[detail]"},
		"error-signed-out":   {"ask an owner of the account", `href="/panel/sign-in"`},
	} {
		html := render(t, s, named(t, "panel-"+name), s.Match())
		for _, want := range want {
			if !strings.Contains(html, want) {
				t.Errorf("%s: no %s", name, want)
			}
		}
	}
	for name, not := range map[string][]string{
		"domain":                {`name="name"`, `name="approve"`},
		"domain-auditor":        {`type="submit">Save`, "/delete"},
		"domains-auditor":       {"/panel/domains/new"},
		"domains-empty-auditor": {"/panel/domains/new"},
		"mailbox-auditor":       {"button-danger"},
		"mailbox-bare":          {"button-danger"},
		"links-auditor":         {"/panel/links/new", "revoke-links", "checkbox"},
		"link-auditor":          {"/s/", "/revoke", "<svg class=\"qr-code\""},
		"link-over":             {"/s/", "/panel/links/lnk_1/revoke\""},
		"keys-auditor":          {"/revoke", "/panel/keys/new"},
		"key-expired":           {"/rotate"},
		"key-revoked":           {"/rotate", "/revoke", "<form class=\"card\""},
		"key-auditor":           {"/rotate", "/revoke", "<form class=\"card\""},
		"key-replaced":          {"/rotate", "/revoke", "?lang="},
		"members-auditor":       {"/panel/members/retention", "/panel/members/invite", `name="required"`, "/revoke"},
		"member-self":           {"/remove"},
		"account-own":           {"/suspend"},
		"overview-auditor":      {"/panel/accounts"},
		"confirm":               {"menu-languages"},
		"recovery-codes":        {"menu-languages"},
		"enroll":                {"<nav"},
		"key-made":              {"menu-languages"},
		"security-last":         {"/pk_1/remove"},
		"log":                   {"Searched back", "Back to newest", `class="chip"`, "&amp;zone="},
		"log-full":              {"Searched back"},
		"log-last":              {`rel="next"`},
		"log-empty":             {"<table", "/log/export"},
		"log-problems":          {"/log/export"},
	} {
		html := render(t, translated(t), named(t, "panel-"+name), s.Match())
		for _, not := range not {
			if strings.Contains(html, not) {
				t.Errorf("%s: has %s", name, not)
			}
		}
	}
}

// TestPanelProblems checks that every problem is shown at the top and next to
// its field, with a link from one to the other.
func TestPanelProblems(t *testing.T) {
	s := newSet(t)
	for _, c := range panelCases() {
		html := render(t, s, c.rendering(), s.Match())
		for _, p := range c.problems {
			if strings.Count(html, p.Text) < 1 || p.Field != "" && (strings.Count(html, p.Text) != 2 || !strings.Contains(html, `<a href="#`+p.Field+`">`)) {
				t.Errorf("%s: %q isn't shown where it should be", c.name, p.Text)
			}
		}
	}
}

// hostile is what any text from a person may contain: markup, and characters
// that change the direction of the following text.
const hostile = "\"'><script>alert(1)</script>\u202e*{{.}}"

// ours are the fields with texts that never come from a person: they look up
// texts, or a handler has created them.
var ours = []string{"Role", "Offer", "Severity", "State", "States", "linkPage.Variant", "batchPage.Platform", "batchPage.Variant", "batchPage.Output", "batchPage.Fields", "Method", "Kind", "Done", "Nav", "Protocol", "Scopes", "Factors", "Field", "Code",
	"Language", "Languages", "Reads", "Path", "Topic", "Event", "Reason", "Failure", "Prev", "Next", "Action", "Back", "todo.ID", "removePage.ID", "actionRow.Name", "setting.Name",
	"setupStep.ID", "domainPage.Login", "Source", "Outcome", "Vendor", "Platform", "Presets", "certificatePage.Source", "certificateView.Notices", "What"}

// poison puts the text into every string that may come from a person.
func poison(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Type != reflect.TypeFor[time.Time]() && !slices.Contains(ours, f.Name) && !slices.Contains(ours, v.Type().Name()+"."+f.Name) {
				poison(v.Field(i))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			own := reflect.New(v.Type().Elem())
			own.Elem().Set(v.Elem())
			v.Set(own)
			poison(own.Elem())
		}
	case reflect.Slice:
		own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(own, v)
		v.Set(own)
		for i := range v.Len() {
			poison(v.Index(i))
		}
	case reflect.Map:
		own := reflect.MakeMap(v.Type())
		for key, value := range v.Seq2() {
			if _, ok := value.Interface().(string); ok {
				value = reflect.ValueOf(hostile)
			}
			own.SetMapIndex(key, value)
		}
		v.Set(own)
	case reflect.String:
		if v.String() != "" {
			v.SetString(hostile)
		}
	}
}

func TestPanelEscaping(t *testing.T) {
	s := newSet(t)
	for _, c := range panelCases() {
		r := c.rendering()
		v := reflect.New(reflect.TypeOf(c.view)).Elem()
		v.Set(reflect.ValueOf(r.data(frame{Operator: "x", Languages: s.Languages(), Language: s.Match()})))
		poison(v)
		var b bytes.Buffer
		if err := s.Page(&b, r.page, s.Match(), v.Interface()); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		html := b.String()
		if strings.Count(html, "<script") != 2 || strings.Contains(html, `"'>`) || strings.Contains(html, "ZgotmplZ") {
			t.Errorf("%s: a value became markup", c.name)
		}
		checkNesting(t, html)
	}
}

func TestPanelTimes(t *testing.T) {
	l := newSet(t).byTag["en"]
	at := time.Date(2026, time.November, 24, 9, 54, 0, 0, time.FixedZone("CET", 3600))
	if got, err := l.moment(at); err != nil || got != "24\u00a0November\u00a02026, 09:54\u00a0CET" {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := l.day(at); err != nil || got != "24 Nov" {
		t.Errorf("got %q, %v", got, err)
	}
	if got := machine(at); got != "2026-11-24T08:54:00Z" {
		t.Errorf("got %q", got)
	}
	if got, err := l.logged(at); err != nil || got != "24\u00a0Nov\u00a02026, 09:54:00" {
		t.Errorf("got %q, %v", got, err)
	}
	if got := exact(at.Add(time.Millisecond)); got != "2026-11-24 08:54:00.001" {
		t.Errorf("got %q", got)
	}
	for value, want := range map[string]string{"1": "1 minute", "15": "15 minutes", "soon": "soon", "": ""} {
		if got := l.quantity("panel.setting.auto_lock.value", value); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
	if got := l.quantity("panel.setting.login.value", "12345"); got != "12345" {
		t.Errorf("a username became %q", got)
	}
	text, err := l.filled("panel.todo.few_recovery", map[string]any{"Left": 1})
	if err != nil || text != "You have 1 recovery code left" {
		t.Errorf("got %q, %v", text, err)
	}
}

// TestPanelLog checks that every filter is offered, keeps its value, and is
// passed to the export.
func TestPanelLog(t *testing.T) {
	s := newSet(t)
	html := render(t, s, named(t, "panel-log"), s.Match())
	for _, value := range slices.Concat(actionNames(), targetKinds(), interfaces()) {
		if !strings.Contains(html, `<option value="`+value+`">`) {
			t.Errorf("no choice of %s", value)
		}
	}
	for _, kind := range actorKinds() {
		if !strings.Contains(html, `<option value="kind:`+kind+`">`) {
			t.Errorf("no choice of %s", kind)
		}
	}
	rows := strings.Count(html, `<tr class="entry">`)
	if details := strings.Count(html, `<details class="opens">`); details != rows || strings.Count(html, `<tr class="detail">`) != rows || rows != len(filledLog().Rows)-3 {
		t.Errorf("%d entries, %d that open", rows, details)
	}
	html = render(t, s, named(t, "panel-log-filtered"), s.Match())
	form, export, _ := strings.Cut(html, `action="/panel/security/log/export"`)
	export, _, _ = strings.Cut(export, "</form>")
	for _, name := range logFields {
		if n := strings.Count(form, ` name="`+name+`"`); n != 1 {
			t.Errorf("%s: %d fields", name, n)
		}
		if !strings.Contains(export, `<input type="hidden" name="`+name+`" value="`) {
			t.Errorf("%s: not in the export", name)
		}
	}
}

func TestPanelWords(t *testing.T) {
	l := newSet(t).byTag["en"]
	for word, want := range map[string]string{"key": "API key", "operator": "operator", "robot": "robot", "": "", "{{.}}": "{{.}}"} {
		if got := l.worded("panel.kind.", word); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
	got := grouped([]string{"a.x", "b.x", "a.y", "c"})
	if want := []group{{"a", []string{"a.x", "a.y"}}, {"b", []string{"b.x"}}, {"c", []string{"c"}}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}
