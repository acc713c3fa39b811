package templates

import (
	"strings"
	"time"
)

// The data of the pages about NanoMDM and pushes, from server/panel.
type (
	nanoPage struct {
		panelFrame
		Form         panelForm
		Connected    bool
		Since, Heard time.Time
		Hook, Secret string
	}
	pushPage struct {
		panelFrame
		Form                                          panelForm
		States                                        []string
		ID, Name                                      string
		Planned                                       bool
		Detail                                        string
		NoDevice, Devices, Installed, Waiting, Failed int
		Asked                                         time.Time
		Pushable                                      bool
		Rows                                          []pushRow
		Next, First                                   string
	}
	pushRow struct {
		Email, Enrollment, State, Detail string
		Updated                          time.Time
	}
	batchPush struct {
		Ready, Pushed      bool
		Devices, Installed int
	}
)

var pushStates = []string{"waiting", "queued", "not_now", "installed", "refused", "failed", "replaced"}

func pushCases() []panelCase {
	const at = "/panel/batches/bat_1/push"
	const hook = "https://setup.example.com/hooks/nanomdm/hook_k3v7q2m4x5r6t7ab"
	connected := nanoPage{Form: panelForm{"url": "https://mdm.example.com"}, Connected: true, Since: panelNow, Heard: panelNow, Hook: hook}
	silent, secret := connected, connected
	silent.Heard, secret.Secret = time.Time{}, "-webhook-url "+hook+" -webhook-hmac-key nms_"+strings.Repeat("k3v7", 6)
	page := pushPage{Form: panelForm{}, States: pushStates, ID: "bat_1", Name: "staff-2026-11.csv", Planned: true, NoDevice: 2, Devices: 300, Installed: 285, Waiting: 13, Failed: 2, Asked: panelNow, Pushable: true, Next: at + "?after=psh_9"}
	details := map[string]string{"refused": "The profile could not be installed. (MCInstallationErrorDomain 4001)", "failed": "NanoMDM refused the API key. Enter the right one, then push again."}
	for _, state := range pushStates {
		page.Rows = append(page.Rows, pushRow{"jane." + state + "@example.com", "470E005B-17C1-4537-BBB3-0EBC340D432A", state, details[state], panelNow})
	}
	planning := pushPage{States: pushStates, ID: "bat_1", Name: "staff-2026-11.csv", Asked: panelNow}
	stopped := planning
	stopped.Planned, stopped.Detail, stopped.NoDevice = true, "The API key was revoked.", 1
	nothing, locked := page, page
	nothing.Rows, nothing.Form, nothing.Next, nothing.First = nil, panelForm{"state": "failed"}, "", at
	locked.Pushable = false
	return []panelCase{
		{name: "nanomdm", page: "nanomdm", who: owner, nav: "mdm", path: "/panel/mdm/nanomdm", view: nanoPage{}},
		{name: "nanomdm-auditor", page: "nanomdm", who: auditor, nav: "mdm", path: "/panel/mdm/nanomdm", view: nanoPage{}},
		{name: "nanomdm-problems", page: "nanomdm", who: owner, nav: "mdm", path: "/panel/mdm/nanomdm", view: nanoPage{}, problems: badFields("url", "key")},
		{name: "nanomdm-connected", page: "nanomdm", who: owner, nav: "mdm", path: "/panel/mdm/nanomdm", view: connected},
		{name: "nanomdm-connected-auditor", page: "nanomdm", who: auditor, nav: "mdm", path: "/panel/mdm/nanomdm", view: silent},
		{name: "nanomdm-secret", page: "nanomdm", who: owner, nav: "mdm", path: "/panel/mdm/nanomdm", view: secret},
		{name: "push", page: "push", who: owner, nav: "batches", path: at, view: page},
		{name: "push-auditor", page: "push", who: auditor, nav: "batches", path: at, view: locked},
		{name: "push-planning", page: "push", who: owner, nav: "batches", path: at, view: planning},
		{name: "push-stopped", page: "push", who: owner, nav: "batches", path: at, view: stopped},
		{name: "push-nothing", page: "push", who: owner, nav: "batches", path: at, view: nothing},
	}
}
