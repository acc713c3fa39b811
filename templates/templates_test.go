package templates

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

// The data that handlers pass to the pages.
type (
	frame struct {
		Operator    string
		Brand       Brand
		Languages   []Language
		Language    Language
		Development bool
	}
	problem struct{ Field, Code, Text string }
	server  struct {
		Host       string
		Port       int
		Encryption string
	}
	startPage struct {
		frame
		Address, Name string
		Problems      []problem
		Meant         string
		Empty         bool
	}
	setupPage struct {
		frame
		Token, Device, Browser, Masked, Domain, Signer string
		Name, Hint                                     string
		Help                                           []string
		Test, IPhone, Mac, Policy, PolicyOnly          bool
		Attempts, MinLength, LockMinutes               int
		Alphanumeric                                   bool
		MinComplex, MaxAgeDays                         int
		Problems                                       []problem
		Incoming, Outgoing                             server
		Calendars, Contacts                            *server
		Login, Expires, QR, URL, Host                  string
		LocalPart                                      bool
		IPad, Opened, Preview                          bool
		Query, ExpiresAt, Scan                         string
		ReturnURL, ReturnHost                          string
	}
	sheetPage struct{ setupPage }
	errorPage struct {
		frame
		Status                    int
		Code, Title, Detail, Back string
	}
)

const link = "https://setup.example.com/s/Jq4XoM2vR8sT"

func setupOf(device string, change func(*setupPage)) setupPage {
	p := setupPage{
		Token: "Jq4XoM2vR8sT", Device: device, Masked: "j•••@example.com", Domain: "example.com", Signer: "*.example.com",
		IPhone: true, Mac: true, Attempts: 10, MinLength: 6, LockMinutes: 5,
		Incoming: server{"imap.example.com", 993, "SSL/TLS"}, Outgoing: server{"smtp.example.com", 465, "SSL/TLS"},
		Expires: "Tuesday, 24 November, 18:00", QR: "/s/Jq4XoM2vR8sT/qr.svg", URL: link, Host: "setup.example.com",
	}
	if change != nil {
		change(&p)
	}
	return p
}

// A rendering is a page with its data. render sets its frame.
type rendering struct {
	name, page string
	data       func(frame) any
}

// An apiPage is the API's documentation page.
type apiPage struct {
	frame
	Make     string
	Try      string
	Document string
	Query    string
	Groups   []operationGroup
}

type operationGroup struct {
	ID, Text   string
	Operations []operation
}

type operation struct {
	ID, Method, Path, Summary, Scope string
	Fields                           []operationField
	Examples                         []operationExample
	Status, Response                 string
}

type operationExample struct{ Language, ID, Code string }

type operationField struct {
	Name, Type, Text string
	Optional         bool
}

