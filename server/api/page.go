package api

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
)

// A ListQuery has the paging parameters of every list.
type ListQuery struct {
	Cursor string `query:"cursor" maxLength:"300" doc:"The next_cursor of the previous page."`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"Number of entries per page."`
}

// A Page has the paging fields of every list.
type Page struct {
	NextCursor string `json:"next_cursor,omitempty" doc:"Absent on the last page."`
}

// A place is that of an entry in a list: by a number, then by a text.
type place struct {
	number int64
	text   string
}

// newest is the place of an entry in a list with the newest first.
func newest(created time.Time, id string) place { return place{-created.UnixMilli(), id} }

// oldest is the place of an entry in a list with the oldest first.
func oldest(created time.Time, id string) place { return place{created.UnixMilli(), id} }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.number, q.number), cmp.Compare(p.text, q.text))
}

// place reads the cursor; ok is false if there is none. One that can't be read
// is a fault.
func (q ListQuery) place() (p place, ok bool, err error) {
	if q.Cursor == "" {
		return place{}, false, nil
	}
	number, text, cut := strings.Cut(q.Cursor, ".")
	if p.number, err = strconv.ParseInt(number, 10, 64); err != nil || !cut || !profile.IsLine(text) {
		return place{}, false, errCursor()
	}
	p.text = text
	return p, true, nil
}

func errCursor() error {
	return fault.On("cursor", fault.Invalid, "Send as the cursor what next_cursor of the page before was.")
}

// page is the part of the list that the query asks for. An entry that was
// deleted is missed by nobody: the cursor says where it was.
func page[T any](q ListQuery, all []T, at func(T) place) ([]T, Page, error) {
	after, ok, err := q.place()
	if err != nil {
		return nil, Page{}, err
	}
	all = slices.SortedFunc(slices.Values(all), func(a, b T) int { return at(a).compare(at(b)) })
	if ok {
		i, found := slices.BinarySearchFunc(all, after, func(one T, p place) int { return at(one).compare(p) })
		if found {
			i++
		}
		all = all[i:]
	}
	if len(all) <= q.Limit {
		return all, Page{}, nil
	}
	all = all[:q.Limit]
	last := at(all[q.Limit-1])
	return all, Page{strconv.FormatInt(last.number, 10) + "." + last.text}, nil
}
