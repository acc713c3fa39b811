package templates

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// mailBrands are possible brands of a mail, from nothing to everything.
var mailBrands = map[string]MailBrand{
	"none": {},
	"all":  {"Bäckerei & Söhne <Ltd>", true, "#0b6b62", "https://example.com/help?a=1&b=2", "https://example.com/imprint", "https://example.com/privacy"},
}

// allMails returns all mails in a language and with a brand.
func allMails(t *testing.T, set *Set, lang Language, b MailBrand) map[string]Mail {
	t.Helper()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	mails := map[string]Mail{}
	for _, kind := range mailEvents() {
		n := Notice{Event: kind, When: at, Who: "olga@example.com", What: "example.com", From: "192.0.2.7", Client: "Safari", Number: 41, Brand: b}
		switch kind {
		case "digest", "identity.expiring", "key.expiring", "backup.overdue":
			n.Count = 3
		case "invitation":
			n.Link = "https://setup.example.com/panel/invitation/x"
		case "log.checkpoint":
			n.Note = "setup.example.com/default\n41\nq0Y=\n\n— setup.example.com AbCd\n"
		}
		m, err := set.Mail(lang, n)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		mails[kind] = m
	}
	m, err := set.LinkMail(lang, LinkMail{Service: "Example Host", Address: "maria@example.com", URL: "https://setup.example.com/s/x", Expires: at, Brand: b})
	if err != nil {
		t.Fatal(err)
	}
	mails["link"] = m
	return mails
}

// maxMail is the maximum size of a part of a mail, in bytes.
const maxMail = 8 << 10

// TestMailRules checks what all mail readers support. Some remove style sheets,
// so each element has its own style. Some invert colors in dark mode, some keep
// them and change the page behind, so text has no color, or a color with its
// own background. Some only show the text part, so it has everything that the
// HTML part has. And nothing is loaded from anywhere.
func TestMailRules(t *testing.T) {
	set := newSet(t)
	for _, lang := range set.Languages() {
		for name, brand := range mailBrands {
			for kind, m := range allMails(t, set, lang, brand) {
				t.Run(fmt.Sprintf("%s/%s/%s", lang.Tag, name, kind), func(t *testing.T) {
					checkMail(t, m, lang, brand)
				})
			}
		}
	}
}

func checkMail(t *testing.T, m Mail, lang Language, b MailBrand) {
	t.Helper()
	if len(m.HTML) > maxMail || len(m.Text) > maxMail {
		t.Errorf("%d and %d bytes", len(m.HTML), len(m.Text))
	}
	for _, bad := range []string{"{{", "<no value>", "ZgotmplZ", "%!"} {
		if strings.Contains(m.HTML+m.Text, bad) {
			t.Errorf("has %q", bad)
		}
	}
	for _, line := range strings.Split(m.Text+"\n"+m.HTML, "\n") {
		if len(line) > 990 {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	root, err := html.Parse(strings.NewReader(m.HTML))
	if err != nil {
		t.Fatal(err)
	}
	schemes := 0
	var words []string
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			checkElement(t, n, b)
			if n.Data == "meta" && strings.HasSuffix(attr(n, "name"), "color-scheme") || n.Data == "meta" && attr(n, "name") == "supported-color-schemes" {
				if attr(n, "content") == "light dark" {
					schemes++
				}
			}
			if n.Data == "html" && (attr(n, "lang") != lang.Tag || attr(n, "dir") != lang.Dir || attr(n, "style") != "color-scheme: light dark") {
				t.Errorf("<html> has %v", n.Attr)
			}
			if href := attr(n, "href"); href != "" && !strings.Contains(m.Text, href) {
				t.Errorf("the text has no link to %s", href)
			}
		case html.TextNode:
			if text := strings.Join(strings.Fields(n.Data), " "); text != "" && text != "·" && n.Parent.Data != "title" {
				words = append(words, text)
			}
		}
	}
	if schemes != 2 {
		t.Errorf("%d of two metas declare a dark mode", schemes)
	}
	plain := strings.Join(strings.Fields(m.Text), " ")
	var buttons []string
	for _, id := range []string{"mail.link.button", "mail.invitation.button", "mail.copy"} {
		buttons = append(buttons, strings.Join(strings.Fields(newSet(t).Text(lang, id, nil)), " "))
	}
	for _, text := range words {
		if !strings.Contains(plain, text) && !slices.Contains(buttons, text) {
			t.Errorf("the text doesn't have %q", text)
		}
	}
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// mailElements are those that mail readers don't change.
var mailElements = []string{"html", "head", "meta", "title", "body", "table", "tbody", "tr", "td", "th", "h1", "p", "a", "img", "pre", "strong", "br", "bdi"}

var (
	declared   = regexp.MustCompile(`(?:^|;)\s*([a-z-]+):\s*([^;]+)`)
	remotePart = regexp.MustCompile(`(?i)url\(|@import|expression|https?:`)
)

// checkElement checks that nothing is loaded, and that text is readable on any
// background.
func checkElement(t *testing.T, n *html.Node, b MailBrand) {
	t.Helper()
	if !slices.Contains(mailElements, n.Data) {
		t.Errorf("has <%s>", n.Data)
	}
	for _, a := range n.Attr {
		switch {
		case a.Key == "src" && (a.Val != "cid:"+LogoID || !b.Logo), a.Key == "background", a.Key == "class", a.Key == "id", a.Key == "srcset", strings.HasPrefix(a.Key, "on"),
			a.Key == "href" && !strings.HasPrefix(a.Val, "https://"), a.Key == "bgcolor", a.Key == "color":
			t.Errorf("<%s> has %s=%q", n.Data, a.Key, a.Val)
		}
	}
	styles := map[string]string{}
	for _, d := range declared.FindAllStringSubmatch(attr(n, "style"), -1) {
		styles[d[1]] = d[2]
	}
	if remotePart.MatchString(attr(n, "style")) {
		t.Errorf("a style loads something: %s", attr(n, "style"))
	}
	if c := styles["background"]; c != "" {
		t.Errorf("a background in short form: %q", c)
	}
	ink, ground := styles["color"], styles["background-color"]
	if n.Data == "img" || ink == "inherit" && ground == "" || ink == "" && ground == "" {
		return
	}
	if mailContrast(t, ink, ground) < 4.5 {
		t.Errorf("<%s> has %q on %q", n.Data, ink, ground)
	}
}

// mailContrast returns the contrast of two colors. A color without a
// background, or a background without a color, has none.
func mailContrast(t *testing.T, a, b string) float64 {
	t.Helper()
	if a == "" || b == "" {
		return 0
	}
	return contrast(color(t, nil, a), color(t, nil, b))
}
