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
	names := namesOf(orders)
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
	p.Sort, p.Columns = Sorting(path, values, "sort", v.QueryParam("sort"), names)
	if p.Sort != "" {
		sortBy(found, p.Sort, orders)
		values.Set("sort", p.Sort)
	}
	return p, part(&p, found, v.QueryParam("page"), path, values)
}

// Sorted sorts all rows of a list without pages in the order that the parameter
// of the request names, and returns its columns. It's for the second list of a
// page.
func Sorted[T any](v *Visit, param string, rows []T, orders ...Order[T]) []Column {
	order, columns := Sorting(v.Request().URL.Path, url.Values{}, param, v.QueryParam(param), namesOf(orders))
	if order != "" {
		sortBy(rows, order, orders)
	}
	return columns
}

func namesOf[T any](orders []Order[T]) []string {
	names := make([]string, len(orders))
	for i, o := range orders {
		names[i] = o.By
	}
	return names
}

// sortBy sorts rows in one of the orders, after a "-" in reverse.
func sortBy[T any](rows []T, order string, orders []Order[T]) {
	by, falls := strings.CutPrefix(order, "-")
	compare := orders[slices.Index(namesOf(orders), by)].Compare
	slices.SortStableFunc(rows, func(a, b T) int {
		if falls {
			return compare(b, a)
		}
		return compare(a, b)
	})
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
// sorted by it. The param is the URL's parameter for the order, and the values
// are its other ones.
func Sorting(path string, values url.Values, param, sort string, names []string) (order string, columns []Column) {
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
		values.Set(param, next)
		c.Path = path + "?" + values.Encode()
		columns = append(columns, c)
	}
	values.Del(param)
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
