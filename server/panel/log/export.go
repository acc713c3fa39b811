package log

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
)

const (
	// exportPart is how many actions an export reads at a time.
	exportPart = 500
)

// exportPause is how long the client may take for one part.
var exportPause = 30 * time.Second

// An exported is an action in an export: a line of JSON, or a row of a table
// with the same columns.
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
	// Unreadable means that the content was altered outside of the program.
	Unreadable bool `json:"unreadable,omitempty"`
}

// exportedColumns are the columns of the table, in the order of row.
var exportedColumns = []string{"seq", "time", "action", "outcome", "reason", "actor_kind", "actor_id", "actor_name",
	"target_kind", "target_id", "target_name", "interface", "ip", "client", "request", "link", "profile", "identity", "changes", "unreadable"}

func exportedOf(v audit.View) exported {
	x := exported{
		Seq: v.Seq, Time: v.Time, Action: string(v.Action), Outcome: string(v.Outcome), Reason: v.Reason, Interface: string(v.Interface),
		IP: v.IP, Client: v.Client, Request: v.Request, Link: v.Link, Profile: v.Profile, Identity: v.Identity, Changes: v.Changes,
		Unreadable: v.Unreadable,
	}
	if v.Actor != nil {
		x.ActorKind, x.ActorID, x.ActorName = v.Actor.Kind, v.Actor.ID, v.Actor.Name
		x.TargetKind, x.TargetID, x.TargetName = v.Target.Kind, v.Target.ID, v.Target.Name
	}
	return x
}

// row returns the action as a row of a table with cells that no program
// executes.
func (x exported) row() ([]string, error) {
	changes, unreadable := "", ""
	if x.Unreadable {
		unreadable = "yes"
	}
	if len(x.Changes) > 0 {
		text, err := json.Marshal(x.Changes)
		if err != nil {
			return nil, err
		}
		changes = string(text)
	}
	cells := []string{strconv.FormatInt(x.Seq, 10), x.Time.Format(time.RFC3339Nano), x.Action, x.Outcome, x.Reason,
		x.ActorKind, x.ActorID, x.ActorName, x.TargetKind, x.TargetID, x.TargetName,
		x.Interface, x.IP, x.Client, x.Request, x.Link, x.Profile, x.Identity, changes, unreadable}
	for i, cell := range cells {
		cells[i] = defused(cell)
	}
	return cells, nil
}

// hot matches the characters that begin a formula in a spreadsheet, including
// full-width forms, at the beginning of a cell or of what another program may
// take for one: some use other separators, and skip spaces and quotes.
var hot = regexp.MustCompile(`(^|[,;|\t\r\n])([\s\x00"'\p{Z}\p{Cf}]*)([=+\-@＝＋－＠])`)

// defused returns a cell that spreadsheets treat as text: a possible formula
// gets an apostrophe before its sign.
func defused(cell string) string {
	cell = hot.ReplaceAllString(cell, "$1$2'$3")
	if cell != "" && strings.ContainsRune("\t\r\n\x00", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// A sheet is the output of an export.
type sheet interface {
	write(x exported) error
	flush() error
}

// A tableSheet is a table by RFC 4180 with all cells in quotes, so that none
// ends early.
type tableSheet struct{ *bufio.Writer }

func (t tableSheet) write(x exported) error {
	row, err := x.row()
	if err != nil {
		return err
	}
	return t.line(row)
}

func (t tableSheet) line(cells []string) error {
	for i, cell := range cells {
		if i > 0 {
			_ = t.WriteByte(',') // an error is reported again at the end of the line
		}
		_, _ = t.WriteString(`"` + strings.ReplaceAll(cell, `"`, `""`) + `"`)
	}
	_, err := t.WriteString("\r\n")
	return err
}

func (t tableSheet) flush() error { return t.Flush() }

type lineSheet struct{ *bufio.Writer }

func (l lineSheet) write(x exported) error { return json.NewEncoder(l).Encode(x) }

func (l lineSheet) flush() error { return l.Flush() }

// exportLog sends all actions that match the filter as a file. The export is
// an action itself, and the newest one that the file can contain.
func (p *Pages) exportLog(v *panel.Visit) error {
	form := v.Form
	format := form["format"]
	if !slices.Contains([]string{"csv", "jsonl"}, format) {
		return fault.On("format", fault.Invalid, "Choose CSV or JSON Lines.")
	}
	delete(form, "format")
	delete(form, "before") // all pages
	filter, zone, err := logFilter(v.Account(), v.In.Member.Zone, form)
	if err != nil {
		return p.badLog(v, form, zone, err)
	}
	filter.Limit = exportPart
	if err := p.Actions.Record(v.Ctx(), v.By(), exportAction(v, format)); err != nil {
		return err
	}
	kind := map[string]string{"csv": "text/csv; charset=utf-8; header=present", "jsonl": "application/jsonl"}[format]
	v.Response().Header().Set(echo.HeaderContentType, kind)
	v.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="actions-`+p.Now().UTC().Format("2006-01-02")+"."+format+`"`)
	v.Response().WriteHeader(http.StatusOK)
	return p.writeLog(v, filter, newSheet(format, v.Response()))
}

func newSheet(format string, w io.Writer) sheet {
	if format == "jsonl" {
		return lineSheet{bufio.NewWriter(w)}
	}
	t := tableSheet{bufio.NewWriter(w)}
	_ = t.line(exportedColumns) // an error is reported again at the flush
	return t
}

// writeLog writes part after part, without a limit on the total time. A client
// that takes too long for one part is cut off.
func (p *Pages) writeLog(v *panel.Visit, filter audit.Filter, to sheet) error {
	control := http.NewResponseController(v.Response())
	for {
		found, err := p.Actions.Search(v.Ctx(), filter)
		if err != nil {
			return err
		}
		if err := control.SetWriteDeadline(time.Now().Add(exportPause)); err != nil {
			return err
		}
		if err := writePart(to, found.Records); err != nil {
			return err
		}
		if err := control.Flush(); err != nil {
			return err
		}
		if found.Next == 0 {
			return nil
		}
		filter.Before = found.Next
	}
}

func writePart(to sheet, records []audit.Record) error {
	for _, r := range records {
		if err := to.write(exportedOf(r.View())); err != nil {
			return err
		}
	}
	return to.flush()
}

// exportAction records who exported which part of the log. Actions stay
// forever, so for values that may identify a person it records only that they
// were used.
func exportAction(v *panel.Visit, format string) audit.Action {
	a := audit.Action{
		Account: v.Account(),
		Name:    audit.LogExport,
		Outcome: audit.Done,
		Target:  audit.Target{Kind: audit.LogTarget, ID: v.Account()},
		Changes: []audit.Change{{Field: "format", New: format}},
	}
	for _, name := range logFields {
		value := v.Form[name]
		if slices.Contains([]string{"actor", "target", "mailbox", "network", "link", "text"}, name) && value != "" && !impersonal.MatchString(value) {
			value = "***"
		}
		if value != "" {
			a.Changes = append(a.Changes, audit.Change{Field: name, New: value})
		}
	}
	return a
}

// impersonal matches our own IDs and kinds of actors.
var impersonal = regexp.MustCompile(`^[a-z]{3}_[a-z2-7]{16}$|^kind:[a-z]+$`)
