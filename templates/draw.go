package templates

import (
	"fmt"
	"strings"
	"unicode"
)

// The drawings of the steps hold words, and SVG breaks no lines. So lines are
// broken here, by an estimate of how wide letters are.

const (
	// textSize is the size of the letters, in units of the drawing.
	textSize = 12
	// drawing is the width of a drawing: its view box is 14 0 356 ….
	drawingLeft, drawingWidth = 14, 356
)

// letterWidth estimates the width of a letter in hundredths of the text size.
// It is that of a wide face in bold: better a line too short than one that
// leaves its box.
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

// lines is {{lines "id" width}}: a text that is broken at spaces into at most
// two lines of a drawing.
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
		return nil, fmt.Errorf("text %q: no two lines of %d units hold it", id, width)
	}
	return best, nil
}

// before is {{before "id" x}}: where a text begins that ends at x.
func (l *locale) before(id string, x int) (int, error) {
	text, err := l.text(id, nil, nil)
	return x - textWidth(text), err
}

// beyond is {{beyond "id" x}}: where a text ends that begins at x.
func (l *locale) beyond(id string, x int) (int, error) {
	text, err := l.text(id, nil, nil)
	return x + textWidth(text), err
}

// fit is {{fit value width}}: a value that is cut to one line of a drawing. The
// words beside the drawing hold all of it.
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

// x is {{x left}} or {{x left width}}: where something is drawn. In a language
// that runs from right to left it is on the other side.
func (l *locale) x(left int, width ...int) int {
	if l.Dir != "rtl" {
		return left
	}
	for _, w := range width {
		left += w
	}
	return 2*drawingLeft + drawingWidth - left
}

// mirror is {{mirror}}: the transform of the shapes that x would move. Words are
// never among them, nor a tick, which is the same in every script.
func (l *locale) mirror() string {
	if l.Dir != "rtl" {
		return "translate(0)"
	}
	return fmt.Sprintf("matrix(-1 0 0 1 %d 0)", l.x(0))
}

// anchor is {{anchor "start"}} or {{anchor "end"}}: the class of a text that
// begins or ends at its x. The drawing itself always runs from left to right.
func (l *locale) anchor(side string) string {
	if (side == "end") != (l.Dir == "rtl") {
		return "d-e"
	}
	return "d-s"
}
