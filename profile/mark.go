package profile

import (
	"maps"
	"slices"
	"strings"
)

// TestMark begins what a device shows of a profile that a test made, in every
// language. No other profile may begin with it.
const TestMark = "TEST – "

// marked is the text as the device shows it.
func (p *Profile) marked(text string) string {
	if !p.Test || text == "" {
		return text
	}
	return TestMark + text
}

// consent is Consent as the device shows it.
func (p *Profile) consent() map[string]any {
	out := make(map[string]any, len(p.Consent))
	for language, text := range p.Consent {
		out[language] = p.marked(text)
	}
	return out
}

// validateMark refuses texts that bring the mark themselves: only Test says
// what is a test.
func (p *Profile) validateMark(c *checker) {
	texts := map[string]string{"display_name": p.DisplayName, "description": p.Description}
	for language, text := range p.Consent {
		texts["consent."+language] = text
	}
	for _, path := range slices.Sorted(maps.Keys(texts)) {
		c.must(path, !strings.HasPrefix(texts[path], TestMark), "it begins as only that of a test may")
	}
	c.must("description", !p.Test || p.Description != "", "a test needs one that says so")
}