func renderings() []rendering {
	var all []rendering
	start := func(name string, p startPage) {
		all = append(all, rendering{name, "start", func(f frame) any { p.frame = f; return p }})
	}
	start("start", startPage{})
	start("start-meant", startPage{Address: "maria@exampel.com", Name: "Maria", Meant: "maria@example.com", Problems: []problem{{"address", "address_foreign", "[the domain]"}}})
	start("start-empty", startPage{Empty: true})
	start("start-problems", startPage{Address: "maria@", Name: "Maria 123456", Problems: []problem{
		{"address", "address_malformed", "[the address]"}, {"name", "name_invalid", "[the name]"}, {"", "password_refused", "[the rest]"},
	}})
	setup := func(name string, p setupPage) {
		all = append(all, rendering{name, "setup", func(f frame) any { f.Development = p.Development; p.frame = f; return p }})
	}
	missing := []problem{{"agree", "agreement_missing", "[the box]"}}
	for _, device := range []string{"iphone", "mac", "other", "android"} {
		setup(device, setupOf(device, nil))
		setup(device+"-policy", setupOf(device, func(p *setupPage) { p.Policy = true }))
		setup(device+"-return", setupOf(device, func(p *setupPage) {
			p.ReturnURL, p.ReturnHost = "https://panel.example.com/mail?a=1&b=2", "panel.example.com"
		}))
		setup(device+"-dav", setupOf(device, func(p *setupPage) {
			p.Calendars, p.Contacts, p.Policy = &server{"cal.example.com", 443, "SSL/TLS"}, &server{"card.example.com", 8443, "SSL/TLS"}, true
		}))
		setup(device+"-policy-only", setupOf(device, func(p *setupPage) { p.Policy, p.PolicyOnly = true, true }))
		setup(device+"-keep", setupOf(device, func(p *setupPage) { p.Policy, p.Attempts = true, 0 }))
		setup(device+"-keep-only", setupOf(device, func(p *setupPage) { p.PolicyOnly, p.Attempts = true, 0 }))
		if device != "android" { // without a checkbox
			setup(device+"-problem", setupOf(device, func(p *setupPage) { p.Policy, p.Problems = true, missing }))
			setup(device+"-problem-only", setupOf(device, func(p *setupPage) { p.PolicyOnly, p.Problems = true, missing }))
		}
		setup(device+"-development", setupOf(device, func(p *setupPage) { p.Development, p.Login = true, "maria" }))
		setup(device+"-test", setupOf(device, func(p *setupPage) { p.Test = true }))
		setup(device+"-worded", setupOf(device, func(p *setupPage) {
			p.Name, p.Hint, p.Help, p.LocalPart = "[name]", "[hint]", []string{"[help]", "", "[more help]"}, true
		}))
		for _, browser := range []string{"asks", "saves", "app"} {
			setup(device+"-"+browser, setupOf(device, func(p *setupPage) { p.Browser, p.Policy = browser, browser == "app" }))
		}
		setup(device+"-strict", setupOf(device, func(p *setupPage) {
			p.Policy, p.Alphanumeric, p.MinComplex, p.MaxAgeDays = true, true, 2, 90
		}))
	}
	sheet := func(name, scan string, change func(*setupPage)) {
		all = append(all, rendering{name, "sheet", func(f frame) any {
			p := sheetPage{setupOf("other", change)}
			p.frame, p.Scan = f, scan
			return p
		}})
	}
	sheet("sheet", "/s/Jq4XoM2vR8sT/thunderbird.svg", nil)
	sheet("sheet-worded", "", func(p *setupPage) {
		p.Name, p.Hint, p.Help, p.Login = "[name]", "[hint]", []string{"[help]"}, "maria"
	})
	for _, device := range []string{"iphone", "mac", "android", "other"} {
		setup(device+"-preview", setupOf(device, func(p *setupPage) { p.Preview, p.Policy = true, true }))
	}
	setup("iphone-opened", setupOf("iphone", func(p *setupPage) { p.Opened = true }))
	setup("iphone-named", setupOf("iphone", func(p *setupPage) { p.Query = "?device=iphone" }))
	setup("android-scan", setupOf("android", func(p *setupPage) { p.Scan = "/s/Jq4XoM2vR8sT/thunderbird.svg" }))
	for _, more := range []func(*setupPage){nil, func(p *setupPage) { p.Policy, p.Opened = true, true }, func(p *setupPage) { p.PolicyOnly = true }} {
		p := setupOf("iphone", more)
		p.IPad = true
		all = append(all, rendering{fmt.Sprint("ipad-", len(all)), "setup-ipad", func(f frame) any { p.frame = f; return p }})
	}
	setup("mac-alone", setupOf("mac", func(p *setupPage) { p.IPhone, p.Policy = false, true }))
	setup("other-no-mac", setupOf("other", func(p *setupPage) { p.Mac = false }))
	setup("away", setupOf("away", func(p *setupPage) {
		p.IPhone, p.Policy, p.Problems = false, true, []problem{{"", "platform_not_offered", "[the device]"}}
	}))
	setup("away-worded", setupOf("away", func(p *setupPage) {
		p.IPhone, p.Name, p.Hint, p.Help, p.Login = false, "[name]", "[hint]", []string{"[help]"}, "maria"
	}))
	all = append(all, rendering{"api", "api", func(f frame) any {
		return apiPage{frame: f, Make: "[make]", Try: "[try]", Document: "/[document]", Query: "[query]", Groups: []operationGroup{{"[group]", "[text]", []operation{
			{"one", "GET", "[path]", "[summary]", "", nil, nil, "", ""},
			{"two", "POST", "[path]", "[summary]", "[scope]", []operationField{{"[field]", "[type]", "[text]", true}, {"[field]", "[type]", "", false}},
				[]operationExample{{"[language]", "two-curl", "[code]"}}, "201", "[response]"},
			{"three", "DELETE", "[path]", "[summary]", "[scope]", nil, nil, "204", ""},
		}}}}
	}})
	all = append(all, rendering{"api-nothing", "api", func(f frame) any {
		return apiPage{frame: f, Make: "[make]", Try: "[try]", Document: "/[document]", Query: "[query]"}
	}})
	all = append(all, rendering{"unavailable", "unavailable", func(f frame) any { return struct{ frame }{f} }})
	for _, status := range append([]int{0, 400, 502}, statuses...) {
		all = append(all, rendering{fmt.Sprint("error-", status), "error", func(f frame) any {
			return errorPage{frame: f, Status: status, Code: "some_code", Back: "/s/Jq4XoM2vR8sT"}
		}})
	}
	all = append(all, panelRenderings()...)
	return append(all, rendering{"error-filled", "error", func(f frame) any {
		return errorPage{frame: f, Status: 422, Title: "[title]", Detail: "[detail]"}
	}})
}

