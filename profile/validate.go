package profile

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// An InvalidError lists all problems of an invalid profile.
type InvalidError struct {
	Problems []Problem
}

// A Problem is an error in one field.
type Problem struct {
	Path   string // for example "mail.incoming.port"
	Detail string // never contains the field's value
}

// Error lists the problems.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Path + ": " + p.Detail
	}
	return "profile: " + strings.Join(lines, "; ")
}

// Shortest and longest time after which a profile may remove itself.
const (
	minRemoveAfter = time.Hour
	maxRemoveAfter = 10 * 365 * 24 * time.Hour
)

// maxLanguages limits the languages of a consent text.
const maxLanguages = 40

var languageTag = regexp.MustCompile(`^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*|default)$`)

// Validate returns an [*InvalidError] with all problems of p, or nil.
func (p *Profile) Validate() error {
	c := &checker{}
	c.must("address", !p.Address.IsZero(), "it is missing")
	c.must("platform", p.Platform == IPhone || p.Platform == Mac, "it must be iphone or mac")
	c.line("display_name", p.marked(p.DisplayName))
	c.optionalText("description", p.marked(p.Description))
	c.optionalLine("organization", p.Organization)
	p.validatePayloads(c)
	p.validateConsent(c)
	p.validateMark(c)
	p.validateRemoval(c)
	return c.err()
}

func (p *Profile) validateConsent(c *checker) {
	if !p.rulesDevice() {
		c.must("consent", len(p.Consent) == 0, "it needs a passcode policy")
		return
	}
	c.must("consent", p.Consent["default"] != "", `a passcode policy needs a text for "default"`)
	c.must("consent", len(p.Consent) <= maxLanguages, "it has too many languages")
	for _, tag := range slices.Sorted(maps.Keys(p.Consent)) {
		if !languageTag.MatchString(tag) {
			c.add("consent", "a key isn't a language tag")
			continue
		}
		c.text("consent."+tag, p.marked(p.Consent[tag]))
	}
}

func (p *Profile) validateRemoval(c *checker) {
	if d := p.RemoveAfter; d != 0 {
		c.must("remove_after", d >= minRemoveAfter && d <= maxRemoveAfter, "it must be from an hour to ten years")
		c.must("remove_after", d%time.Second == 0, "it must be whole seconds")
	}
	if on := p.RemoveOn; !on.IsZero() {
		c.must("remove_on", on.Nanosecond() == 0 && on.UTC().Year() >= 1970 && on.UTC().Year() <= 9999,
			"it must be a whole second from 1970 to 9999")
	}
}

// A checker collects problems.
type checker struct {
	problems []Problem
}

func (c *checker) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	return &InvalidError{c.problems}
}

func (c *checker) add(path, format string, args ...any) {
	c.problems = append(c.problems, Problem{path, fmt.Sprintf(format, args...)})
}

func (c *checker) must(path string, ok bool, detail string) {
	if !ok {
		c.add(path, "%s", detail)
	}
}

// addError adds a problem with the error, if there is one.
func (c *checker) addError(path string, err error) {
	if err != nil {
		c.add(path, "%s", err)
	}
}

func (c *checker) line(path, s string) {
	c.must(path, s != "", "it is missing")
	c.addError(path, checkLine(s))
}

func (c *checker) text(path, s string) {
	c.must(path, s != "", "it is missing")
	c.addError(path, checkText(s))
}

func (c *checker) optionalLine(path, s string) { c.addError(path, checkLine(s)) }
func (c *checker) optionalText(path, s string) { c.addError(path, checkText(s)) }

func (c *checker) between(path string, n, low, high int) {
	if n < low || n > high {
		c.add(path, "it must be from %d to %d", low, high)
	}
}

func (c *checker) wholeMinutes(path string, d time.Duration, low, high int) {
	if d%time.Minute != 0 {
		c.add(path, "it must be whole minutes")
		return
	}
	c.between(path, minutes(d), low, high)
}

// login is line for a username. Servers compare usernames exactly, so hidden
// characters are refused.
func (c *checker) login(path, s string) {
	c.must(path, s != "", "it is missing")
	c.addError(path, CheckLine(s))
}

func (c *checker) server(path string, s Server, p protocol) {
	c.host(path+".host", s.Host)
	c.addError(path+".port", p.check(s))
}

func (c *checker) host(path, name string) {
	host, err := ParseHost(name)
	switch {
	case err != nil:
		c.addError(path, err)
	case host != name:
		c.add(path, "it must be in lower-case A-label form")
	}
}
