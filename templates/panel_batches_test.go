package templates

import (
	"strings"
	"time"
)

type (
	batchesPage struct {
		panelFrame
		Form          panelForm
		States        []string
		Rows          []batchRow
		Older, Newest string
		Columns       []panelColumn
	}
	batchRow struct {
		ID, Name, State string
		People          int
		By              string
		Created         time.Time
	}
	newBatchPage struct {
		panelFrame
		Locked bool
	}
	batchPage struct {
		panelFrame
		Row                                       batchRow
		Form                                      panelForm
		Checked                                   bool
		Bad, Off, Files                           int
		Notices                                   []string
		Columns                                   []batchColumn
		Fields                                    []string
		Wrong                                     []batchProblem
		Errors, Erases                            bool
		Choosable, Startable, Resumes, Reissuable bool
		Live                                      batchLive
		Archives                                  []batchArchive
		Detail, Size, Signer, Platform, Variant   string
		Output                                    string
		SendsMail                                 bool
		Links                                     batchLinks
		Refused                                   []batchRefused
		Push                                      batchPush
		Started, Ended, Expires                   time.Time
		Expired                                   bool
	}
	batchLinks struct {
		Count                  int
		Mailed                 bool
		Sent, Waiting, GivenUp int
	}
	batchRefused struct {
		Link, Address, Reply string
		Again                bool
	}
	batchSheetPage struct {
		panelFrame
		ID, Name string
		Rows     []batchHandout
		Older    string
	}
	batchHandout struct {
		ID, Name, Address, URL string
		QR                     panelQR
		Expires                time.Time
		Brand                  Brand
	}
	batchColumn struct {
		Name, Field string
		Secret      bool
	}
	batchProblem struct {
		Row                   int
		Column, Value, Detail string
	}
	batchLive struct {
		Made, Of                  int
		Line, Percent, Rate, Left string
	}
	batchArchive struct {
		Name, Manifest string
		Files          int
		Size, Digest   string
	}
)

var batchStates = []string{"checking", "ready", "running", "done", "failed", "canceled"}

// batchFields are the possible fields of a column.
var batchFields = []string{"email", "display_name", "first_name", "last_name", "local_part", "domain", "login", "locale", "group", "external_id", "serial", "udid", "ecid", "platform", "note", "status", "blocked"}

