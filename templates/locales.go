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

// A Language is one that the pages are translated into.
type Language struct {
	Tag  string // BCP 47: "en", "pt-BR"
	Name string // in the language itself: "English", "Deutsch"
	Dir  string // "ltr" or "rtl"
}

// fallback is the language that has every text.
const fallback = "en"

// A locale is a Language with its texts.
type locale struct {
	Language
	texts   parsed[*i18n.Localizer]
	numbers *message.Printer
	// english has the texts that this one lacks.
	english *locale
	// messages reads all texts.
	messages func() ([]*i18n.Message, error)
}

// strict turns a missing value into an error instead of "<no value>".
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

// loadLocale reads the language's properties at the start of a file. The texts
// are parsed on first use: parsing all languages takes as long as the rest of a
// start.
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
	// The digits of numbers are those of dates and of the texts, also in Arabic.
	digits, err := tag.SetTypeForKey("nu", "latn")
	if err != nil {
		return nil, err
	}
	l := &locale{
		Language: Language{Tag: tag.String(), Name: about.Name, Dir: about.Dir},
		numbers:  message.NewPrinter(digits),
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

// iPadWords are the words for an iPhone in the texts, in the grammatical cases
// of the languages, with the words for an iPad.
var iPadWords = strings.NewReplacer("iPhone’em", "iPadem", "iPhone’a", "iPada", "iPhonie", "iPadzie", "iPhonu", "iPadu", "iPhone", "iPad")

// onIPad returns l with texts that are about an iPad. Filled-in values aren't
// changed.
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

// check parses each text, which go-i18n would only do on use.
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

// Match returns the language that serves best. Each value of prefer is a
// language tag or an Accept-Language header; an earlier one wins as soon as it
// matches anything. What cannot be parsed is passed over. The last resort is
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
// it. Numbers are formatted for the language. If the id doesn't exist or data
// lacks a value, it returns the id.
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

// text returns the text of id, in English if the language lacks it. count, if
// given, chooses the plural form.
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

// from returns a text of a locale with numbers formatted for this one.
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
