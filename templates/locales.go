package templates

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	i18ntemplate "github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// A Language is one that the pages are written in.
type Language struct {
	Tag  string // BCP 47: "en", "pt-BR"
	Name string // in the language itself: "English", "Deutsch"
	Dir  string // "ltr" or "rtl"
}

// fallback is the language of which every text exists.
const fallback = "en"

// A locale is a Language and what is needed to speak it.
type locale struct {
	Language
	texts   parsed[*i18n.Localizer]
	numbers *message.Printer
	// panel is whether the control panel is written in it.
	panel bool
	// english has the texts that this one lacks.
	english *locale
	// messages reads all texts.
	messages func() ([]*i18n.Message, error)
}

// strict makes a text that lacks a value an error instead of "<no value>".
var strict i18ntemplate.Parser = &i18ntemplate.TextParser{Option: "missingkey=error"}

func (s *Set) loadLocales(files fs.FS) error {
	names, err := fs.Glob(files, "locales/*.toml")
	if err != nil {
		return err
	}
	s.byTag = map[string]*locale{}
	for _, name := range names {
		l, err := loadLocale(files, name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.byTag[l.Tag] = l
		s.locales = append(s.locales, l)
	}
	first := s.byTag[fallback]
	if first == nil {
		return errors.New("locales/" + fallback + ".toml: missing")
	}
	slices.SortFunc(s.locales, func(a, b *locale) int { return strings.Compare(a.Name, b.Name) })

	s.ordered = []*locale{first}
	tags := []language.Tag{language.MustParse(fallback)}
	for _, l := range s.locales {
		l.english = first
		if l != first {
			s.ordered = append(s.ordered, l)
			tags = append(tags, language.MustParse(l.Tag))
		}
	}
	s.matcher = language.NewMatcher(tags)
	return nil
}

// loadLocale reads what a file says of its language, which stands before its
// first heading. The texts are parsed when one is first asked for: all languages
// take as long as the rest of a start.
func loadLocale(files fs.FS, name string) (*locale, error) {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	tag, err := language.Parse(strings.TrimSuffix(strings.TrimPrefix(name, "locales/"), ".toml"))
	if err != nil {
		return nil, err
	}
	head, _, _ := bytes.Cut(text, []byte("\n# ---"))
	var about struct {
		Name     string `toml:"language.name"`
		Dir      string `toml:"language.dir"`
		Reviewed string `toml:"language.reviewed"`
	}
	if err := toml.Unmarshal(head, &about); err != nil {
		return nil, err
	}
	switch {
	case about.Name == "":
		return nil, errors.New("language.name is missing")
	case about.Dir != "ltr" && about.Dir != "rtl":
		return nil, errors.New(`language.dir must be "ltr" or "rtl"`)
	case about.Reviewed != "yes" && about.Reviewed != "no":
		return nil, errors.New(`language.reviewed must be "yes" or "no"`)
	}
	l := &locale{
		Language: Language{Tag: tag.String(), Name: about.Name, Dir: about.Dir},
		numbers:  message.NewPrinter(tag),
		panel:    bytes.Contains(text, []byte("\n"+panelText)),
	}
	l.messages = func() ([]*i18n.Message, error) {
		messages, err := i18n.ParseMessageBytes(text, toml.Unmarshal)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return messages, nil
	}
	l.texts = sync.OnceValues(func() (*i18n.Localizer, error) {
		messages, err := l.messages()
		if err != nil {
			return nil, err
		}
		return localizer(l.Tag, messages)
	})
	return l, nil
}

// iPadWords are what an iPhone is called in the texts, in the cases of the
// languages, and what an iPad is called there.
var iPadWords = strings.NewReplacer("iPhone’em", "iPadem", "iPhone’a", "iPada", "iPhonie", "iPadzie", "iPhonu", "iPadu", "iPhone", "iPad")

// onIPad is l with texts that are about an iPad. Values that are filled in stay
// as they are.
func (l *locale) onIPad() *locale {
	v := *l
	if v.english = &v; l.english != l {
		v.english = l.english.onIPad()
	}
	v.texts = sync.OnceValues(func() (*i18n.Localizer, error) {
		messages, err := l.messages()
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			for _, form := range []*string{&m.Zero, &m.One, &m.Two, &m.Few, &m.Many, &m.Other} {
				*form = iPadWords.Replace(*form)
			}
		}
		return localizer(l.Tag, messages)
	})
	return &v
}

