package audit

import (
	"strconv"
	"strings"
)

// Nearly all leaves and personal texts have a simple form: what Encode produces
// for plain ASCII without a proof. They are parsed here, several times as fast
// as with encoding/json. For any other text the parsers return false.

// readSimpleLeaf parses a leaf of the simple form.
func readSimpleLeaf(data []byte) (l Leaf, ok bool) {
	s := scanner{rest: string(data)}
	l.Version = int(s.number(`{"v":`))
	l.Log = s.text(`,"log":"`)
	l.Seq = s.number(`,"seq":`)
	l.Time = s.number(`,"time":`)
	l.Name = Name(s.text(`,"action":"`))
	l.Outcome = Outcome(s.text(`,"outcome":"`))
	l.Reason = s.optional(`,"reason":"`)
	l.Actor.Kind = ActorKind(s.text(`,"actor":{"kind":"`))
	l.Actor.ID = s.optional(`,"id":"`)
	l.Actor.Interface = Interface(s.text(`,"interface":"`))
	l.Actor.Request = s.optional(`,"request":"`)
	l.Target.Kind = TargetKind(s.text(`},"target":{"kind":"`))
	l.Target.ID = s.text(`,"id":"`)
	s.want(`}`)
	l.Changes = s.changes()
	l.Link = s.optional(`,"link":"`)
	l.Profile = s.optional(`,"profile":"`)
	l.Identity = s.optional(`,"identity":"`)
	l.Domain = s.optional(`,"domain":"`)
	l.Personal = s.text(`,"personal":"`)
	s.want(`}`)
	return l, s.end()
}

// readSimplePersonal parses a personal text of the simple form, with at least
// one member.
func readSimplePersonal(data []byte) (p Personal, ok bool) {
	s := scanner{rest: string(data)}
	s.want(`{`)
	s.rest = "," + s.rest
	p.ActorName = s.optional(`,"actor_name":"`)
	p.TargetName = s.optional(`,"target_name":"`)
	p.IP = s.optional(`,"ip":"`)
	p.Client = s.optional(`,"client":"`)
	p.Mailbox = s.optional(`,"mailbox":"`)
	s.want(`}`)
	return p, s.end()
}

// A scanner reads the rest of a text, until it isn't what was expected.
type scanner struct {
	rest   string
	failed bool
}

func (s *scanner) end() bool { return !s.failed && s.rest == "" }

func (s *scanner) skip(prefix string) bool {
	rest, ok := strings.CutPrefix(s.rest, prefix)
	s.rest = rest
	return ok
}

func (s *scanner) want(prefix string) {
	if !s.skip(prefix) {
		s.failed = true
	}
}

// number reads a number after the prefix.
func (s *scanner) number(prefix string) int64 {
	s.want(prefix)
	i := 0
	for i < len(s.rest) && '0' <= s.rest[i] && s.rest[i] <= '9' {
		i++
	}
	n, err := strconv.ParseInt(s.rest[:i], 10, 64)
	// A number as in JSON: without leading zeros.
	if err != nil || i > 1 && s.rest[0] == '0' {
		s.failed = true
	}
	s.rest = s.rest[i:]
	return n
}

// text reads the text from the prefix to the next quotation mark, if it is
// plain.
func (s *scanner) text(prefix string) string {
	s.want(prefix)
	for i := range len(s.rest) {
		switch c := s.rest[i]; {
		case c == '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			return text
		case c < ' ' || c > '~' || c == '\\':
			s.failed = true
			return ""
		}
	}
	s.failed = true
	return ""
}

// optional returns text if the prefix is next, and otherwise an empty string.
func (s *scanner) optional(prefix string) string {
	if !strings.HasPrefix(s.rest, prefix) {
		return ""
	}
	return s.text(prefix)
}

func (s *scanner) changes() []Change {
	if !s.skip(`,"changes":[`) {
		return nil
	}
	all := make([]Change, 0, 2)
	for !s.failed {
		c := Change{Field: s.text(`{"field":"`)}
		c.Old = s.optional(`,"old":"`)
		c.New = s.optional(`,"new":"`)
		s.want(`}`)
		all = append(all, c)
		if s.skip(`]`) {
			break
		}
		s.want(`,`)
	}
	return all
}
