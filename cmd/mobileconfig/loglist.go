package main

type logListCommand struct {
	remoteFlags
	jsonFlag
	Most      int    `default:"50" json:"-" placeholder:"N" help:"How many actions to list at most (default: 50)."`
	From      string `json:"from,omitempty" placeholder:"TIME" help:"Actions from this time on, such as 2026-11-24T09:30:00Z."`
	To        string `json:"to,omitempty" placeholder:"TIME" help:"Actions before this time."`
	Actor     string `json:"actor,omitempty" placeholder:"ID" help:"Those of a member or key."`
	Action    string `json:"action,omitempty" placeholder:"NAME" help:"What was done, such as domain.update."`
	Outcome   string `json:"outcome,omitempty" placeholder:"done|refused" help:"How it ended."`
	Interface string `json:"interface,omitempty" placeholder:"page|panel|command_line|api|internal" help:"The interface that was used."`
	Target    string `json:"target,omitempty" placeholder:"ID" help:"What was acted on."`
	Mailbox   string `json:"mailbox,omitempty" placeholder:"ADDRESS" help:"The mailbox that it was about."`
	Domain    string `json:"domain,omitempty" placeholder:"DOMAIN" help:"The mail domain that it was about."`
	IP        string `name:"ip" json:"ip,omitempty" placeholder:"ADDRESS" help:"From where: an address or a network."`
	Link      string `json:"link,omitempty" placeholder:"ID" help:"The setup link."`
	Text      string `json:"text,omitempty" placeholder:"TEXT" help:"A text anywhere in the entry."`
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
