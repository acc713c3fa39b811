package lint_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// generate creates a document that is a profile, or almost one with a typical
// mistake of people or programs. The same numbers create the same document.
func generate(seed, number uint64) []byte {
	g := &generator{rand: rand.New(rand.NewPCG(seed, number))}
	d := g.document()
	if g.IntN(4) == 0 {
		d = g.damaged(d)
	}
	return []byte(d)
}

type generator struct{ rand *rand.Rand }

func (g *generator) IntN(n int) int { return g.rand.IntN(n) }

// pick returns one of the texts.
func (g *generator) pick(list []string) string { return list[g.IntN(len(list))] }

// mostly returns one of the usual texts, and occasionally one of the odd ones.
func (g *generator) mostly(usual, odd []string) string {
	if g.IntN(50) == 0 {
		return g.pick(odd)
	}
	return g.pick(usual)
}

const (
	declaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"
	doctype     = `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">` + "\n"
)

func (g *generator) document() string {
	head := g.mostly([]string{declaration, declaration, ""}, []string{
		"\ufeff" + declaration, "\n" + declaration, "  ", "<!-- made by hand -->\n", "junk", `<?xml version="1.1" encoding="UTF-8"?>`, `<?xml version='1.0'?>`,
		`<?xml version="1.0" encoding="us-ascii"?>`, `<?xml version="1.0" encoding="iso-8859-1"?>`, `<?xml version="1.0" encoding="utf-16"?>`,
		`<?xml version="1.0" encoding="x-none"?>`, `<?xml encoding="UTF-8" version="1.0"?>`, `<?xml version="1.0" encoding="utf-8" standalone="yes"?>`,
	})
	kind := g.mostly([]string{doctype, doctype, ""}, []string{
		`<!DOCTYPE plist>`, `<!doctype plist>`, `<!DOCTYPE plist [<!ENTITY a "b">]>`, `<!DOCTYPE plist [<!ELEMENT plist ANY>]>`, `<!DOCTYPE plist SYSTEM "file:///a">`,
		`<!DOCTYPE html>`, doctype + doctype, `<!DOCTYPE plist PUBLIC "a" "b" [ ]>`,
	})
	open, shut := `<plist version="1.0">`+"\n", "</plist>\n"
	switch g.IntN(100) {
	case 0:
		open, shut = "", ""
	case 1:
		open = "<plist>"
	case 2:
		open = `<plist version="1.0" version="1.0">`
	case 3:
		open = `<plist xmlns="http://example.com/">`
	case 4:
		open, shut = "<plist><plist>", "</plist></plist>"
	}
	root := g.profile()
	switch g.IntN(100) {
	case 0:
		root = ""
	case 1:
		root += g.profile()
	case 2:
		root = g.value(1)
	case 3:
		depth := 20 + g.IntN(20)
		root = strings.Repeat("<dict><key>a</key>", depth) + "<true/>" + strings.Repeat("</dict>", depth)
	}
	tail := g.mostly([]string{"", "\n"}, []string{"junk", "<a/>", "<!-- end -->", "\x00", declaration, "&amp;", "<plist/>", " \r\n\t", "<?end?>", "<![CDATA[ ]]>"})
	return head + kind + open + root + shut + tail
}

// profile returns a dict with the keys of a profile.
func (g *generator) profile() string {
	var b strings.Builder
	b.WriteString("<dict>\n")
	for range g.IntN(4) {
		b.WriteString(g.field(1))
	}
	fmt.Fprintf(&b, "\t<key>PayloadContent</key>\n\t<array>\n")
	for range g.IntN(3) {
		b.WriteString("\t\t<dict>\n")
		for range g.IntN(8) {
			b.WriteString(g.field(3))
		}
		b.WriteString("\t\t</dict>\n")
	}
	b.WriteString("\t</array>\n")
	for range g.IntN(4) {
		b.WriteString(g.field(1))
	}
	b.WriteString("</dict>\n")
	return b.String()
}

var keyNames = []string{
	"PayloadType", "PayloadIdentifier", "PayloadUUID", "PayloadVersion", "PayloadDisplayName", "EmailAddress", "IncomingMailServerHostName",
	"IncomingMailServerPortNumber", "IncomingMailServerUseSSL", "RemovalDate", "ConsentText", "Icon", "DurationUntilRemoval", "Schlüssel", "鍵",
}

func (g *generator) field(depth int) string {
	key := g.mostly(keyNames, []string{"", " ", "PayloadType ", "a&amp;b", "<![CDATA[a<b]]>", "a<!-- b -->c", "a\r\nb", "a\tb", "&#233;", "PayloadContent", "\u200b"})
	between := g.mostly([]string{"\n\t", "", " "}, []string{"<!-- c -->", "<?pi?>", "\r\n", "text", "\u00a0", "&#32;", "<![CDATA[ ]]>", "<![CDATA[x]]>"})
	return "<key>" + key + "</key>" + between + g.value(depth) + "\n"
}

