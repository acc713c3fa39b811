package templates

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/number"
)

// The functions that only the pages of the control panel can call.

// filled is {{tv "id" .Values}}: a text with the values of a map. If one of
// them is a number and the text has plural forms, it chooses the form. The text
// has it by its own name and as {{.Count}}.
func (l *locale) filled(id string, values map[string]any) (string, error) {
	for _, value := range values {
		if n, ok := value.(int); ok {
			if text, err := l.text(id, n, values); err == nil {
				return text, nil
			}
		}
	}
	return l.text(id, nil, values)
}

// quantity is {{quantity "id" "15"}}: a number with its unit. Anything that
// isn't a number, or has no unit, is unchanged.
func (l *locale) quantity(id, value string) string {
	n, err := strconv.Atoi(value)
	if err != nil {
		return value
	}
	if text, err := l.counted(id, n); err == nil {
		return text
	}
	return value
}

// number is {{number 1234}}: "1,234".
func (l *locale) number(n int) string { return l.numbers.Sprint(number.Decimal(n)) }

// moment is {{moment t}}: "24 November 2026, 08:54 UTC", in the time zone of t.
func (l *locale) moment(t time.Time) (string, error) {
	day, err := l.ofMonth("panel.date", "panel.month.", t)
	if err != nil {
		return "", err
	}
	return l.text("panel.moment", nil, map[string]any{"Date": day, "Time": t.Format("15:04"), "Zone": t.Format("MST")})
}

// logged is {{logged t}}: "24 Nov 2026, 08:54:07", in the time zone of t.
func (l *locale) logged(t time.Time) (string, error) {
	day, err := l.ofMonth("panel.log.date", "panel.month.short.", t)
	if err != nil {
		return "", err
	}
	return l.text("panel.log.moment", nil, map[string]any{"Date": day, "Time": t.Format("15:04:05")})
}

// date is {{date t}}: "24 November 2026".
func (l *locale) date(t time.Time) (string, error) {
	return l.ofMonth("panel.date", "panel.month.", t.UTC())
}

// day is {{day t}}: "24 Nov", for a plot.
func (l *locale) day(t time.Time) (string, error) {
	return l.ofMonth("panel.day", "panel.month.short.", t.UTC())
}

func (l *locale) ofMonth(id, months string, t time.Time) (string, error) {
	month, err := l.text(months+strconv.Itoa(int(t.Month())), nil, nil)
	if err != nil {
		return "", err
	}
	// Strings, because a year has no thousands separator.
	return l.text(id, nil, map[string]any{"Day": strconv.Itoa(t.Day()), "Month": month, "Year": strconv.Itoa(t.Year())})
}

// machine is {{machine t}}: a time for a datetime attribute.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// exact is {{exact t}}: "2026-11-24 08:54:07.218", in UTC.
func exact(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

// worded is {{worded "panel.kind." .Kind}}: the text for a stored word, or the
// word itself if it has none.
func (l *locale) worded(prefix, word string) string {
	if text, err := l.text(prefix+word, nil, nil); err == nil {
		return text
	}
	return word
}

// A group has the names for one kind of object.
type group struct {
	Object string
	Names  []string
}

// grouped is {{range grouped .Names}}: names such as "domain.update", grouped
// by the part before the dot.
func grouped(names []string) []group {
	var all []group
	for _, name := range names {
		object, _, _ := strings.Cut(name, ".")
		i := slices.IndexFunc(all, func(g group) bool { return g.Object == object })
		if i < 0 {
			i, all = len(all), append(all, group{Object: object})
		}
		all[i].Names = append(all[i].Names, name)
	}
	return all
}

// list is {{range list "a" "b"}}.
func list(items ...string) []string { return items }
