package panel

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
)

const (
	// exportPart is how many actions an export reads at a time.
	exportPart = 500
	// exportPause is how long the client may take for one part.
	exportPause = 30 * time.Second
)

// An exported is an action as an export has it: a line of JSON, or a row of a
// table with the same columns.
type exported struct {
	Seq        int64          `json:"seq"`
	Time       time.Time      `json:"time"` // UTC
	Action     string         `json:"action,omitempty"`
	Outcome    string         `json:"outcome,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	ActorKind  string         `json:"actor_kind,omitempty"`
	ActorID    string         `json:"actor_id,omitempty"`
	ActorName  string         `json:"actor_name,omitempty"`
	TargetKind string         `json:"target_kind,omitempty"`
	TargetID   string         `json:"target_id,omitempty"`
	TargetName string         `json:"target_name,omitempty"`
	Interface  string         `json:"interface,omitempty"`
	IP         string         `json:"ip,omitempty"`
	Client     string         `json:"client,omitempty"`
	Request    string         `json:"request,omitempty"`
	Link       string         `json:"link,omitempty"`
	Profile    string         `json:"profile,omitempty"`
	Identity   string         `json:"identity,omitempty"`
	Changes    []audit.Change `json:"changes,omitempty"`
}

// exportedColumns are the columns of the table, in the order of row.
var exportedColumns = []string{"seq", "time", "action", "outcome", "reason", "actor_kind", "actor_id", "actor_name",
	"target_kind", "target_id", "target_name", "interface", "ip", "client", "request", "link", "profile", "identity", "changes"}

func exportedOf(r audit.Record) (exported, error) {
	x := exported{Seq: r.Seq, Time: r.At.UTC()}
	if r.Leaf == nil {
		return x, nil
	}
	e, err := r.Read()
	if err != nil {
		return x, err
	}
	x.Action, x.Outcome, x.Reason = string(e.Name), string(e.Outcome), e.Reason
	x.ActorKind, x.ActorID, x.ActorName = string(e.Actor.Kind), e.Actor.ID, e.Personal.ActorName
	x.TargetKind, x.TargetID, x.TargetName = string(e.Target.Kind), e.Target.ID, e.Personal.TargetName
	x.Interface, x.IP, x.Client, x.Request = string(e.Actor.Interface), e.Personal.IP, e.Personal.Client, e.Actor.Request
	x.Link, x.Profile, x.Identity, x.Changes = e.Link, e.Profile, e.Identity, e.Changes
	return x, nil
}

// row is the action as a row of a table whose cells no program runs.
func (x exported) row() ([]string, error) {
	changes := ""
	if len(x.Changes) > 0 {
		text, err := json.Marshal(x.Changes)
		if err != nil {
			return nil, err
		}
		changes = string(text)
	}
	cells := []string{strconv.FormatInt(x.Seq, 10), x.Time.Format(time.RFC3339Nano), x.Action, x.Outcome, x.Reason,
		x.ActorKind, x.ActorID, x.ActorName, x.TargetKind, x.TargetID, x.TargetName,
		x.Interface, x.IP, x.Client, x.Request, x.Link, x.Profile, x.Identity, changes}
	for i, cell := range cells {
		cells[i] = defused(cell)
	}
	return cells, nil
}

// defused is a cell that a spreadsheet takes for text: what begins like a
// formula gets an apostrophe.
func defused(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", []rune(cell)[0]) {
		return "'" + cell
	}
	return cell
}

// A sheet is what an export is written to.
type sheet interface {
	write(x exported) error
	flush() error
}

type tableSheet struct{ *csv.Writer }

func (t tableSheet) write(x exported) error {
	row, err := x.row()
	if err != nil {
		return err
	}
	return t.Write(row)
}

func (t tableSheet) flush() error {
	t.Flush()
	return t.Error()
}

type lineSheet struct{ *bufio.Writer }

func (l lineSheet) write(x exported) error { return json.NewEncoder(l).Encode(x) }

func (l lineSheet) flush() error { return l.Flush() }

// exportLog sends all actions that the filter finds, as a file. That it was
// asked for is an action itself.
func (p *Panel) exportLog(v *visit) error {
	form := v.form
	format := form["format"]
	if !slices.Contains([]string{"csv", "jsonl"}, format) {
		return fault.On("format", fault.Invalid, "Choose CSV or JSON Lines.")
	}
	filter, _, err := logFilter(v.account(), form)
	if err != nil {
		return err
	}
	filter.Before, filter.Limit = 0, exportPart
	if err := p.Actions.Record(v.ctx(), exportAction(v, format)); err != nil {
		return err
	}
	kind := map[string]string{"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}[format]
	v.Response().Header().Set(echo.HeaderContentType, kind)
	v.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="actions-`+p.Now().UTC().Format("2006-01-02")+"."+format+`"`)
	v.Response().WriteHeader(http.StatusOK)
	return p.writeLog(v, filter, newSheet(format, v.Response()))
}

func newSheet(format string, w io.Writer) sheet {
	if format == "jsonl" {
		return lineSheet{bufio.NewWriter(w)}
	}
	t := tableSheet{csv.NewWriter(w)}
	_ = t.Write(exportedColumns) // an error comes again at the flush
	return t
}

// writeLog writes part after part. A client that takes long for one is cut
// off.
func (p *Panel) writeLog(v *visit, filter audit.Filter, to sheet) error {
	control := http.NewResponseController(v.Response())
	for {
		found, err := p.Actions.Search(v.ctx(), filter)
		if err != nil {
			return err
		}
		if err := control.SetWriteDeadline(time.Now().Add(exportPause)); err != nil {
			return err
		}
		for _, r := range found.Records {
			x, err := exportedOf(r)
			if err != nil {
				return err
			}
			if err := to.write(x); err != nil {
				return err
			}
		}
		if err := to.flush(); err != nil {
			return err
		}
		if found.Next == 0 {
			return nil
		}
		filter.Before = found.Next
	}
}

// exportAction says who took which part of the log away.
func exportAction(v *visit, format string) audit.Action {
	a := audit.Action{
		Account: v.account(),
		Name:    audit.LogExport,
		Outcome: audit.Done,
		Actor:   v.who(),
		Target:  audit.Target{Kind: audit.AccountTarget, ID: v.account(), Name: v.in.Account.Name},
		Changes: []audit.Change{{Field: "format", New: format}},
	}
	for _, name := range []string{"from", "to", "zone", "actor", "action", "outcome", "interface", "kind", "target", "domain", "network", "link", "profile"} {
		if value := v.form[name]; value != "" {
			a.Changes = append(a.Changes, audit.Change{Field: name, New: value})
		}
	}
	return a
}
