package mail

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/push"
	"github.com/updatecase/mobileconfig/server/pushes"
	"github.com/updatecase/mobileconfig/server/web"
)

// Pushes sends batches to devices. *pushes.Service is one.
type Pushes interface {
	Server(ctx context.Context, account string) (pushes.Server, error)
	Connect(ctx context.Context, by audit.Grant, account string, spec pushes.Spec) (secret string, err error)
	Rotate(ctx context.Context, by audit.Grant, account string) (secret string, err error)
	Disconnect(ctx context.Context, by audit.Grant, account string) error
	Push(ctx context.Context, by audit.Grant, account, batch string) (pushes.Overview, error)
	Overview(ctx context.Context, account, batch string) (pushes.Overview, error)
	Deliveries(ctx context.Context, account, batch string, f pushes.Filter) ([]pushes.Delivery, error)
}

// nanoPath is the path of the page for NanoMDM, below the panel.
const nanoPath = "/mdm/nanomdm"

// nanoMDM shows the account's NanoMDM, and the secret of its webhook if that
// was just created.
func (p *Pages) nanoMDM(v *panel.Visit) error {
	page, err := p.nanoPage(v, p.Frame(v, "mdm"))
	if err != nil {
		return err
	}
	var secret string
	there, shown := p.Shown(v, &secret)
	if shown {
		return p.To(v, panel.Prefix+nanoPath, "shown")
	}
	if there {
		page.Secret = "-webhook-url " + page.Hook + " -webhook-hmac-key " + secret
	}
	return p.Render(v, http.StatusOK, "nanomdm", page.Frame, page)
}

func (p *Pages) nanoPage(v *panel.Visit, f panel.Frame) (nanoPage, error) {
	page := nanoPage{Frame: f, Form: web.Form{}}
	server, err := p.Pushes.Server(v.Ctx(), v.Account())
	if fault.Is(err, fault.NotFound) {
		return page, nil
	}
	page.Connected, page.Since, page.Heard = true, server.Created, server.Heard
	page.Form["url"], page.Hook = server.URL, p.BaseURL.JoinPath("hooks", "nanomdm", server.Hook).String()
	return page, err
}

// connectNano connects the account to a NanoMDM. The first time, the next page
// shows the secret of the webhook once.
func (p *Pages) connectNano(v *panel.Visit) error {
	secret, err := p.Pushes.Connect(v.Ctx(), v.By(), v.Account(), pushes.Spec{URL: v.Form["url"], Key: v.Form["key"]})
	if err != nil {
		page, failed := p.nanoPage(v, panel.Frame{})
		if failed != nil {
			return failed
		}
		page.Form = web.Form{"url": v.Form["url"]} // the key must be entered again
		return p.Again(v, err, "nanomdm", "mdm", func(f panel.Frame) any {
			page.Frame = f
			return page
		})
	}
	if secret == "" {
		return p.To(v, panel.Prefix+nanoPath, "nanomdm.saved")
	}
	return p.ShowOnce(v, panel.Prefix+nanoPath, secret)
}

// askNano shows the page that says what will happen.
func (p *Pages) askNano(id string) func(*panel.Visit) error {
	return func(v *panel.Visit) error {
		server, err := p.Pushes.Server(v.Ctx(), v.Account())
		if err != nil {
			return err
		}
		u, err := url.Parse(server.URL)
		if err != nil {
			return err
		}
		return p.Ask(v, "mdm", id, map[string]any{"Host": u.Host}, panel.Prefix+nanoPath)
	}
}

// rotateNano gives the webhook a new secret, which the next page shows once.
func (p *Pages) rotateNano(v *panel.Visit) error {
	secret, err := p.Pushes.Rotate(v.Ctx(), v.By(), v.Account())
	if err != nil {
		return err
	}
	return p.ShowOnce(v, panel.Prefix+nanoPath, secret)
}

func (p *Pages) disconnectNano(v *panel.Visit) error {
	return p.Do(v, panel.Prefix+nanoPath, "nanomdm.disconnected", func() error {
		return p.Pushes.Disconnect(v.Ctx(), v.By(), v.Account())
	})
}

