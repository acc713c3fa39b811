package panel

import (
	"github.com/updatecase/mobileconfig/server/account"
)

// A Row is a route and what it needs, for tests.
type Row struct {
	Method, Path string
	Need         account.Permission
	Fresh, Open  bool
}

// Rows lists all routes.
func Rows() []Row {
	var rows []Row
	for _, r := range (*Panel)(nil).routes() {
		rows = append(rows, Row{r.method, Prefix + r.path, r.need, r.rule == fresh || r.rule == enrol, r.rule == open})
	}
	return rows
}

// Inside is inside.
var Inside = inside
