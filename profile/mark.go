package profile

import (
	"maps"
	"slices"
	"strings"
)

// TestMark is the prefix of texts in a test profile, in every language. No
// other profile may start with it.
const TestMark = "TEST – "

// marked returns the text as the device shows it.
func (p *Profile) marked(text string) string {
	if !p.Test || text == "" {
		return text
	}
	return TestMark + text
}

// consent returns Consent as the device shows it.
func (p *Profile) consent() map[string]any {
	out := make(map[string]any, len(p.Consent))
	for language, text := range p.Consent {
		out[language] = p.marked(text)
	}
	return out
}

// validateMark refuses texts that already start with the mark. Only Test may
// add it.
func (p *Profile) validateMark(c *checker) {
	texts := map[string]string{"display_name": p.DisplayName, "description": p.Description}
	for language, text := range p.Consent {
		texts["consent."+language] = text
	}
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		c.must(path, !strings.HasPrefix(texts[path], TestMark), "only texts of test profiles may start like this")
	}
	c.must("description", !p.Test || p.Description != "", "a test profile needs a description")
}
