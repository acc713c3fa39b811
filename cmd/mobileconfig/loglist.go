package main

type logListCommand struct {
	remoteFlags
	jsonFlag
	Most      int    `default:"50" json:"-" placeholder:"N" help:"Maximum number of actions (default: 50)."`
	From      string `json:"from,omitempty" placeholder:"TIME" help:"Only actions at or after this time, for example 2026-11-24T09:30:00Z."`
	To        string `json:"to,omitempty" placeholder:"TIME" help:"Only actions before this time."`
	Actor     string `json:"actor,omitempty" placeholder:"ID" help:"Only actions by this member or API key."`
	Action    string `json:"action,omitempty" placeholder:"NAME" help:"Only this action, for example domain.update."`
	Outcome   string `json:"outcome,omitempty" placeholder:"done|refused" help:"Only actions with this outcome."`
	Interface string `json:"interface,omitempty" placeholder:"page|panel|command_line|api|internal" help:"Only actions through this interface."`
	Target    string `json:"target,omitempty" placeholder:"ID" help:"Only actions on the object with this ID."`
	Mailbox   string `json:"mailbox,omitempty" placeholder:"ADDRESS" help:"Only actions about this mailbox."`
	Domain    string `json:"domain,omitempty" placeholder:"DOMAIN" help:"Only actions about this mail domain."`
	IP        string `name:"ip" json:"ip,omitempty" placeholder:"ADDRESS" help:"Only actions from this IP address or network."`
	Link      string `json:"link,omitempty" placeholder:"ID" help:"Only actions about this setup link."`
	Text      string `json:"text,omitempty" placeholder:"TEXT" help:"Only entries that contain this text."`
}

// Run lists the actions.
func (c *logListCommand) Run(s streams) error {
	r, err := c.connect()
	if err != nil {
		return err
	}
	query, err := queryOf(c)
	if err != nil {
		return err
	}
	ctx, stop := untilStopped()
	defer stop()
	all, err := r.upTo(ctx, "actions", query, "actions", c.Most)
	if err != nil {
		return err
	}
	return showList(s, c.JSON, "actions", all, "seq", "time", "action", "outcome", "actor.name", "target.name")
}
