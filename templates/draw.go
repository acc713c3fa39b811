package templates

import (
	"fmt"
	"strings"
	"unicode"
)

// The drawings of the steps contain text, and SVG doesn't break lines. So lines
// are broken here, using an estimate of letter widths.

const (
	// textSize is the size of letters, in units of the drawing.
	textSize = 12
	// drawing is the width of a drawing: its view box is 14 0 356 ….
	drawingLeft, drawingWidth = 14, 356
)

// letterWidth estimates the width of a letter in hundredths of the text size,
// for a wide bold typeface: a line that is too short is better than one that
// overflows its box.
func letterWidth(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r):
		return 0
	case strings.ContainsRune("iIljtf.,:;|!'’ ()[]", r):
		return 36
	case strings.ContainsRune("mwMW@—…", r):
		return 94
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
		return 104
	case unicode.IsUpper(r):
		return 72
	default:
		return 61
	}
}

// textWidth estimates the width of text in units of a drawing.
func textWidth(text string) int {
	n := 0
	for _, r := range text {
		n += letterWidth(r)
	}
	return (n*textSize + 99) / 100
}

// line is {{line "id" width}}: a text that must fit on one line of a drawing.
func (l *locale) line(id string, width int) (string, error) {
	text, err := l.text(id, nil, nil)
	if err == nil && textWidth(text) > width {
		err = fmt.Errorf("text %q: %d units wide, the drawing has room for %d", id, textWidth(text), width)
	}
	return text, err
}

// lines is {{lines "id" width}}: a text that is broken at spaces into up to two
// lines of a drawing.
func (l *locale) lines(id string, width int) ([]string, error) {
	text, err := l.text(id, nil, nil)
	if err != nil {
		return nil, err
	}
	if textWidth(text) <= width {
		return []string{text}, nil
	}
	// Break where the longer line is shortest.
	var best []string
	shortest := width + 1
	for i, r := range text {
		if r != ' ' {
			continue
		}
		first, second := text[:i], text[i+1:]
		if longer := max(textWidth(first), textWidth(second)); longer < shortest {
			best, shortest = []string{first, second}, longer
		}
	}
	if best == nil {
		return nil, fmt.Errorf("text %q: it doesn't fit into two lines of %d units", id, width)
	}
	return best, nil
}

// before is {{before "id" x}}: the start of a text that ends at x.
func (l *locale) before(id string, x int) (int, error) {
	text, err := l.text(id, nil, nil)
	return x - textWidth(text), err
}

// beyond is {{beyond "id" x}}: the end of a text that starts at x.
func (l *locale) beyond(id string, x int) (int, error) {
	text, err := l.text(id, nil, nil)
	return x + textWidth(text), err
}

// fit is {{fit value width}}: a value truncated to one line of a drawing. The
// text next to the drawing has all of it.
func fit(text string, width int) string {
	if textWidth(text) <= width {
		return text
	}
	letters := []rune(text)
	for len(letters) > 0 && textWidth(string(letters)+"…") > width {
		letters = letters[:len(letters)-1]
	}
	return string(letters) + "…"
}

// x is {{x left}} or {{x left width}}: a horizontal position. In right-to-left
// languages it's on the other side.
func (l *locale) x(left int, width ...int) int {
	if l.Dir != "rtl" {
		return left
	}
	for _, w := range width {
		left += w
	}
	return 2*drawingLeft + drawingWidth - left
}

// mirror is {{mirror}}: the transform for shapes that x would move. It's never
// applied to words, or to a check mark, which is the same in every script.
func (l *locale) mirror() string {
	if l.Dir != "rtl" {
		return "translate(0)"
	}
	return fmt.Sprintf("matrix(-1 0 0 1 %d 0)", l.x(0))
}

// anchor is {{anchor "start"}} or {{anchor "end"}}: the class of a text that
// starts or ends at its x. The drawing itself always runs from left to right.
func (l *locale) anchor(side string) string {
	if (side == "end") != (l.Dir == "rtl") {
		return "d-e"
	}
	return "d-s"
}
