package templates

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// usedByGo lists the texts that only Go code uses.
var usedByGo = []string{
	"mail.invitation.button", "mail.copy",
	"consent.iphone", "consent.iphone.keep", "consent.mac", "consent.mac.keep",
	"profile.mail.name", "profile.mail.description", "profile.secure.description", "profile.secure.description.keep",
	"profile.device.name", "profile.device.description", "profile.test.description", "payload.mail.name", "payload.passcode.name",
	"profile.calendars", "profile.contacts", "payload.calendars.name", "payload.contacts.name",
	"problem.address_malformed", "problem.address_foreign", "problem.hidden_characters", "problem.name_invalid", "problem.password_refused",
	"problem.agreement_missing", "problem.variant_not_offered", "problem.variant_unknown", "problem.platform_unknown",
	"problem.platform_not_offered", "problem.login_needed",
	"problem.mac_policy_needs_mdm", "problem.unknown_field", "problem.limited", "problem.form_malformed",
	"start.address.missing", "problem.redirect_invalid", "problem.redirect_expired", "problem.redirect_used", "redirect.title",
	"problem.sign_in_refused", "problem.code_wrong", "problem.password_weak", "problem.passkey_refused", "problem.last_factor",
	"problem.cross_origin", "problem.confirmation_needed", "problem.account_suspended", "problem.domain_unproven", "problem.host_unapproved", "problem.erasing_unapproved", "problem.policy_unknown",
	"problem.unauthorized", "problem.forbidden", "problem.conflict",
	"panel.problem.limited", "panel.problem.visit", "panel.problem.platform_unknown", "panel.problem.scope_unknown",
	"mail.when", "mail.what", "mail.who", "mail.from", "mail.client", "mail.number",
	"mail.link.title", "mail.link.lead", "mail.link.until", "mail.link.advice",
	"mail.ask", "mail.advice", "mail.advice.invitation", "mail.advice.digest", "mail.advice.test",
	"mail.advice.log.check_failed", "mail.advice.log.checkpoint", "mail.advice.log.key_replaced", "mail.advice.identity.expiring", "mail.advice.identity.renewal_failed", "mail.advice.key.expiring", "mail.advice.key.unused", "mail.advice.backup.overdue",
	"language.name", "language.dir", "language.reviewed",
}