func batchCases() []panelCase {
	const at = "/panel/batches"
	var rows []batchRow
	for i, state := range batchStates {
		rows = append(rows, batchRow{"bat_" + string(rune('1'+i)), "staff-2026-11.csv", state, 1187 * i, "maria@example.com", panelNow})
	}
	page := batchPage{
		Row: rows[1], Form: panelForm{"platform": "iphone", "variant": "mail"}, Checked: true, Bad: 17, Off: 3, Files: 1187, Notices: []string{"Recognized as an export of Google Workspace."},
		Columns: []batchColumn{{"Email Address [Required]", "email", false}, {"Phone", "", false}, {"Password [Required]", "", true}}, Fields: batchFields,
		Wrong: []batchProblem{{18, "Email Address", "a•••", "The domain of this address isn't set up here."}, {203, "", "", "The address is missing."}}, Errors: true,
		Choosable: true, Startable: true, Size: "231 kB", Platform: "iphone", Variant: "mail", Output: "files",
	}
	erases, declared, locked := page, page, page
	erases.Form, erases.Erases, erases.Bad, erases.Wrong = panelForm{"platform": "both", "variant": "secure", "locale": "de"}, true, 0, nil
	locked.Choosable, locked.Startable = false, false
	running := batchPage{
		Row: rows[2], Form: page.Form, Platform: "both", Variant: "secure", Output: "both", Checked: true, Files: 1187, Size: "231 kB", Signer: "setup.example.com", Started: panelNow,
		Live: batchLive{612, 1187, "612 of 1,187", "51%", "240 per second", "about 3 seconds left"},
	}
	checking := batchPage{Row: rows[0], Form: page.Form, Platform: "mac", Variant: "mail", Output: "links", Size: "231 kB", Live: batchLive{Of: 1, Line: "Checking the list"}}
	done := running
	done.Row, done.Live, done.Ended, done.Expires, done.Reissuable = rows[3], batchLive{}, panelNow, panelNow.Add(7*24*time.Hour), true
	done.Push = batchPush{Pushed: true, Devices: 300, Installed: 285}
	done.Archives = []batchArchive{{"archive-001.zip", "manifest-001.csv", 1187, "5.2 MB", strings.Repeat("4f1c9a27", 8)}}
	handed := done
	handed.Archives, handed.Output, handed.SendsMail = nil, "links", true
	handed.Links = batchLinks{1187, true, 1180, 5, 2}
	handed.Refused = []batchRefused{{"lnk_1", "jane@example.com", "550 5.1.1 User unknown", false}, {"lnk_2", "joe@example.com", "450 4.2.0 Come back later", true}}
	printed := handed
	declared.Form, declared.Erases = panelForm{"platform": "both", "variant": "mail", "declarations": "yes"}, true
	printed.Links, printed.Refused = batchLinks{Count: 1}, nil
	erases.SendsMail = true
	expired, failed := done, page
	expired.Expired = true
	failed.Row, failed.Detail, failed.Resumes, failed.Ended = rows[4], "The API key was revoked.", true, panelNow
	early := done
	early.Expires, early.Push = time.Time{}, batchPush{Ready: true}
	cases := []panelCase{
		{name: "batches", page: "batches", who: owner, nav: "batches", path: at, view: batchesPage{
			Form: panelForm{"state": "done", "sort": "-name"}, States: batchStates, Rows: rows, Older: at + "?after=bat_9", Newest: at,
			Columns: []panelColumn{{"name", at + "?sort=name", "descending"}, {"created_at", at + "?sort=created_at", ""}},
		}},
		{name: "batches-auditor", page: "batches", who: auditor, nav: "batches", path: at, view: batchesPage{States: batchStates, Rows: rows[:1]}},
		{name: "batches-empty", page: "batches", who: owner, nav: "batches", path: at, view: batchesPage{States: batchStates}},
		{name: "batches-nothing", page: "batches", who: owner, nav: "batches", path: at, view: batchesPage{Form: panelForm{"state": "failed"}, States: batchStates}},
		{name: "batch-new", page: "batch-new", who: owner, nav: "batches", path: at + "/new", view: newBatchPage{}},
		{name: "batch-new-locked", page: "batch-new", who: owner, nav: "batches", path: at + "/new", view: newBatchPage{Locked: true}},
		{name: "batch-sheet", page: "batch-sheet", who: owner, nav: "batches", path: at + "/bat_1/sheet", view: batchSheetPage{
			ID: "bat_1", Name: "staff-2026-11.csv", Older: at + "/bat_1/sheet?after=100",
			Rows: []batchHandout{{"lnk_1", "Jane Doe", "jane@example.com", link, panelQR{29, "M0 0h29v29H0z"}, panelNow, aBrand}, {"lnk_2", "", "joe@example.com", link, panelQR{29, "M0 0h29v29H0z"}, panelNow, Brand{Name: "example.com"}}},
		}},
		{name: "batch-sheet-none", page: "batch-sheet", who: owner, nav: "batches", path: at + "/bat_1/sheet", view: batchSheetPage{ID: "bat_1", Name: "staff-2026-11.csv"}},
		{name: "batch-new-secret", page: "batch-new", who: owner, nav: "batches", path: at + "/new", view: newBatchPage{}, problems: badFields("file")},
	}
	for name, view := range map[string]batchPage{
		"checking": checking, "ready": page, "erases": erases, "declared": declared, "running": running, "done": done, "early": early, "expired": expired, "links": handed, "links-printed": printed, "failed": failed,
	} {
		cases = append(cases, panelCase{name: "batch-" + name, page: "batch", who: owner, nav: "batches", path: at + "/bat_1", view: view})
	}
	return append(cases, panelCase{name: "batch-auditor", page: "batch", who: auditor, nav: "batches", path: at + "/bat_1", view: locked})
}
