package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// SaltSize is the size in bytes of the random salt of an action's personal
// text.
const SaltSize = 16

// A Leaf is an action in its permanent form: the leaf of the log's tree. It
// holds only a salted hash of the personal text, so its bytes stay the same
// when that text is erased.
type Leaf struct {
	Version  int      `json:"v"`
	Log      string   `json:"log"`
	Seq      int64    `json:"seq"`
	Time     int64    `json:"time"` // Unix milliseconds, UTC
	Name     Name     `json:"action"`
	Outcome  Outcome  `json:"outcome"`
	Reason   string   `json:"reason,omitempty"`
	Actor    who      `json:"actor"`
	Target   what     `json:"target"`
	Changes  []Change `json:"changes,omitempty"`
	Link     string   `json:"link,omitempty"`
	Profile  string   `json:"profile,omitempty"`
	Identity string   `json:"identity,omitempty"`
	Domain   string   `json:"domain,omitempty"`
	Proof    *Proof   `json:"proof,omitempty"`
	Personal string   `json:"personal"` // base64 of SHA-256(salt ‖ personal text)
}

type who struct {
	Kind      ActorKind `json:"kind"`
	ID        string    `json:"id,omitempty"`
	Interface Interface `json:"interface"`
	Request   string    `json:"request,omitempty"`
	Test      bool      `json:"test,omitempty"` // a test key
}

type what struct {
	Kind TargetKind `json:"kind"`
	ID   string     `json:"id"`
}

// Personal is the part of an action that identifies a person. It is stored
// beside the leaf, where it can be erased.
type Personal struct {
	ActorName  string `json:"actor_name,omitempty"`
	TargetName string `json:"target_name,omitempty"`
	IP         string `json:"ip,omitempty"`
	Client     string `json:"client,omitempty"`
	Mailbox    string `json:"mailbox,omitempty"`
}

// Encode returns a as entry seq of its log: the leaf, and the personal text
// whose hash the leaf holds. The salt is SaltSize random bytes and must be
// stored with the personal text. If a has a proof, it is signed here, where
// place and time are known.
//
// Both are JSON objects without white space, members in the order of the
// structs, absent members omitted, no HTML escapes. That form is version 1.
// Written entries are compared by their bytes and never encoded again.
func (a Action) Encode(seq int64, at time.Time, salt []byte) (leaf, personal []byte, err error) {
	if len(salt) != SaltSize {
		return nil, nil, fmt.Errorf("audit: salt of %d bytes", len(salt))
	}
	personal, err = encode(Personal{a.Actor.Name, a.Target.Name, a.Actor.IP, a.Actor.Client, a.Mailbox})
	if err != nil {
		return nil, nil, err
	}
	l := Leaf{
		Version: 1, Log: a.Account, Seq: seq, Time: at.UnixMilli(),
		Name: a.Name, Outcome: a.Outcome, Reason: a.Reason,
		Actor:   who{a.Actor.Kind, a.Actor.ID, a.Actor.Interface, a.Actor.Request, a.Actor.Test},
		Target:  what{a.Target.Kind, a.Target.ID},
		Changes: a.Changes, Link: a.Link, Profile: a.Profile, Identity: a.Identity, Domain: a.Domain,
		Personal: PersonalHash(salt, personal),
	}
	if a.next != nil {
		if l.Changes, err = a.keyChange(); err != nil {
			return nil, nil, err
		}
	}
	if a.Proof != nil {
		p := *a.Proof
		l.Proof = &p
		if err := l.sign(a.key); err != nil {
			return nil, nil, err
		}
	}
	leaf, err = encode(l)
	return leaf, personal, err
}

// PersonalHash returns the hash of a personal text that a leaf holds.
func PersonalHash(salt, personal []byte) string {
	text := personalHash(salt, personal)
	return string(text[:])
}

// personalHash is PersonalHash without an allocation.
func personalHash(salt, personal []byte) (text [44]byte) {
	var both [512]byte // more than nearly all have
	sum := sha256.Sum256(append(append(both[:0], salt...), personal...))
	base64.StdEncoding.Encode(text[:], sum[:])
	return text
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("audit: encode: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
