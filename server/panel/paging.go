package panel

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
)

// PageSize is how many rows a list shows at once.
const PageSize = 20

// MaxQuery is the longest text that a list is filtered by, in bytes.
const MaxQuery = 100

// PageOf returns the rows of the list that the request asks for: those that
// contain the query, a page of them. The other pages keep the parameters.
func PageOf[T any](v *Visit, rows []T, texts func(T) []string, keep ...string) (Paging, []T) {
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
	last := max((len(found)+PageSize-1)/PageSize, 1)
	number, err := strconv.Atoi(v.QueryParam("page"))
	if err != nil || number < 1 {
		number = 1
	}
	number = min(number, last)
	from := (number - 1) * PageSize
	to := min(from+PageSize, len(found))
	p := Paging{Query: query, Total: len(found), From: min(from+1, to), To: to}
	if number > 1 {
		p.Prev = pagePath(v, query, number-1, keep)
	}
	if number < last {
		p.Next = pagePath(v, query, number+1, keep)
	}
	return p, found[from:to]
}

func pagePath(v *Visit, query string, page int, keep []string) string {
	values := url.Values{}
	for _, name := range keep {
		if text := v.QueryParam(name); text != "" {
			values.Set(name, text)
		}
	}
	if query != "" {
		values.Set("q", query)
	}
	if page > 1 {
		values.Set("page", strconv.Itoa(page))
	}
	if len(values) == 0 {
		return v.Request().URL.Path
	}
	return v.Request().URL.Path + "?" + values.Encode()
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
