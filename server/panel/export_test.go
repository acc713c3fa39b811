package panel

import (
	"time"

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

// What tests look at alone.
var (
	Inside  = inside
	Defused = defused
)

// SetExportPause changes how long the client of an export may take for a part,
// and returns what sets it back. No export may run at that time.
func SetExportPause(d time.Duration) (restore func()) {
	old := exportPause
	exportPause = d
	return func() { exportPause = old }
}
