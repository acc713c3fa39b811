package mail

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/updatecase/mobileconfig/server/batches"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/web"
)

// batchLive describes a batch's progress in the words of the page.
func (p *Pages) batchLive(f panel.Frame, b batches.Batch) batchLive {
	if !b.Live() {
		return batchLive{}
	}
	say := func(id string, values map[string]any) string {
		return p.Texts.Text(f.Language, "panel.batch."+id, values)
	}
	if b.State == batches.Checking {
		return batchLive{Of: 1, Line: say("line.checking", nil)}
	}
	live := batchLive{Made: b.Made, Of: max(b.Rows(), 1)}
	live.Line = say("line", map[string]any{"Done": b.Made, "Of": b.Rows()})
	live.Percent = say("percent", map[string]any{"Percent": 100 * live.Made / live.Of})
	if took := p.Now().Sub(b.Started).Seconds(); b.Made > 0 && took >= 1 {
		rate := float64(b.Made) / took
		live.Rate = say("rate", map[string]any{"Rate": int(rate)})
		left := time.Duration(float64(b.Rows()-b.Made) / rate * float64(time.Second))
		live.Left = say("left", map[string]any{"Left": left.Round(time.Second).String()})
	}
	return live
}

// watchBatch sends a batch's progress as server-sent events, until the batch
// can't change any more, or the member may no longer see it.
func (p *Pages) watchBatch(v *panel.Visit) error {
	b, err := p.Batches.Get(v.Ctx(), v.Account(), v.Param("id"))
	if err != nil {
		return err
	}
	f, to := p.Frame(v, ""), web.NewEventStream(v)
	if asksAlone(v) {
		return v.NoContent(http.StatusOK)
	}
	ctx, stop := web.Until(v.Ctx(), p.Stopping)
	defer stop()
	begun := false
	_ = p.Batches.Watch(ctx, v.Account(), b.ID, func(b batches.Batch) error { // the stream ends, whatever the error was
		if begun {
			if err := p.Still(v); err != nil {
				return err
			}
		}
		begun = true
		live := p.batchLive(f, b)
		data, err := json.Marshal(map[string]any{
			"state": b.State, "made": live.Made, "line": live.Line, "percent": live.Percent, "rate": live.Rate, "left": live.Left,
		})
		if err != nil {
			return err
		}
		return to.Send(fmt.Appendf(nil, "data: %s\n\n", data))
	})
	return nil
}

// asksAlone reports whether the request is about a file without fetching it.
// Such requests aren't recorded.
func asksAlone(v *panel.Visit) bool { return v.Request().Method == http.MethodHead }

// downloadBatch sends a file of a batch, or a part of it.
func (p *Pages) downloadBatch(v *panel.Visit) error {
	if asksAlone(v) {
		file, err := p.Batches.Look(v.Ctx(), v.Account(), v.Param("id"), v.Param("file"))
		if err != nil {
			return err
		}
		defer file.Close()
		return web.SendFile(v, file.Name, file.Digest, file.Modified, file)
	}
	file, err := p.Batches.Open(v.Ctx(), v.By(), v.Account(), v.Param("id"), v.Param("file"))
	if err != nil {
		return err
	}
	defer file.Close()
	return web.SendFile(v, file.Name, file.Digest, file.Modified, file)
}