func localeTexts(t *testing.T, name string) map[string]any {
	t.Helper()
	var texts map[string]any
	if _, err := toml.DecodeFS(embedded, "locales/"+name, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

// pageFiles returns the text of each page file.
func pageFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(embedded, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".html") {
			return err
		}
		text, err := embedded.ReadFile(path)
		files[path] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var (
	textCall   = regexp.MustCompile(`\b(?:t|tn|rich|line|lines) "([a-z0-9._-]+)"`)
	textPrefix = regexp.MustCompile(`\b(?:t|tn|rich) \(print "([a-z0-9.]+)" \.Suffix\)`)
)

var (
	// comma is one that separates the entries of a list.
	comma  = regexp.MustCompile(`^[,،] $`)
	styles = regexp.MustCompile(` style="[^"]*"`)
	// punctuation follows a text or a value in a page. Dots between words and
	// dashes are the same in all languages.
	punctuation = regexp.MustCompile(`(?:\}\}|</(?:a|b|bdi|code|span|time)>)(?:[,.:;!?](?:$|[\s<"]|\{\{)| \([<{])`)
)

// TestPunctuation finds punctuation that isn't part of a text. It differs
// between languages: "：" in Chinese, " :" in French, "،" in Arabic.
func TestPunctuation(t *testing.T) {
	for path, text := range pageFiles(t) {
		for line := range strings.Lines(styles.ReplaceAllString(text, "")) {
			if found := punctuation.FindString(strings.TrimSpace(line)); found != "" {
				t.Errorf("%s: move %q into a text of the locales: %s", path, found, strings.TrimSpace(line))
			}
		}
	}
	if mail, err := fs.ReadFile(embedded, "mail/message.txt"); err != nil || punctuation.Match(mail) {
		t.Errorf("mail/message.txt: %v, %s", err, mail)
	}
}

func TestTextsExistAndAreUsed(t *testing.T) {
	texts := localeTexts(t, "en.toml")
	used := map[string]bool{}
	for _, id := range usedByGo {
		used[id] = true
	}
	for _, page := range pageFiles(t) {
		for _, m := range textCall.FindAllStringSubmatch(page, -1) {
			used[m[1]] = true
		}
		for _, m := range textPrefix.FindAllStringSubmatch(page, -1) {
			for _, suffix := range []string{"", ".ipad", ".other"} {
				used[m[1]+suffix] = true
			}
		}
	}
	for _, kind := range mailEvents() {
		used["mail.event."+kind] = true
	}
	for _, id := range panelIDs() {
		used[id] = true
	}
	for _, status := range statuses {
		used[fmt.Sprintf("error.%d.title", status)] = true
		used[fmt.Sprintf("error.%d.text", status)] = true
	}
	for id := range used {
		if _, ok := texts[id]; !ok {
			t.Errorf("%s is used and has no text", id)
		}
	}
	for id := range texts {
		if !used[id] {
			t.Errorf("%s isn't used", id)
		}
	}
}

// formsOf are the plural forms that CLDR has for whole numbers in each language, and
// go-i18n asks for.
var formsOf = map[string][]string{
	"ar": {"zero", "one", "two", "few", "many", "other"}, "cs": {"one", "few", "many", "other"}, "de": {"one", "other"}, "en": {"one", "other"},
	"es": {"one", "many", "other"}, "fr": {"one", "many", "other"}, "it": {"one", "many", "other"}, "ja": {"other"}, "nl": {"one", "other"},
	"pl": {"one", "few", "many", "other"}, "pt": {"one", "many", "other"}, "zh-Hans": {"other"},
}

// TestWholeLocales wants every text in every language: with the same values, as many
// bold words, and the plural forms of the language.
func TestWholeLocales(t *testing.T) {
	names, err := fs.Glob(embedded, "locales/*.toml")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) != len(formsOf) {
		t.Errorf("%d languages, want %d", len(names), len(formsOf))
	}
	english := localeTexts(t, "en.toml")
	for _, name := range names {
		name = strings.TrimPrefix(name, "locales/")
		texts := localeTexts(t, name)
		for id, original := range english {
			if texts[id] == nil {
				t.Errorf("%s: %s is missing", name, id)
				continue
			}
			for _, problem := range unlike(original, texts[id], formsOf[strings.TrimSuffix(name, ".toml")], name == "en.toml") {
				t.Errorf("%s: %s: %s", name, id, problem)
			}
		}
		for id := range texts {
			if english[id] == nil {
				t.Errorf("%s: %s is not in English", name, id)
			}
		}
	}
}

var (
	textValue = regexp.MustCompile(`{{\.\w+}}`)
	textWord  = regexp.MustCompile(`\p{L}+`)
	// verbatim is what programs and standards call by one name everywhere.
	verbatim = regexp.MustCompile(`\bmobileconfig (?:log verify|admin [a-z-]+|serve|check)|/\.well-known|\bTXT\b|\bDNS\b|\bNanoMDM\b|\bIMAP\b|\bSMTP\b|\bSTARTTLS\b|\bSHA-256\b|\bCSV\b|\b[a-z0-9.-]+\.example(?:\.com)?\b`)
)

// unlike says what is wrong with a translation, by comparison with the original.
// Only if they are the same language may they be the same.
func unlike(original, translated any, forms []string, same bool) (problems []string) {
	all, plural := translated.(map[string]any)
	if _, wanted := original.(map[string]any); plural != wanted {
		return []string{"one of English and the translation has plural forms"}
	}
	if plural && len(all) != len(forms) {
		problems = append(problems, fmt.Sprintf("the forms aren't %q", forms))
	}
	if !plural {
		forms = []string{"other"}
	}
	for _, form := range forms {
		text, ok := formOf(translated, form)
		english, found := formOf(original, form)
		if !found {
			english, _ = formOf(original, "other")
		}
		values, want := matches(textValue, text), matches(textValue, english)
		// "once" and "twice" need no number.
		if few := form == "zero" || form == "one" || form == "two"; few && !slices.Contains(values, "{{.Count}}") {
			want = slices.DeleteFunc(want, func(v string) bool { return v == "{{.Count}}" })
		} else if few && !slices.Contains(want, "{{.Count}}") {
			values = slices.DeleteFunc(values, func(v string) bool { return v == "{{.Count}}" })
		}
		switch {
		case !ok || text == "" || strings.TrimSpace(text) != text && !comma.MatchString(text):
			problems = append(problems, fmt.Sprintf("the form %q is missing or has spaces around it", form))
		case !slices.Equal(values, want):
			problems = append(problems, fmt.Sprintf("the values %q, want %q", values, want))
		case strings.Count(text, "*") != strings.Count(english, "*"):
			problems = append(problems, fmt.Sprintf("not as many stars as %q", english))
		case !slices.Equal(matches(verbatim, text), matches(verbatim, english)) && text != english:
			problems = append(problems, fmt.Sprintf("it has %q, English %q", matches(verbatim, text), matches(verbatim, english)))
		case len(textWord.FindAllString(textValue.ReplaceAllString(text, ""), -1)) > 3 && text == english && !same:
			problems = append(problems, "it's English")
		}
	}
	return problems
}

// matches is what the pattern finds, sorted and each once.
func matches(pattern *regexp.Regexp, text string) []string {
	all := pattern.FindAllString(text, -1)
	slices.Sort(all)
	return slices.Compact(all)
}

// TestVoice holds what can be checked of how the pages speak.
func TestVoice(t *testing.T) {
	for id, text := range localeTexts(t, "en.toml") {
		forms, ok := text.(map[string]any)
		if !ok {
			forms = map[string]any{"other": text}
		}
		for _, form := range forms {
			form := form.(string)
			for _, word := range []string{"please", "simply", "oops", "thank", "!", "sorry", "invalid"} {
				if strings.Contains(strings.ToLower(form), word) {
					t.Errorf("%s: %q in %q", id, word, form)
				}
			}
			if strings.Count(form, "*")%2 != 0 {
				t.Errorf("%s: an unpaired star: %q", id, form)
			}
			if strings.HasSuffix(id, ".title") && !strings.HasPrefix(id, "ios.") && strings.Contains(form, "profile") {
				t.Errorf("%s: a heading says profile", id)
			}
		}
	}
}

// TestNoWordsInPages finds words that aren't in the locale.
func TestNoWordsInPages(t *testing.T) {
	// Classes and addresses for the frame, and attributes for fields, aren't
	// words either.
	own := regexp.MustCompile(`{{define "(?:wide|here|tied|focus)"}}.*`)
	action := regexp.MustCompile(`(?s){{.*?}}`)
	spoken := regexp.MustCompile(`\s(?:alt|title|placeholder|aria-label|value|content)="([^"]*)"`)
	element := regexp.MustCompile(`(?s)<[^>]*>`)
	letters := regexp.MustCompile(`\p{L}+`)
	// Attributes that machines read.
	machine := []string{"width=device-width, initial-scale=1, viewport-fit=cover", "width=device-width, initial-scale=1", "light dark", "noindex", "telephone=no", "mail", "secure", "iphone", "mac", "yes"}
	for name, page := range pageFiles(t) {
		page = own.ReplaceAllString(page, "")
		page = action.ReplaceAllString(page, "")
		for _, m := range spoken.FindAllStringSubmatch(page, -1) {
			if letters.MatchString(m[1]) && !slices.Contains(machine, m[1]) {
				t.Errorf("%s: %s", name, m[0])
			}
		}
		for _, word := range letters.FindAllString(element.ReplaceAllString(page, ""), -1) {
			t.Errorf("%s: the word %q", name, word)
		}
	}
}

func TestMatch(t *testing.T) {
	s := translated(t)
	for _, tt := range []struct {
		prefer []string
		want   string
	}{
		{nil, "en"},
		{[]string{""}, "en"},
		{[]string{"de"}, "de"},
		{[]string{"", "de-AT,de;q=0.9,en;q=0.8"}, "de"},
		{[]string{"ar", "de"}, "ar"},
		{[]string{"xx-nonsense-!", "ar-EG"}, "ar"},
		{[]string{"ja", "de;q=0.5, ja"}, "de"},
		{[]string{"ja", "ko"}, "en"},
		{[]string{"en-GB", "de"}, "en"},
		{[]string{strings.Repeat("-", 5000), "de"}, "de"},
	} {
		if got := s.Match(tt.prefer...); got.Tag != tt.want {
			t.Errorf("%.40q: got %s, want %s", tt.prefer, got.Tag, tt.want)
		}
	}
}

func TestLanguages(t *testing.T) {
	got := newSet(t).Languages()
	if !slices.Contains(got, Language{"en", "English", "ltr"}) {
		t.Errorf("got %v", got)
	}
	if got := translated(t).Languages(); len(got) != 3 || got[0].Name != "Deutsch" || got[2].Dir != "rtl" {
		t.Errorf("got %v", got)
	}
}

func TestText(t *testing.T) {
	s := translated(t)
	de, en, none := s.Match("de"), s.Match("en"), Language{Tag: "tlh"}
	domain := map[string]any{"Domain": "example.com"}
	for _, tt := range []struct {
		lang Language
		id   string
		data map[string]any
		want string
	}{
		{de, "profile.mail.name", domain, "E-Mail bei example.com"},
		{en, "profile.mail.name", domain, "Email at example.com"},
		{none, "profile.mail.name", domain, "Email at example.com"},
		{de, "payload.mail.name", domain, "Email at example.com"}, // German lacks it
		{de, "no.such.text", nil, "no.such.text"},
		{en, "profile.mail.name", nil, "profile.mail.name"}, // lacks its value
	} {
		if got := s.Text(tt.lang, tt.id, tt.data); got != tt.want {
			t.Errorf("%s %s: got %q, want %q", tt.lang.Tag, tt.id, got, tt.want)
		}
	}
	if len(domain) != 1 || domain["Domain"] != "example.com" {
		t.Errorf("the data was changed: %v", domain)
	}
	texts := s.Texts("profile.mail.name", domain)
	if len(texts) != 2 || texts["de"] != "E-Mail bei example.com" || texts["en"] != "Email at example.com" {
		t.Errorf("got %q", texts)
	}
	if texts := s.Texts("no.such.text", nil); len(texts) != 0 {
		t.Errorf("got %q", texts)
	}
}

// TestTextsForGo fills in the values from Go code and checks that no id is
// returned.
func TestTextsForGo(t *testing.T) {
	s := newSet(t)
	data := map[string]any{"Domain": "example.com", "Attempts": 10, "MinLength": 6, "LockMinutes": 5, "Calendars": true, "Contacts": true,
		"Address": "maria@example.com", "Service": "Example", "Until": "2026-03-02 12:00 UTC"}
	for _, lang := range s.Languages() {
		for _, id := range usedByGo {
			if got := s.Text(lang, id, data); got == id || strings.Contains(got, "{{") || strings.Contains(got, "*") {
				t.Errorf("%s %s: got %q", lang.Tag, id, got)
			}
		}
	}
	if got := s.Text(s.Match(), "consent.iphone", data); !strings.HasPrefix(got, "ABOUT 10 WRONG PASSCODES ERASE THIS DEVICE.\n") {
		t.Errorf("got %q", got)
	}
	for _, id := range []string{"consent.iphone.keep", "consent.mac", "consent.mac.keep"} {
		if got := s.Text(s.Match(), id, data); strings.Contains(got, "ERASE THIS") {
			t.Errorf("%s: got %q", id, got)
		}
	}
}

func TestPlurals(t *testing.T) {
	s := translated(t)
	for _, tt := range []struct {
		tag  string
		n    int
		want string
	}{
		{"en", 1, "once"}, {"en", 3, "3 times"}, {"en", 1234, "1,234 times"},
		{"de", 1234, "1.234-mal"},
		{"ar", 0, "z 0"}, {"ar", 2, "t 2"}, {"ar", 3, "f 3"}, {"ar", 11, "m 11"},
	} {
		got, err := s.byTag[tt.tag].counted("asked.times", tt.n)
		if err != nil || got != tt.want {
			t.Errorf("%s %d: got %q, %v, want %q", tt.tag, tt.n, got, err, tt.want)
		}
	}
}

func TestRich(t *testing.T) {
	l := newSet(t).byTag["en"]
	got, err := l.rich("other.tap.do", "Host", "*.example.com\uE002")
	want := []piece{{"Check that it says ", false, false}, {"*.example.com", true, true}, {". If it doesn’t, it isn’t from us.", false, false}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, args := range [][]any{{"Host"}, {1, "x"}, nil} {
		if _, err := l.rich("other.tap.do", args...); err == nil {
			t.Errorf("no error for %v", args)
		}
	}
}

func TestDrawnWords(t *testing.T) {
	l := newSet(t).byTag["en"]
	if got, err := l.lines("ios.allow.title", 228); err != nil || len(got) != 2 || strings.Join(got, " ") != "This website is trying to download a configuration profile." {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := l.lines("ios.allow.no", 228); err != nil || len(got) != 1 {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := l.lines("ios.allow.title", 100); err == nil || !strings.Contains(err.Error(), "ios.allow.title") {
		t.Errorf("got error %v", err)
	}
	if _, err := l.line("ios.allow.title", 228); err == nil || !strings.Contains(err.Error(), "ios.allow.title") {
		t.Errorf("got error %v", err)
	}
	long := strings.Repeat("setup.", 20) + "example.com"
	if got := fit(long, 184); textWidth(got) > 184 || !strings.HasSuffix(got, "…") || !strings.HasPrefix(long, strings.TrimSuffix(got, "…")) {
		t.Errorf("got %q", got)
	}
	if got := fit("setup.example.com", 184); got != "setup.example.com" {
		t.Errorf("got %q", got)
	}
	rtl := &locale{Language: Language{Dir: "rtl"}}
	if a, b, c := rtl.x(28), rtl.x(238, 12), l.x(238, 12); a != 356 || b != 134 || c != 238 {
		t.Errorf("got %d, %d, %d", a, b, c)
	}
	if rtl.mirror() != "matrix(-1 0 0 1 384 0)" || rtl.anchor("start") != "d-e" || rtl.anchor("end") != "d-s" || l.anchor("end") != "d-e" {
		t.Error("a text is anchored on the wrong side")
	}
}

func TestBreaks(t *testing.T) {
	for url, want := range map[string][]string{
		"https://setup.example.com/s/token": {"https://setup.example.com/", "s/", "token"},
		"https://setup.example.com/":        {"https://setup.example.com/"},
		"/s/token":                          {"/", "s/", "token"},
		"":                                  {},
	} {
		if got := breaks(url); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", url, got, want)
		}
	}
}
