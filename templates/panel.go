package templates

import (
	"strconv"
	"time"

	"golang.org/x/text/number"
)

// What the pages of the control panel can call beside what all pages can.

// filled is {{tv "id" .Values}}: a text with the values of a map. Where one of
// them is a number, and the text has plural forms, it chooses the form; a text
// knows it by its own name and as {{.Count}}.
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

// quantity is {{quantity "id" "15"}}: a number with its unit. What is no number,
// or has no unit, stays as it is.
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

// moment is {{moment t}}: "24 November 2026, 08:54 UTC".
func (l *locale) moment(t time.Time) (string, error) {
	day, err := l.date(t)
	if err != nil {
		return "", err
	}
	return l.text("panel.moment", nil, map[string]any{"Date": day, "Time": t.UTC().Format("15:04")})
}

// date is {{date t}}: "24 November 2026".
func (l *locale) date(t time.Time) (string, error) {
	return l.ofMonth("panel.date", "panel.month.", t)
}

// day is {{day t}}: "24 Nov", for a plot.
func (l *locale) day(t time.Time) (string, error) {
	return l.ofMonth("panel.day", "panel.month.short.", t)
}

func (l *locale) ofMonth(id, months string, t time.Time) (string, error) {
	t = t.UTC()
	month, err := l.text(months+strconv.Itoa(int(t.Month())), nil, nil)
	if err != nil {
		return "", err
	}
	// Strings, because a year has no thousands separator.
	return l.text(id, nil, map[string]any{"Day": strconv.Itoa(t.Day()), "Month": month, "Year": strconv.Itoa(t.Year())})
}

// machine is {{machine t}}: a time as a datetime attribute has it.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// list is {{range list "a" "b"}}.
func list(items ...string) []string { return items }
