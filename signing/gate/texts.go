package gate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxLanguages is the maximum number of keys in a consent text.
const maxLanguages = 40

// DisplayTexts are what a device shows of a profile, in addition to the names
// in [Terms]. Those of a test start with its mark.
type DisplayTexts struct {
	// Language is the language tag of the texts. It tells a signer in another
	// process which texts to create. The gate doesn't check it.
	Language    string
	Name        string
	Description string // may be empty
	// Consent is the consent text of a policy by language tag, and as
	// "default". Nil if there is none.
	Consent map[string]string
	// Payloads are the titles of each payload by its PayloadType.
	Payloads map[string]Titles
}

// Titles are what a device shows of a payload.
type Titles struct {
	Name        string
	Description string // may be empty
	Account     string // what an account is called; empty: the address
}

// Texts are [DisplayTexts] that were checked, and formatted as in a profile.
// One value serves all profiles with the same texts. It's safe for concurrent
// use.
type Texts struct {
	language          string
	name, description string
	consent           string // the dict, from its first key to its closing line
	marked, unmarked  bool   // whether all texts of the consent are
	payloads          map[string]Titles
	version           string
}

// NewTexts checks the texts once for all profiles that use them. The error is
// always a [*Refusal].
func NewTexts(d DisplayTexts) (*Texts, error) {
	t := &Texts{
		language: d.Language,
		name:     escape(d.Name), description: escape(d.Description),
		marked: true, unmarked: true, payloads: make(map[string]Titles, len(d.Payloads)),
	}
	checks := []struct{ text, path string }{{d.Name, "PayloadDisplayName"}}
	proses := []struct{ text, path string }{{d.Description, "PayloadDescription"}}
	for _, payload := range slices.Sorted(maps.Keys(d.Payloads)) {
		p := d.Payloads[payload]
		t.payloads[payload] = Titles{escape(p.Name), escape(p.Description), escape(p.Account)}
		checks = append(checks, struct{ text, path string }{p.Name, payload + ".PayloadDisplayName"}, struct{ text, path string }{p.Account, payload + ".Account"})
		proses = append(proses, struct{ text, path string }{p.Description, payload + ".PayloadDescription"})
	}
	if len(d.Consent) > maxLanguages {
		return nil, refuse(ConsentLanguage, "There are too many languages.").in("ConsentText")
	}
	for _, language := range slices.Sorted(maps.Keys(d.Consent)) {
		if !isLanguage(language) || isPassword(language) {
			return nil, refuse(ConsentLanguage, "A key isn't a language tag.").in("ConsentText")
		}
		proses = append(proses, struct{ text, path string }{d.Consent[language], "ConsentText." + language})
	}
	for _, c := range checks {
		if r := legible(c.text, maxText, false); c.text != "" && r != nil {
			return nil, r.in(c.path)
		}
	}
	for _, c := range proses {
		if r := legible(c.text, maxProse, true); c.text != "" && r != nil {
			return nil, r.in(c.path)
		}
	}
	t.setConsent(d.Consent)
	t.version = d.version()
	return t, nil
}

// setConsent writes the dict of the consent text.
func (t *Texts) setConsent(texts map[string]string) {
	if texts["default"] == "" {
		return // not allowed in a profile: the checker will say why
	}
	var out strings.Builder
	for _, language := range slices.Sorted(maps.Keys(texts)) {
		rest, marked := strings.CutPrefix(texts[language], testMark)
		good := rest != "" && !strings.HasPrefix(rest, testMark)
		t.marked, t.unmarked = t.marked && marked && good, t.unmarked && !marked && good
		fmt.Fprintf(&out, "\t\t\t<key>%s</key>\n\t\t\t<string>%s</string>\n", language, escape(texts[language]))
	}
	out.WriteString("\t\t</dict>\n")
	t.consent = out.String()
}

// version returns a digest of all texts.
func (d DisplayTexts) version() string {
	h := sha256.New()
	for _, s := range []string{d.Name, d.Description} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	for _, language := range slices.Sorted(maps.Keys(d.Consent)) {
		fmt.Fprintf(h, "%s %d:%s", language, len(d.Consent[language]), d.Consent[language])
	}
	for _, payload := range slices.Sorted(maps.Keys(d.Payloads)) {
		p := d.Payloads[payload]
		for _, s := range []string{payload, p.Name, p.Description, p.Account} {
			fmt.Fprintf(h, "%d:%s", len(s), s)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Language returns the language tag of the texts.
func (t *Texts) Language() string { return t.language }

// Version identifies the texts: it's a digest of all of them.
func (t *Texts) Version() string { return t.version }

// consent reads the dict ConsentText: a text for each language, and the default
// one. Usually it's the one in the terms, byte for byte.
func (c *checker) consent(value) *Refusal {
	c.consented = true
	texts := c.terms.Texts
	if marks := c.terms.Test && texts.marked || !c.terms.Test && texts.unmarked; marks && texts.consent != "" && c.accept(texts.consent) {
		return nil
	}
	// It isn't: find out what is wrong with it.
	const indent = "\t\t\t"
	start, last, complete := c.pos-1, "", false
	for n := 0; !c.accept("\t\t</dict>\n"); n++ {
		key, r := c.nextKey(indent, start, last)
		if r != nil {
			return r
		}
		if !isLanguage(key) || isPassword(key) || n == maxLanguages {
			return c.badKey(key, ConsentLanguage)
		}
		v, ok := c.value(indent)
		if !ok {
			return c.notCanonical()
		}
		if r := c.judge(&rule{kind: prose, check: (*checker).isMarked}, v); r != nil {
			return r
		}
		last, complete = key, complete || key == "default"
	}
	if !complete {
		return refuse(ConsentMissing, "The consent text needs a default.")
	}
	return refuse(DisplayText, "The consent text isn't the allowed one.")
}
