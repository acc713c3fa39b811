package pages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/web"
	"github.com/updatecase/mobileconfig/templates"
)

// maxOutlines is how many outlines are kept, with about twenty kilobytes each.
const maxOutlines = 512

// An outline is a page with gaps.
type outline struct {
	gaps []gap
	tag  string // of the page, if it has no values
}

// A gap is the text before a value, and the value's number. The last gap has
// no value.
type gap struct {
	before web.Piece
	value  int
}

// mark returns the mark of the i-th value in the page from which an outline is
// created. No template changes letters.
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
		o.gaps = append(o.gaps, gap{web.NewPiece([]byte(page[:at])), value})
		if value < 0 {
			break
		}
		page = page[at+len(mark(value)):]
	}
	if len(o.gaps) == 1 {
		o.tag = web.ETag([]byte(page))
	}
	return o
}

// fill returns the page in pieces, with the values between them, escaped for
// text or for an attribute in quotes. The pieces must not be changed or reused
// for another page: a connection may still be sending one after its request is
// over.
func (o outline) fill(values []string) []web.Piece {
	pieces := make([]web.Piece, 0, 2*len(o.gaps))
	for _, part := range o.gaps {
		if pieces = append(pieces, part.before); part.value >= 0 {
			pieces = append(pieces, web.Value([]byte(html.EscapeString(values[part.value]))))
		}
	}
	return pieces
}

// is reports whether the page filled with the values is the body.
func (o outline) is(body []byte, values []string) bool {
	for _, piece := range o.fill(values) {
		rest, ok := bytes.CutPrefix(body, piece.Text())
		if !ok {
			return false
		}
		body = rest
	}
	return len(body) == 0
}

// outlines caches outlines by everything that they depend on. The zero value
// is empty.
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
		delete(all.kept, other) // any outline: memory is bounded, not fair
	}
	all.kept[key] = o
}

// outlineKey returns everything that an outline depends on. It uses JSON
// because that follows pointers: a memory address may hold another domain a
// moment later.
func outlineKey(page string, marked any) (string, error) {
	data, err := json.Marshal(marked)
	return page + " " + string(data), err
}

// renderKept is render for frequently requested pages. Executing the template
// takes ten times as long as everything else. So it is executed once with
// marked, which is data with marks in place of the values, and the values are
// inserted. The marks contain letters and every character that such values
// have. The first time, both methods are compared. If a template changes the
// values, the page is executed each time.
func (p *Pages) renderKept(c echo.Context, status int, page string, in frame, data, marked any, values ...string) error {
	key, err := outlineKey(page, marked)
	if err != nil {
		return err
	}
	if o, ok := p.outlines.get(key); ok {
		return p.sendKept(c, status, in.Language, o, values)
	}
	body, err := p.execute(page, in.Language, data)
	if err != nil {
		return err
	}
	text, err := p.execute(page, in.Language, marked)
	if err != nil {
		return err
	}
	if o := newOutline(string(text), len(values)); o.is(body, values) {
		p.outlines.keep(key, o)
		return p.sendKept(c, status, in.Language, o, values)
	}
	return p.send(c, status, in.Language, web.Value(body))
}

// sendKept sends an outline. A page without values contains nothing personal:
// a browser may cache it, and checks whether it has changed.
func (p *Pages) sendKept(c echo.Context, status int, language templates.Language, o outline, values []string) error {
	if o.tag != "" && status == http.StatusOK {
		c.Response().Header().Set("Cache-Control", "no-cache")
		if web.Unchanged(c, o.tag) {
			describe(c, language)
			return web.NotModified(c)
		}
	}
	return p.send(c, status, language, o.fill(values)...)
}
