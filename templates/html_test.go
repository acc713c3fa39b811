package templates

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	idAttribute   = regexp.MustCompile(` id="([^"]*)"`)
	inputElement  = regexp.MustCompile(`<input[^>]*>`)
	inputID       = regexp.MustCompile(` id="([^"]+)"`)
	headingLevel  = regexp.MustCompile(`<h([1-6])[ >]`)
	emptyElement  = regexp.MustCompile(`<(p|h1|h2|h3|span|dd|dt|button|summary|title|li|text|tspan)(?: [^>]*)?>\s*</`)
	eventHandler  = regexp.MustCompile(` on[a-z]+="`)
	copyScript    = regexp.MustCompile(`<script src="/static/copy\.[0-9a-f]{12}\.js" defer></script>`)
	openedElement = regexp.MustCompile(`<(/?)([a-z0-9]+)([^>]*)>`)

	// Each begins with text that can be searched for fast.
	references   = patterns(` for="([^"]*)"`, ` aria-labelledby="([^"]*)"`, ` aria-describedby="([^"]*)"`, ` href="#([^"]*)"`)
	foreignLoads = patterns(`href="(?:[a-z]+:|//)`, `src="(?:[a-z]+:|//)`, `action="(?:[a-z]+:|//)`)
)

func patterns(texts ...string) []*regexp.Regexp {
	var all []*regexp.Regexp
	for _, text := range texts {
		all = append(all, regexp.MustCompile(text))
	}
	return all
}

// oneLine replaces the space between attributes.
var oneLine = strings.NewReplacer("\n", " ", "\t", " ")

// wayBack is the only link to another site, if a domain allows it.
const wayBack = `href="https://panel.example.com/mail?a=1&amp;b=2" rel="noreferrer"`

// brandLinks are the links to the email provider's pages. They send no referrer.
var brandLinks = regexp.MustCompile(`href="https://example\.com/(?:help|imprint|privacy)" rel="noreferrer"`)

// appStore opens the app store of an Android device.
const appStore = `href="market://details?id=net.thunderbird.android"`

func checkPage(t *testing.T, html string, lang Language, page string) {
	t.Helper()
	html = strings.ReplaceAll(html, wayBack, `href="/"`)
	html = strings.ReplaceAll(html, appStore, `href="/"`)
	html = oneLine.Replace(brandLinks.ReplaceAllString(html, `href="/"`))
	panel := strings.HasPrefix(page, "panel/")
	bad := []string{"{{", "<no value>", "ZgotmplZ", "style=", "<style", "%!", "\uE000", "\uE001", "\uE002"}
	if !panel {
		bad = append(bad, " checked")
		html = copyScript.ReplaceAllString(html, "") // the only script allowed
		bad = append(bad, "<script")
	}
	for _, bad := range bad {
		if strings.Contains(html, bad) {
			t.Errorf("contains %q", bad)
		}
	}
	if !panel && strings.Contains(strings.ReplaceAll(strings.ReplaceAll(html, "<wbr>", ""), link, ""), "://") {
		t.Error("contains an absolute URL other than the person's link")
	}
	for _, pattern := range append([]*regexp.Regexp{emptyElement, eventHandler}, foreignLoads...) {
		if m := pattern.FindString(html); m != "" && m != `href="otpauth:` {
			t.Errorf("contains %q", m)
		}
	}
	if want := fmt.Sprintf(`<html lang="%s" dir="%s">`, lang.Tag, lang.Dir); !strings.Contains(html, want) {
		t.Errorf("doesn't contain %s", want)
	}
	if n := strings.Count(html, "button-big"); page == "setup" && n > 1 {
		t.Errorf("%d primary buttons", n)
	}
	if panel {
		checkPanelPage(t, html)
	}
	checkHeadings(t, html)
	checkIDs(t, html)
	checkInputs(t, html)
	checkNesting(t, html)
}

func checkHeadings(t *testing.T, html string) {
	t.Helper()
	last, first := 0, 0
	for _, m := range headingLevel.FindAllStringSubmatch(html, -1) {
		level := int(m[1][0] - '0')
		if level == 1 {
			first++
		}
		if level > last+1 {
			t.Errorf("h%d follows h%d", level, last)
		}
		last = level
	}
	if first != 1 {
		t.Errorf("%d h1, want one", first)
	}
}

func checkIDs(t *testing.T, html string) {
	t.Helper()
	var ids []string
	for _, m := range idAttribute.FindAllStringSubmatch(html, -1) {
		if slices.Contains(ids, m[1]) {
			t.Errorf("id %q twice", m[1])
		}
		ids = append(ids, m[1])
	}
	for _, reference := range references {
		for _, m := range reference.FindAllStringSubmatch(html, -1) {
			for _, id := range strings.Fields(m[1]) {
				if !slices.Contains(ids, id) {
					t.Errorf("%s refers to an id that doesn't exist", strings.TrimSpace(m[0]))
				}
			}
		}
	}
}

// checkInputs checks that every input has a label: one that refers to it, or
// one around it.
func checkInputs(t *testing.T, html string) {
	t.Helper()
	for _, at := range inputElement.FindAllStringIndex(html, -1) {
		input := html[at[0]:at[1]]
		if strings.Contains(input, `type="hidden"`) {
			continue
		}
		before := html[:at[0]]
		around := strings.LastIndex(before, "<label") > strings.LastIndex(before, "</label>")
		id := inputID.FindStringSubmatch(input)
		if !around && (id == nil || !strings.Contains(html, `<label for="`+id[1]+`"`)) {
			t.Errorf("no label for %s", input)
		}
	}
}

func checkNesting(t *testing.T, html string) {
	t.Helper()
	void := []string{"wbr", "meta", "link", "input", "img", "br", "hr"}
	var open []string
	for _, m := range openedElement.FindAllStringSubmatch(html, -1) {
		switch {
		case m[1] == "" && !strings.HasSuffix(m[3], "/") && !slices.Contains(void, m[2]):
			if m[2] == "form" && slices.Contains(open, "form") {
				t.Error("a form in a form")
			}
			open = append(open, m[2])
		case m[1] == "/":
			if len(open) == 0 || open[len(open)-1] != m[2] {
				t.Fatalf("</%s> closes %v", m[2], open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("not closed: %v", open)
	}
}
