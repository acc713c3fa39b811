package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

// maxOutlines is how many outlines are kept, of some twenty kilobytes each.
const maxOutlines = 512

// An outline is a page with gaps: what stands before each, and the number of
// the value that goes in. The last has none.
type outline []struct {
	text  []byte
	value int
}

// mark is what stands for the i-th value in the page that an outline is made
// of. No template changes letters.
func mark(i int) string { return fmt.Sprintf("qzxoutlinemarkxzq%c", 'a'+i) }

// newOutline finds the marks of n values in the page.
func newOutline(page string, n int) outline {
	var o outline
	for {
		at, value := len(page), -1
		for i := range n {
			if found := strings.Index(page, mark(i)); found >= 0 && found < at {
				at, value = found, i
			}
		}
		o = append(o, struct {
			text  []byte
			value int
		}{[]byte(page[:at]), value})
		if value < 0 {
			return o
		}
		page = page[at+len(mark(value)):]
	}
}

// fill returns the page in pieces, with the values between them, escaped as for
// text or for an attribute in quotes. The pieces are not to be changed: a
// connection may still send one when its request is over, so none is used anew
// for another page.
func (o outline) fill(values []string) [][]byte {
	pieces := make([][]byte, 0, 2*len(o))
	for _, part := range o {
		if pieces = append(pieces, part.text); part.value >= 0 {
			pieces = append(pieces, []byte(html.EscapeString(values[part.value])))
		}
	}
	return pieces
}

// outlines keeps outlines by all that they depend on. The zero value is empty.
type outlines struct {
	mu   sync.RWMutex
	kept map[string]outline
}

func (all *outlines) get(key string) (outline, bool) {
	all.mu.RLock()
	defer all.mu.RUnlock()
	o, ok := all.kept[key]
	return o, ok
}

func (all *outlines) keep(key string, o outline) {
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.kept == nil {
		all.kept = map[string]outline{}
	}
	for other := range all.kept {
		if len(all.kept) < maxOutlines {
			break
		}
		delete(all.kept, other) // whichever: memory is bounded, not fair
	}
	all.kept[key] = o
}

// outlineKey is all that an outline depends on. JSON follows pointers: what
// stands at an address of memory may be another domain's a moment later.
func outlineKey(page string, marked any) (string, error) {
	data, err := json.Marshal(marked)
	return page + " " + string(data), err
}

// renderKept is render for a page that people come to again and again. To
// execute its template takes ten times as long as all else, so it is done once
// for marked, which is data with marks in place of the values, and the values
// are put in. They are of letters, and of signs that every one of their kind
// has: what a template does to these shows the first time, when both ways are
// gone, and then the page is executed each time.
func (p *Pages) renderKept(c echo.Context, status int, page string, in frame, data, marked any, values ...string) error {
	key, err := outlineKey(page, marked)
	if err != nil {
		return err
	}
	if o, ok := p.outlines.get(key); ok {
		return p.send(c, status, in.Language, o.fill(values)...)
	}
	body, err := p.execute(page, in.Language, data)
	if err != nil {
		return err
	}
	text, err := p.execute(page, in.Language, marked)
	if err != nil {
		return err
	}
	if o := newOutline(string(text), len(values)); bytes.Equal(bytes.Join(o.fill(values), nil), body) {
		p.outlines.keep(key, o)
	}
	return p.send(c, status, in.Language, body)
}