func localizer(tag string, messages []*i18n.Message) (*i18n.Localizer, error) {
	parsed, err := language.Parse(tag)
	if err != nil {
		return nil, err
	}
	bundle := i18n.NewBundle(parsed)
	if err := bundle.AddMessages(parsed, messages...); err != nil {
		return nil, fmt.Errorf("locales/%s.toml: %w", tag, err)
	}
	return i18n.NewLocalizer(bundle, tag), nil
}

// check parses each text, which go-i18n would do only when it is used.
func (l *locale) check() error {
	messages, err := l.messages()
	if err != nil {
		return err
	}
	for _, m := range messages {
		for _, form := range []string{m.Zero, m.One, m.Two, m.Few, m.Many, m.Other} {
			if _, err := strict.Parse(form, "", ""); err != nil {
				return fmt.Errorf("locales/%s.toml: %s: %w", l.Tag, m.ID, err)
			}
		}
	}
	return nil
}

// Languages returns the languages of the set, sorted by name.
func (s *Set) Languages() []Language {
	all := make([]Language, len(s.locales))
	for i, l := range s.locales {
		all[i] = l.Language
	}
	return all
}

// panelText begins the line of a text of the control panel that every language
// of it has.
const panelText = `"panel.menu.out"`

// PanelLanguages returns the languages that the control panel is written in,
// sorted by name. The pages for devices, and mails, are written in more.
func (s *Set) PanelLanguages() []Language {
	return slices.DeleteFunc(s.Languages(), func(l Language) bool { return !s.byTag[l.Tag].panel })
}

// ForPanel returns l if the control panel is written in it, else English.
func (s *Set) ForPanel(l Language) Language {
	if known := s.byTag[l.Tag]; known != nil && known.panel {
		return known.Language
	}
	return s.byTag[fallback].Language
}

// Match returns the language that serves best. Each value of prefer is a
// language tag or an Accept-Language header; an earlier one wins as soon as it
// matches anything. What can't be parsed is passed over. The last resort is
// English.
func (s *Set) Match(prefer ...string) Language {
	for _, p := range prefer {
		tags, _, err := language.ParseAcceptLanguage(p)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, confidence := s.matcher.Match(tags...); confidence != language.No {
			return s.ordered[i].Language
		}
	}
	return s.ordered[0].Language
}

func (s *Set) locale(lang Language) *locale {
	if l := s.byTag[lang.Tag]; l != nil {
		return l
	}
	return s.byTag[fallback]
}

// Text returns one text with data filled in, in English if the language lacks
// it. Numbers are written as the language writes them. For an id that doesn't
// exist, or data that lacks a value, it returns the id.
func (s *Set) Text(lang Language, id string, data map[string]any) string {
	text, err := s.locale(lang).text(id, nil, data)
	if err != nil {
		return id
	}
	return text
}

// Texts returns one text in every language that has it, by language tag.
func (s *Set) Texts(id string, data map[string]any) map[string]string {
	texts := map[string]string{}
	for _, l := range s.locales {
		if text, err := l.from(l, id, nil, data); err == nil {
			texts[l.Tag] = text
		}
	}
	return texts
}

// text returns the text of id, in English where the language lacks it; count, if
// there is one, chooses the plural form.
func (l *locale) text(id string, count any, data map[string]any) (string, error) {
	text, err := l.from(l, id, count, data)
	var missing *i18n.MessageNotFoundErr
	if errors.As(err, &missing) {
		text, err = l.from(l.english, id, count, data)
	}
	if err != nil {
		return "", fmt.Errorf("text %q: %w", id, err)
	}
	return text, nil
}

// from is a text of a locale with numbers as this one writes them.
func (l *locale) from(source *locale, id string, count any, data map[string]any) (string, error) {
	texts, err := source.texts()
	if err != nil {
		return "", err
	}
	return texts.Localize(l.config(id, count, data))
}

func (l *locale) config(id string, count any, data map[string]any) *i18n.LocalizeConfig {
	values := maps.Clone(data)
	if values == nil {
		values = map[string]any{}
	}
	if count != nil {
		values["Count"] = count
	}
	for key, value := range values {
		if n, ok := value.(int); ok {
			values[key] = l.numbers.Sprint(number.Decimal(n))
		}
	}
	return &i18n.LocalizeConfig{MessageID: id, PluralCount: count, TemplateData: values, TemplateParser: strict}
}