// push shows the status of a batch's deliveries to devices.
func (p *Pages) push(v *panel.Visit) error {
	b, err := p.Batches.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	o, err := p.Pushes.Overview(v.Ctx(), v.Account(), b.ID)
	if err != nil {
		return err
	}
	page := pushPage{
		Frame: p.Frame(v, "batches"), Form: web.Form{}, ID: b.ID, Name: b.Name, Planned: o.Planned, Detail: o.Detail, NoDevice: o.NoDevice,
		Devices: o.Devices(), Installed: o.States[push.Installed], Waiting: o.States[pushes.Waiting] + o.States[push.Queued] + o.States[push.NotNow],
		Failed: o.States[push.Refused] + o.States[push.Failed], Asked: o.Updated,
	}
	page.Pushable = page.Write && !b.Expired && o.Planned
	for _, s := range pushes.States() {
		page.States = append(page.States, string(s))
	}
	f := pushes.Filter{Limit: panel.PageSize + 1}
	if state := v.QueryParam("state"); slices.Contains(page.States, state) {
		page.Form["state"], f.State = state, push.State(state)
	}
	if after := v.QueryParam("after"); len(after) <= panel.MaxQuery && profile.IsLine(after) {
		f.After = after
	}
	all, err := p.Pushes.Deliveries(v.Ctx(), v.Account(), b.ID, f)
	if err != nil {
		return err
	}
	if len(all) > panel.PageSize {
		all = all[:panel.PageSize]
		page.Next = pushListPath(b.ID, page.Form["state"], all[panel.PageSize-1].ID)
	}
	if f.After != "" {
		page.First = pushListPath(b.ID, page.Form["state"], "")
	}
	for _, d := range all {
		page.Rows = append(page.Rows, pushRow{d.Email, d.Enrollment, string(d.State), d.Detail, d.Updated})
	}
	return p.Render(v, http.StatusOK, "push", page.Frame, page)
}

// pushListPath returns the path of the list with the same filter, after a
// delivery.
func pushListPath(batch, state, after string) string {
	values := url.Values{}
	for name, value := range map[string]string{"state": state, "after": after} {
		if value != "" {
			values.Set(name, value)
		}
	}
	path := panel.Path("batches", batch, "push")
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// pushBatch sends the files of a batch to devices, for the first time or
// again.
func (p *Pages) pushBatch(v *panel.Visit) error {
	if _, err := p.Pushes.Push(v.Ctx(), v.By(), v.Account(), v.Param("id")); err != nil {
		return err
	}
	return p.To(v, panel.Path("batches", v.Param("id"), "push"), "batch.pushed")
}

// fillPush sets whether a batch can be pushed, and its progress.
func (p *Pages) fillPush(v *panel.Visit, page *batchPage) error {
	if !page.Reissuable || len(page.Archives) == 0 {
		return nil
	}
	o, err := p.Pushes.Overview(v.Ctx(), v.Account(), page.Row.ID)
	if err == nil {
		page.Push = batchPush{Pushed: true, Devices: o.Devices(), Installed: o.States[push.Installed]}
		return nil
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	_, err = p.Pushes.Server(v.Ctx(), v.Account())
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	page.Push.Ready = page.Write && !page.Expired
	return err
}

// pushRoutes are the routes of NanoMDM and of pushes.
func (p *Pages) pushRoutes() []panel.Route {
	const batch = batchesPath + "/:id/push"
	return []panel.Route{
		panel.Get(nanoPath, account.Look, panel.Signed, p.nanoMDM),
		panel.Post(nanoPath, account.Manage, panel.Fresh, []string{"url", "key"}, p.connectNano),
		panel.Get(nanoPath+"/rotate", account.Manage, panel.Signed, p.askNano("nanomdm-secret")),
		panel.Button(nanoPath+"/rotate", account.Manage, panel.Fresh, p.rotateNano),
		panel.Get(nanoPath+"/disconnect", account.Manage, panel.Signed, p.askNano("nanomdm")),
		panel.Button(nanoPath+"/disconnect", account.Manage, panel.Fresh, p.disconnectNano),
		panel.Get(batch, account.Look, panel.Signed, p.push),
		panel.Button(batch, account.Change, panel.Fresh, p.pushBatch),
	}
}
