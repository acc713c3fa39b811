//go:build !race

package pages_test

import (
	"math/rand/v2"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// lookalikes are letters that look like those of a domain: Cyrillic, Greek,
// Latin with a mark, small capitals, full width, mathematical.
var lookalikes = map[rune]string{
	'a': "аαạɑａ𝐚", 'c': "сϲçᴄｃ𝐜", 'e': "еεẹеｅ𝐞", 'i': "іιıìｉ𝐢", 'l': "ⅼӏıＩｌ𝐥", 'm': "мⅿṃᴍｍ𝐦", 'o': "оοọ૦ｏ𝐨",
	'p': "рρṗᴘｐ𝐩", 'r': "гᴦṛʀｒ𝐫", 'ü': "ϋӱűǖüｕ", 'x': "хχẋⅹｘ𝐱", '.': "\u3002\uff0e\uff61\u2024\u00b7\u0701\ufe52",
}

// unseen are characters that are invisible between two letters, or that
// reverse them.
var unseen = []string{
	"\u200d", "\u200c", "\u200b", "\u00ad", "\u2060", "\ufeff", "\ufe0f", "\u034f", "\u180e", "\u061c", "\u200e", "\u202e", "\u2066", "\U000e0061",
	"\u0323", "\u0338", "\u115f", "\u3164", "\u00a0", "\u3000", " ", "\t", "\x00", "\r\n", "\n", "\x7f", "\u0085", "\u2028", "\ufffd", "\ufffe", "\U0010ffff",
}

// injected are texts that might end one element and begin another in XML, a
// header, a path, a mailbox or a template; and invalid UTF-8: overlong, half
// of a surrogate pair, cut off.
var injected = []string{
	"</string><key>IncomingMailServerHostName</key><string>evil.test", "</string>", "<string>", "]]>", "<![CDATA[", "<!--", "-->", "<?xml?>", "&#101;", "&lt;", "&evil;",
	`"><b>`, `'><b>`, "%EMAILDOMAIN%", "${jndi:x}", "{{.}}", "$EMAIL", "\\", "/", "#", "?", "@", "@evil.test", ":80", ":80/starttls", ";", ",", "|", "`", "*", "_", "[", "]", "%00", "%2e", "+",
	"\u202eevil", "\r\nLocation: //evil.test\r\n", "\r\n\r\n", "\x00evil.test", "\x1b[2J", "😀", "𐍈", "\xff", "\xc0\xae", "\xc0\xaf", "\xe0\x80\xae", "\xed\xa0\x80", "\xf0\x9f\x98", "\xf4\x90\x80\x80",
}

// foreign returns n domains that aren't o: first those that imitate it, then
// any.
func foreign(o own, r *rand.Rand, n int) []string {
	own := o.name
	all := slices.DeleteFunc(append(slices.Clone(odd), disguised(own)...), o.is)
	letters := []rune("abcdefghijklmnopqrstuvwxyz0123456789äßœаеорсуıſκ๑例え")
	glue := []string{"", "-", ".", "x", own + ".", "autoconfig.", "ua-auto-config.", "xn--"}
	for len(all) < n {
		label := make([]rune, 1+r.IntN(12))
		for i := range label {
			label[i] = letters[r.IntN(len(letters))]
		}
		all = append(all, glue[r.IntN(len(glue))]+string(label)+[]string{".test", "." + own, own, ".com", ".例え.test"}[r.IntN(5)])
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}

// odd are names that aren't host names.
var odd = []string{
	"127.0.0.1", "[127.0.0.1]", "[::1]", "[IPv6:::1]", "0x7f000001", "2130706433", "localhost", "..", ".", "-", "xn--.com", "xn--", "xn--a.com", "xn--0.com",
	strings.Repeat("a.", 130) + "evil.test", strings.Repeat("a", 64) + ".evil.test", "evil_test.example",
}

// disguised returns names similar to own: with one or two lookalike letters,
// with invisible characters, with prefixes or suffixes, as A-labels.
func disguised(own string) []string {
	letters := []rune(own)
	var all []string
	swap := func(name []rune, from int, use func([]rune, int)) {
		for i := from; i < len(name); i++ {
			for _, other := range lookalikes[name[i]] {
				use(slices.Replace(slices.Clone(name), i, i+1, other), i)
			}
		}
	}
	swap(letters, 0, func(one []rune, i int) {
		all = append(all, string(one), strings.ToUpper(string(one)), "mail."+string(one))
		if label, err := idna.Punycode.ToASCII(string(one)); err == nil {
			all = append(all, label, strings.ToUpper(label), label+".")
		}
		swap(one, i+1, func(two []rune, _ int) { all = append(all, string(two)) })
	})
	for _, more := range slices.Concat(unseen, injected) {
		for i := range len(letters) + 1 {
			all = append(all, string(letters[:i])+more+string(letters[i:]))
		}
		all = append(all, own+more+".evil.test", "evil.test"+more+own, more)
	}
	for _, dot := range "." + lookalikes['.'] {
		all = append(all, own+string(dot), string(dot)+own, own+string(dot)+"evil.test", strings.ReplaceAll(own, ".", string(dot)+"."))
	}
	ascii, _ := idna.Punycode.ToASCII(own)
	return append(all, "xn--"+ascii, "xn--"+ascii+"-", strings.ReplaceAll(ascii, ".", "-.")+"-", "*."+own, "mail."+own, "xn--"+own+"-.com", own+"."+own)
}
