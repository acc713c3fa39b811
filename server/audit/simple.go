package audit

import (
	"strconv"
	"strings"
)

// Nearly all leaves and personal texts have a simple form: what Encode produces
// for plain ASCII without a proof. They are parsed here, several times as fast
// as with encoding/json. For any other text the parsers return false.

// readSimpleLeaf parses a leaf of the simple form.
func readSimpleLeaf(text string, l *Leaf) bool {
	if !isPlain(text) {
		return false
	}
	s := scanner{rest: text}
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
	l.Changes = s.changes(l.Changes[:0])
	l.Link = s.optional(`,"link":"`)
	l.Profile = s.optional(`,"profile":"`)
	l.Identity = s.optional(`,"identity":"`)
	l.Domain = s.optional(`,"domain":"`)
	l.Personal = s.text(`,"personal":"`)
	s.want(`}`)
	return s.end()
}

// readSimplePersonal parses a personal text of the simple form, with at least
// one member.
func readSimplePersonal(text string, p *Personal) bool {
	if !isPlain(text) {
		return false
	}
	s := scanner{rest: text, first: true}
	s.want(`{`)
	p.ActorName = s.optional(`,"actor_name":"`)
	p.TargetName = s.optional(`,"target_name":"`)
	p.IP = s.optional(`,"ip":"`)
	p.Client = s.optional(`,"client":"`)
	p.Mailbox = s.optional(`,"mailbox":"`)
	s.want(`}`)
	return s.end() && !s.first
}

// isPlain reports whether a text has at least eight characters, all of printable
// ASCII without a backslash. It examines eight at a time.
func isPlain(text string) bool {
	const each, top = 0x0101010101010101, 0x8080808080808080
	var odd uint64
	for rest := text; len(rest) > 0; rest = rest[8:] {
		if len(rest) < 8 {
			if len(text) < 8 {
				return false
			}
			rest = text[len(text)-8:]
		}
		w := uint64(rest[0]) | uint64(rest[1])<<8 | uint64(rest[2])<<16 | uint64(rest[3])<<24 |
			uint64(rest[4])<<32 | uint64(rest[5])<<40 | uint64(rest[6])<<48 | uint64(rest[7])<<56
		backslash, del := w^'\\'*each, w^0x7f*each
		// A byte less than n borrows from its top bit when n is subtracted.
		odd |= w | (w-' '*each)&^w | (backslash-each)&^backslash | (del-each)&^del
	}
	return odd&top == 0
}

// A scanner reads the rest of a plain text, until it isn't what was expected.
type scanner struct {
	rest   string
	failed bool
	first  bool // no comma before the next member
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

// text reads the text from the prefix to the next quotation mark.
func (s *scanner) text(prefix string) string {
	s.want(prefix)
	text, rest, ok := strings.Cut(s.rest, `"`)
	if !ok {
		s.failed = true
	}
	s.rest = rest
	return text
}

// optional returns text if the prefix is next, and otherwise an empty string.
func (s *scanner) optional(prefix string) string {
	if s.first {
		prefix = prefix[1:]
	}
	if !strings.HasPrefix(s.rest, prefix) {
		return ""
	}
	s.first = false
	return s.text(prefix)
}

// changes reads changes into memory that may have room for some.
func (s *scanner) changes(all []Change) []Change {
	if !s.skip(`,"changes":[`) {
		return nil
	}
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
