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

// MaxQuery is the longest text that a list is filtered by, in bytes.
const MaxQuery = 100

// An Order is one that a list can have, by a column: as Compare says, or the
// other way round.
type Order[T any] struct {
	By      string
	Compare func(a, b T) int
}

// PageOf returns the rows of the list that the request asks for: those that
// contain the query, in the order that it names, a page of them. The addresses of
// other pages and orders keep the parameters.
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

// part is the page of the rows with the number, and says so in p.
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

// Ends compares two ends, of which the zero time is the latest: never.
func Ends(a, b time.Time) int {
	if a.IsZero() != b.IsZero() {
		return b.Compare(a)
	}
	return a.Compare(b)
}

// Sorting returns the order that is asked for if the list has it, and for each
// column the way to sort by it: the other way round where it is sorted by that
// already. The values are what else the address says.
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

// matches reports whether one of the texts holds the query, whatever the case.
func matches(query string, texts ...string) bool {
	for _, text := range texts {
		if strings.Contains(strings.ToLower(text), strings.ToLower(query)) {
			return true
		}
	}
	return query == ""
}