// translated is English with two fictional translations, one of which runs from
// right to left. Texts that they lack are in English.
func translated(t *testing.T) *Set {
	t.Helper()
	files := fstest.MapFS{}
	err := fs.WalkDir(embedded, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path, "locales/") && path != "locales/en.toml" {
			return err
		}
		data, err := embedded.ReadFile(path)
		files[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files["locales/de.toml"] = &fstest.MapFile{Data: []byte(`"language.name" = "Deutsch"
"language.dir" = "ltr"
"language.reviewed" = "no"
"profile.mail.name" = "E-Mail bei {{.Domain}}"
"asked.times" = { one = "{{.Count}}-mal", other = "{{.Count}}-mal" }
`)}
	files["locales/ar.toml"] = &fstest.MapFile{Data: []byte(`"language.name" = "العربية"
"language.dir" = "rtl"
"language.reviewed" = "no"
"start.title" = "إعداد البريد"
"asked.times" = { zero = "z {{.Count}}", one = "o {{.Count}}", two = "t {{.Count}}", few = "f {{.Count}}", many = "m {{.Count}}", other = "r {{.Count}}" }
`)}
	s, err := load(files)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newSet(t *testing.T) *Set {
	t.Helper()
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// aBrand has every possible part of a brand.
var aBrand = Brand{"Example Host", "/brand/0123.png", "/brand/0b6b62.css", "https://example.com/help", "https://example.com/imprint", "https://example.com/privacy"}

func render(t *testing.T, s *Set, r rendering, lang Language) string {
	t.Helper()
	var b bytes.Buffer
	f := frame{Operator: "Example Host", Brand: aBrand, Languages: s.Languages(), Language: lang}
	if err := s.Page(&b, r.page, lang, r.data(f)); err != nil {
		t.Fatalf("%s in %s: %v", r.name, lang.Tag, err)
	}
	return b.String()
}

func TestEveryPageInEveryLanguage(t *testing.T) {
	t.Parallel()
	s := newSet(t)
	pages := renderings()
	for _, lang := range s.Languages() {
		for _, r := range pages {
			t.Run(r.name+"/"+lang.Tag, func(t *testing.T) {
				checkPage(t, render(t, s, r, lang), lang, r.page)
			})
		}
	}
}

func named(t *testing.T, name string) rendering {
	t.Helper()
	for _, r := range renderings() {
		if r.name == name {
			return r
		}
	}
	t.Fatalf("no rendering %q", name)
	return rendering{}
}

// TestBrowserCard checks that people are sent to Safari only if nothing else
// works.
func TestBrowserCard(t *testing.T) {
	s := newSet(t)
	for name, want := range map[string]bool{"iphone": false, "iphone-asks": false, "iphone-saves": true, "iphone-app": true, "mac-app": false} {
		html := render(t, s, named(t, name), s.Match())
		if got := strings.Contains(html, `id="browser"`); got != want {
			t.Errorf("%s: Safari is mentioned: %v, want %v", name, got, want)
		}
		if asks := strings.Contains(html, "Chrome asks"); asks != (name == "iphone-asks") {
			t.Errorf("%s: Chrome's question is mentioned: %v", name, asks)
		}
	}
}

// TestSetupForms checks which forms are offered to whom, as platform+variant.
func TestSetupForms(t *testing.T) {
	s := newSet(t)
	hidden := regexp.MustCompile(`name="variant" value="(\w+)">\s*<input type="hidden" name="platform" value="(\w+)"`)
	for name, want := range map[string][]string{
		"iphone":             {"iphone mail"},
		"iphone-policy":      {"iphone mail", "iphone secure"},
		"iphone-policy-only": {"iphone secure"},
		"mac":                {"mac mail", "iphone mail"},
		"mac-policy":         {"mac mail", "iphone mail", "iphone secure"},
		"mac-policy-only":    {"mac mail", "iphone secure"},
		"other":              {"iphone mail", "mac mail"},
		"other-policy":       {"iphone mail", "iphone secure", "mac mail"},
		"other-policy-only":  {"iphone secure", "mac mail"},
		"mac-alone":          {"mac mail"},
		"other-no-mac":       {"iphone mail"},
		"away":               nil,
	} {
		html := render(t, s, named(t, name), s.Match())
		var got []string
		for _, m := range hidden.FindAllStringSubmatch(html, -1) {
			got = append(got, m[2]+" "+m[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if n := strings.Count(html, `action="/s/Jq4XoM2vR8sT/profile"`); n != len(want) {
			t.Errorf("%s: %d forms, want %d", name, n, len(want))
		}
		agree, secure := strings.Count(html, `name="agree"`), strings.Count(html, `value="secure"`)
		if agree != secure {
			t.Errorf("%s: %d boxes for %d forms that need one", name, agree, secure)
		}
	}
}

// TestErasing checks that the loss is mentioned exactly where it's chosen.
func TestErasing(t *testing.T) {
	s := newSet(t)
	for _, r := range renderings() {
		if r.page != "setup" {
			continue
		}
		html := render(t, s, r, s.Match())
		chosen := strings.Contains(html, `value="secure"`) && !strings.Contains(r.name, "keep")
		if got := strings.Contains(html, "10 wrong passcodes erase"); got != chosen {
			t.Errorf("%s: erasing is mentioned: %t, want %t", r.name, got, chosen)
		}
		fold := regexp.MustCompile(`<details class="fold"( open)?>\s*<summary><span class="row">`).FindStringSubmatch(html)
		if fold != nil && (fold[1] != "") != strings.Contains(r.name, "problem") {
			t.Errorf("%s: the fold is %q", r.name, fold[1])
		}
	}
}

// TestWords wants the email provider's own texts, and its password hint wherever
// the page asks for a password.
func TestWords(t *testing.T) {
	s := newSet(t)
	hints := map[string]int{"iphone-worded": 3, "mac-worded": 3, "other-worded": 1, "away-worded": 1}
	for name, hints := range hints {
		html := render(t, s, named(t, name), s.Match())
		for _, want := range []string{"<bdi>[name]</bdi>: email at <bdi>example.com</bdi>", "<bdi>[help]</bdi>"} {
			if !strings.Contains(html, want) {
				t.Errorf("%s: no %s", name, want)
			}
		}
		if got := strings.Count(html, "<bdi>[hint]</bdi>"); got != hints {
			t.Errorf("%s: the hint appears %d times, want %d", name, got, hints)
		}
		login := "before the @"
		if name == "away-worded" {
			login = "<bdi>maria</bdi>"
		}
		if !strings.Contains(html, login) || strings.Contains(html, "your full email address") {
			t.Errorf("%s: no login %s", name, login)
		}
	}
	if html := render(t, s, named(t, "iphone-worded"), s.Match()); !strings.Contains(html, "<bdi>[help]</bdi><br><bdi></bdi><br><bdi>[more help]</bdi>") {
		t.Error("the line breaks of the help text are lost")
	}
	html := render(t, s, named(t, "iphone-strict"), s.Match())
	for _, want := range []string{"a passcode of 6 characters or more", "both letters and digits", "2 characters that aren’t letters or digits", "every 90 days"} {
		if !strings.Contains(html, want) {
			t.Errorf("the rules don't say %q", want)
		}
	}
	if strings.Contains(html, "6 digits") {
		t.Error("a code with letters is described as digits")
	}
}

func TestProblems(t *testing.T) {
	s := newSet(t)
	html := render(t, s, named(t, "start-problems"), s.Match())
	for _, want := range []string{
		"There are 3 problems", `<a href="#address">[the address]</a>`, `<a href="#name">[the name]</a>`,
		`data-code="password_refused"`, "Code: <bdi>address_malformed</bdi>",
		`aria-describedby="address-help address-error" aria-invalid="true"`, `id="name-error"`, "<title>Error: ", `value="maria@"`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s", want)
		}
	}
	html = render(t, s, named(t, "iphone-problem"), s.Match())
	for _, want := range []string{"There’s one problem", `<a href="#agree">[the box]</a>`, `required aria-invalid="true" aria-describedby="agree-error"`} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s", want)
		}
	}
}

// TestEscaping puts markup and bidi-sensitive values wherever a visitor or a
// certificate could.
func TestEscaping(t *testing.T) {
	s := newSet(t)
	bad := `"><script>alert(1)</script>*`
	f := frame{Operator: bad, Brand: Brand{bad, bad, bad, bad, bad, bad}, Languages: s.Languages(), Language: s.Match()}
	p := setupOf("iphone", func(p *setupPage) {
		p.frame, p.Signer, p.Domain, p.Token, p.Login = f, bad, bad, bad, bad
		p.Name, p.Hint, p.Help = bad, bad, []string{bad, bad}
	})
	var b bytes.Buffer
	if err := s.Page(&b, "setup", s.Match(), p); err != nil {
		t.Fatal(err)
	}
	if strings.Count(b.String(), "<script") != 1 {
		t.Error("a value became markup")
	}
	if want := "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;*</bdi></b>"; !strings.Contains(b.String(), want) {
		t.Errorf("no %s", want)
	}
}

func TestNothingHalfDone(t *testing.T) {
	s := newSet(t)
	var b bytes.Buffer
	if err := s.Page(&b, "setup", s.Match(), struct{ frame }{}); err == nil {
		t.Error("no error for data without the fields of the page")
	}
	if err := s.Page(&b, "nowhere", s.Match(), nil); err == nil {
		t.Error("no error for a page that doesn't exist")
	}
	if b.Len() > 0 {
		t.Errorf("%d bytes were written", b.Len())
	}
}

func TestSeveralAtOnce(t *testing.T) {
	t.Parallel()
	s := translated(t)
	var wg sync.WaitGroup
	for range 2 {
		for _, lang := range s.Languages() {
			wg.Go(func() {
				for _, name := range []string{"start", "iphone-policy", "mac", "other", "error-410"} {
					render(t, s, named(t, name), lang)
				}
			})
		}
	}
	wg.Wait()
}

func TestLanguageMenu(t *testing.T) {
	one, three := newSet(t), translated(t)
	for name, want := range map[string]string{"iphone": "/s/Jq4XoM2vR8sT?lang=de", "unavailable": "?lang=de", "error-410": "/s/Jq4XoM2vR8sT?lang=de", "error-filled": "/?lang=de"} {
		if html := render(t, three, named(t, name), three.Match()); !strings.Contains(html, `<a href="`+want+`"`) {
			t.Errorf("%s: no link to %s", name, want)
		}
	}
	if html := render(t, one, named(t, "start"), one.Match()); len(one.Languages()) == 1 && strings.Contains(html, "?lang=") {
		t.Error("a menu of one language")
	}
	html := render(t, three, named(t, "start"), three.Match("ar"))
	for _, want := range []string{
		`<a href="/?lang=de" lang="de" hreflang="de" dir="ltr">Deutsch</a>`,
		`<a href="/?lang=ar" lang="ar" hreflang="ar" dir="rtl" aria-current="true">`,
		`<html lang="ar" dir="rtl">`, "إعداد البريد",
	} {
		if !strings.Contains(html, want) {
			t.Errorf("no %s", want)
		}
	}
}

// TestEverythingParses checks all embedded files for errors, including those
// that no other test shows.
func TestEverythingParses(t *testing.T) {
	t.Parallel()
	if _, err := NewFrom(embedded); err != nil {
		t.Error(err)
	}
}

// TestNewNamesTheFile breaks one file at a time.
func TestNewNamesTheFile(t *testing.T) {
	whole := fstest.MapFS{
		"pages/parts/base.html": {Data: []byte(`{{define "base"}}{{template "main"}}{{end}}`)},
		"pages/a.html":          {Data: []byte(`{{define "main"}}{{end}}`)},
		"panel/parts/base.html": {Data: []byte(`{{define "base"}}{{template "main"}}{{end}}`)},
		"panel/a.html":          {Data: []byte(`{{define "main"}}{{end}}`)},
		"mail/message.html":     {Data: []byte(`x`)},
		"mail/message.txt":      {Data: []byte(`x`)},
		"static/app.css":        {Data: []byte(`a{}`)},
		"locales/en.toml":       {Data: []byte("\"language.name\" = \"English\"\n\"language.dir\" = \"ltr\"\n\"language.reviewed\" = \"no\"\n\"panel.menu.out\" = \"Sign out\"\n")},
	}
	if _, err := NewFrom(whole); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, text string }{
		{"pages/a.html", `{{define "main"}}`},
		{"pages/a.html", `{{define "main"}}{{unknown}}{{end}}`},
		{"pages/parts/base.html", `{{`},
		{"panel/parts/base.html", `{{`},
		{"mail/message.html", `{{`},
		{"mail/message.txt", `{{`},
		{"panel/a.html", `{{define "main"}}{{unknown}}{{end}}`},
		{"locales/en.toml", "= 1"},
		{"locales/en.toml", `"language.name" = "English"`},
		{"locales/en.toml", "\"language.name\" = \"English\"\n\"language.dir\" = \"ltr\"\n"},
		{"locales/en.toml", "\"language.name\" = \"{{.English\"\n\"language.dir\" = \"ltr\"\n\"language.reviewed\" = \"no\"\n"},
		{"locales/en.toml", "\"language.name\" = \"English\"\n\"language.dir\" = \"ltr\"\n\"language.reviewed\" = \"no\"\n# --- words\n= 1"},
		{"locales/en.toml", "\"language.dir\" = \"ltr\"\n"},
		{"locales/en.toml", ""},
		{"locales/not a tag.toml", "x"},
	} {
		files := fstest.MapFS{}
		for name, file := range whole {
			files[name] = file
		}
		if files[tt.file] = (&fstest.MapFile{Data: []byte(tt.text)}); tt.text == "" {
			delete(files, tt.file)
		}
		if _, err := NewFrom(files); err == nil || !strings.Contains(err.Error(), tt.file) {
			t.Errorf("%s %q: got error %v", tt.file, tt.text, err)
		}
	}
}
