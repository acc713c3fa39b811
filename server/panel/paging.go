package panel

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/updatecase/mobileconfig/profile"
)

// PageSize is how many rows a list shows at once.
const PageSize = 20

// MaxQuery is the longest text of a list's filter, in bytes.
const MaxQuery = 100

// An Order is the order of a list by a column: that of Compare, or its
// reverse.
type Order[T any] struct {
	By      string
	Compare func(a, b T) int
}

// PageOf returns the rows of the list that the request selects: one page of
// the rows that contain the query, in the requested order. The URLs of other
// pages and orders keep the parameters.
func PageOf[T any](v *Visit, rows []T, texts func(T) []string, keep []string, orders ...Order[T]) (Paging, []T) {
	query := profile.Trim(v.QueryParam("q"))
	if len(query) > MaxQuery {
		query = ""
	}
	var found []T
	for _, r := range rows {
		if matches(query, texts(r)...) {
			found = append(found, r)
		}
	}
	names := make([]string, len(orders))
	for i, o := range orders {
		names[i] = o.By
	}
	path, values := v.Request().URL.Path, url.Values{}
	for _, name := range keep {
		if text := v.QueryParam(name); text != "" {
			values.Set(name, text)
		}
	}
	if query != "" {
		values.Set("q", query)
	}
	p := Paging{Query: query, Total: len(found)}
	p.Sort, p.Columns = Sorting(path, values, v.QueryParam("sort"), names)
	by, falls := strings.CutPrefix(p.Sort, "-")
	if i := slices.Index(names, by); i >= 0 {
		slices.SortStableFunc(found, func(a, b T) int {
			if falls {
				return orders[i].Compare(b, a)
			}
			return orders[i].Compare(a, b)
		})
		values.Set("sort", p.Sort)
	}
	return p, part(&p, found, v.QueryParam("page"), path, values)
}

// part returns the page of rows with the number, and sets p accordingly.
func part[T any](p *Paging, found []T, page, path string, values url.Values) []T {
	last := max((len(found)+PageSize-1)/PageSize, 1)
	number, err := strconv.Atoi(page)
	if err != nil || number < 1 {
		number = 1
	}
	number = min(number, last)
	from := (number - 1) * PageSize
	p.To = min(from+PageSize, len(found))
	p.From = min(from+1, p.To)
	if number > 1 {
		p.Prev = pagePath(path, values, number-1)
	}
	if number < last {
		p.Next = pagePath(path, values, number+1)
	}
	return found[from:p.To]
}

// Ends compares two expiry times. The zero time, never, is the latest.
func Ends(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		return b.Compare(a)
	}
	return a.Compare(b)
}

// Sorting returns the requested order if the list has it, and for each column
// the URL that sorts by it, or reverses the order if the list is already
// sorted by it. The values are the URL's other parameters.
func Sorting(path string, values url.Values, sort string, names []string) (order string, columns []Column) {
	if slices.Contains(names, strings.TrimPrefix(sort, "-")) {
		order = sort
	}
	for _, name := range names {
		c, next := Column{By: name}, name
		switch order {
		case name:
			c.Order, next = "ascending", "-"+name
		case "-" + name:
			c.Order = "descending"
		}
		values.Set("sort", next)
		c.Path = path + "?" + values.Encode()
		columns = append(columns, c)
	}
	values.Del("sort")
	return order, columns
}

func pagePath(path string, values url.Values, page int) string {
	values.Del("page")
	if page > 1 {
		values.Set("page", strconv.Itoa(page))
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// matches reports whether one of the texts contains the query, ignoring case.
func matches(query string, texts ...string) bool {
	for _, text := range texts {
		if strings.Contains(strings.ToLower(text), strings.ToLower(query)) {
			return true
		}
	}
	return query == ""
}
