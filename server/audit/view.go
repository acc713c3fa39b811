package audit

import "time"

// A View is an action as it is shown: by the API in this form, and by the
// control panel, exports and webhooks in their own forms. Empty members are
// omitted.
type View struct {
	Seq       int64     `json:"seq" doc:"The number in the log: 1, 2, 3 … without gaps."`
	Time      time.Time `json:"time"` // UTC
	Action    Name      `json:"action,omitempty" example:"domain.update" doc:"Absent if retention has removed the content."`
	Outcome   Outcome   `json:"outcome,omitempty" enum:"done,refused"`
	Reason    string    `json:"reason,omitempty" doc:"The code of the refusal."`
	Interface Interface `json:"interface,omitempty" enum:"page,panel,command_line,api,internal"`
	Actor     *Party    `json:"actor,omitempty"`
	Target    *Party    `json:"target,omitempty"`
	IP        string    `json:"ip,omitempty"`
	Client    string    `json:"client,omitempty" example:"Safari on iPhone"`
	Request   string    `json:"request,omitempty"`
	Changes   []Change  `json:"changes,omitempty"`
	Link      string    `json:"link,omitempty"`
	Profile   string    `json:"profile,omitempty" doc:"SHA-256 of the profile, in hex."`
	Identity  string    `json:"identity,omitempty" doc:"SHA-256 of the signing certificate, in hex."`
	Erased    bool      `json:"erased,omitempty" doc:"Personal text has been erased."`

	Unreadable bool `json:"unreadable,omitempty" doc:"The entry can't be read because it was changed in the database."`
}

// A Party is who did something, or what it was done to.
type Party struct {
	Kind string `json:"kind" example:"key"`
	ID   string `json:"id,omitempty" example:"key_r6t7abk3v7q2m4x5"`
	Name string `json:"name,omitempty" example:"panel"`
	Test bool   `json:"test,omitempty" doc:"True for a test key."`
}

// View returns the record as it is shown. If the content has been removed, or
// can't be read, there is no Actor and no Target: a bad entry doesn't hide
// others.
func (r Record) View() View {
	v := View{Seq: r.Seq, Time: r.At.UTC()}
	if r.Leaf == nil {
		return v
	}
	e, err := r.Read()
	if err != nil {
		v.Unreadable = true
		return v
	}
	v.Action, v.Outcome, v.Reason, v.Interface = e.Name, e.Outcome, e.Reason, e.Actor.Interface
	v.Actor = &Party{string(e.Actor.Kind), e.Actor.ID, e.Personal.ActorName, e.Actor.Test}
	v.Target = &Party{Kind: string(e.Target.Kind), ID: e.Target.ID, Name: e.Personal.TargetName}
	v.IP, v.Client, v.Request = e.Personal.IP, e.Personal.Client, e.Actor.Request
	v.Changes, v.Link, v.Profile, v.Identity = e.Changes, e.Link, e.Profile, e.Identity
	v.Erased = r.Personal == nil
	return v
}