// value returns a value of any kind.
func (g *generator) value(depth int) string {
	switch n := g.IntN(16); {
	case n < 6:
		return "<string>" + g.text() + "</string>"
	case n < 8:
		return "<integer>" + g.mostly([]string{"0", "1", "993", "-5", "65536", "0x1F", "9223372036854775807"}, oddIntegers) + "</integer>"
	case n < 9:
		return "<real>" + g.mostly([]string{"0", "1.5", "-0.25", "1e10", "2.592e+06", "30"}, oddReals) + "</real>"
	case n < 11:
		return g.mostly([]string{"<true/>", "<false/>", "<true></true>"}, []string{"<true>yes</true>", "<false> </false>", "<true a='b'/>", "<True/>", "<false>\n</false>", "<true>&#48;</true>"})
	case n < 12:
		return "<date>" + g.mostly([]string{"2030-01-01T00:00:00Z", "1999-12-31T23:59:59Z", "2032-02-29T12:00:00Z"}, oddDates) + "</date>"
	case n < 13:
		return "<data>" + g.mostly([]string{"", "AAAA", "AAA=", "\n\t\tSGVs\n\t\tbG8=\n\t"}, oddData) + "</data>"
	case n < 14 && depth < 6:
		return "<array>" + g.value(depth+1) + g.value(depth+1) + "</array>"
	case n < 15 && depth < 6:
		return "<dict>" + g.field(depth+1) + g.field(depth+1) + "</dict>"
	}
	return g.mostly([]string{"<array/>", "<dict/>", "<string/>", "<data/>"}, []string{"<integer/>", "<real/>", "<date/>", "<key/>", "<uid>1</uid>", "<set/>", "<null/>"})
}

var (
	oddIntegers = []string{"", " 7 ", "\n7", "007", "+5", "--5", "9223372036854775808", "18446744073709551615", "18446744073709551616", "-9223372036854775808", "-9223372036854775809",
		"1_000", "٣", "1.0", "1e3", "0x", "0XfF", "-0x5", "0x-5", "0x_5", " 0x10", "0o7", "0b1", "many", "1<!-- c -->2", "&#49;", "0xFFFFFFFFFFFFFFFFF"}
	oddReals = []string{"", " 2 ", "-0.0", ".5", "5.", "nan", "NaN", "inf", "-Infinity", "+1.5", "1e999", "-1e999", "1e-999", "0x1p-2", "1_0.5", "1,5", "٣.٥", "infinit", "1.5f"}
	oddDates = []string{"", "2030-01-01T00:00:00.000Z", "2030-01-01T00:00:00+00:00", "2030-01-01T00:00:00", "2030-01-01T00:00Z", "2030-01-01T00Z", "2030-01-01Z", "2030-01Z", "2030Z",
		"2030-01-01", "2030-01-01T00:00:00ZZ", "2030-01-01t00:00:00z", " 2030-01-01T00:00:00Z", "2030-01-01T00:00:00Z ", "2030-13-01T00:00:00Z", "2030-02-30T00:00:00Z", "2030-01-01T24:00:00Z",
		"2030-01-01T00:00:60Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "12030-01-01T00:00:00Z", "٢٠٣٠-01-01T00:00:00Z", "never"}
	oddData = []string{"AAA", "A", "AA", "AA==", "====", "AA=A", "AAAA====", "!!!!", "AAAA-_", "A A A A", "AAA&#61;", "AAAA<!-- c -->AAAA", "Zm9v\u00a0YmFy", "AB=="}
	plain   = []string{"Mail", "jane@example.com", "imap.example.com", "com.example.mail", "Größe", "日本語", "👩\u200d💻", "a b", " ", "\n", "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#65;", "&#x1F600;", "\u200b"}
	odd     = []string{"<![CDATA[a < b & c]]>", "<![CDATA[]]>", "<!-- c -->", "<?pi x?>", "\r\n", "\r", "&#13;", "&#10;", "\t", "]]>", "&#0;", "&#xFFFE;", "&#xD800;", "&#x110000;", "&nbsp;", "&amp", "&", "& b",
		"\x00", "\x07", "\x7f", "\xff", "\xed\xa0\x80", "\ufffe", "\ufdd0", "<b>x</b>", "<br/>", ">", "&#x41;", "&#X41;", "&#;", "&a;", "<!-- a -- b -->", "\u2028", "\u0085"}
)

func (g *generator) text() string {
	var b strings.Builder
	for range g.IntN(4) {
		b.WriteString(g.mostly(plain, odd))
	}
	return b.String()
}

// damaged returns a document after one accident.
func (g *generator) damaged(d string) string {
	var tags []int // start of tags
	for n, c := range d {
		if c == '<' {
			tags = append(tags, n)
		}
	}
	if len(tags) < 2 {
		return d
	}
	at := tags[g.IntN(len(tags))]
	end := at + max(1, strings.IndexByte(d[at:], '>')+1)
	switch g.IntN(8) {
	case 0: // cut off
		return d[:g.IntN(len(d))]
	case 1: // lose a tag
		return d[:at] + d[end:]
	case 2: // repeat a tag
		return d[:end] + d[at:end] + d[end:]
	case 3: // lose a byte
		n := g.IntN(len(d))
		return d[:n] + d[n+1:]
	case 4: // change a byte
		n := g.IntN(len(d))
		return d[:n] + string([]byte{byte(g.IntN(256))}) + d[n+1:]
	case 5: // swap two parts
		other := tags[g.IntN(len(tags))]
		a, b := min(at, other), max(at, other)
		return d[:a] + d[b:min(len(d), b+20)] + d[a:b] + d[min(len(d), b+20):]
	}
	return d[:at] + g.pick([]string{
		"text", "<foo/>", "<foo>x</foo>", "<foo><string>x</string></foo>", "<key>k</key>", "<string>s</string>", "<!-- c -->", "<?pi x?>", "&bogus;", "&amp;", "\x00", "\xff",
		"<![CDATA[ ]]>", "<![CDATA[x]]>", "</dict>", "<dict>", "<plist>", "</plist>", "<x:dict/>", "<dict a='1' a='2'/>", "<string a=b>x</string>", "<string xmlns='a'>x</string>", "]]>", "<!DOCTYPE plist>",
		"<?xml version='1.0'?>", "<", ">", "<string", "<!--", "<![CDATA[", "\u00a0", "<true/>", "<integer>1</integer>", "<KEY>k</KEY>", "<!ELEMENT a>",
	}) + d[at:]
}
