package templates

import (
	"html/template"
	"sync"
)

// maxCopies is how many pages of the control panel are kept in memory at least, of
// twice as many at most: a page in a language takes about 150 kB, and all of them in
// all languages more than all else together.
const maxCopies = 64

// copies are the parsed pages that were asked for last.
type copies struct {
	mu          sync.Mutex
	now, before map[int]*template.Template
	listed      int
}

// bounded returns a function that parses when it must: the first time, and when
// many other pages were asked for since.
func (c *copies) bounded(parse parsed[*template.Template]) parsed[*template.Template] {
	id := c.listed
	c.listed++
	return func() (*template.Template, error) {
		if t := c.get(id); t != nil {
			return t, nil
		}
		t, err := parse()
		if err == nil {
			c.put(id, t)
		}
		return t, err
	}
}

func (c *copies) get(id int) *template.Template {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.now[id]
	if t == nil {
		if t = c.before[id]; t != nil {
			c.keep(id, t)
		}
	}
	return t
}

func (c *copies) put(id int, t *template.Template) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(id, t)
}

// keep forgets what wasn't asked for since the last time that it did.
func (c *copies) keep(id int, t *template.Template) {
	if len(c.now) >= maxCopies || c.now == nil {
		c.now, c.before = map[int]*template.Template{}, c.now
	}
	c.now[id] = t
}
