package panel

import (
	"net/http"

	"github.com/updatecase/mobileconfig/server/account"
)

// A Route is a route of the panel with its requirements. The zero values
// require the most. Every change needs a fresh second factor, except leaving,
// which is made easy.
type Route struct {
	Method, Path string
	Need         account.Permission
	Rule         Rule
	// Fields are the fields that the form of a POST may have; nil: it accepts
	// JSON.
	Fields []string
	Handle func(*Visit) error
	// Upload means that the handler reads a form with a file itself.
	Upload bool
	// Here means that an operators' route is about the account that they have
	// opened, and changes it.
	Here bool
}

// atHome reports whether the route is about the member's own account, whatever
// account an operator has opened.
func (r Route) atHome() bool {
	return r.Need == account.Self || r.Need == account.Operate && !r.Here
}

// inside returns in for the account that the route is about.
func (r Route) inside(in account.In) account.In {
	if r.atHome() {
		return in.AtHome()
	}
	return in
}

// A Rule is what a route requires in addition to the permission.
type Rule int

// The rules.
const (
	Fresh  Rule = iota // a second factor at most ConfirmLife old
	Signed             // a session
	Enroll             // a fresh factor, or a member who must add the first
	Open               // nothing
)

// Get returns a route that shows a page.
func Get(path string, need account.Permission, rule Rule, handle func(*Visit) error) Route {
	return Route{Method: http.MethodGet, Path: path, Need: need, Rule: rule, Handle: handle}
}

// Post returns a route that accepts a form with the fields.
func Post(path string, need account.Permission, rule Rule, fields []string, handle func(*Visit) error) Route {
	return Route{Method: http.MethodPost, Path: path, Need: need, Rule: rule, Fields: fields, Handle: handle}
}

// Button returns a route that accepts a form without fields.
func Button(path string, need account.Permission, rule Rule, handle func(*Visit) error) Route {
	return Post(path, need, rule, []string{}, handle)
}

// Upload returns a route that accepts a form with a file. Such a form can't be
// repeated: if the rule is Fresh, a member who has to confirm continues to the
// page of that path, from which the file is uploaded again.
func Upload(path string, need account.Permission, rule Rule, handle func(*Visit) error) Route {
	return Route{Method: http.MethodPost, Path: path, Need: need, Rule: rule, Fields: []string{}, Handle: handle, Upload: true}
}

// OnHere returns an operators' route that changes the account they have
// opened.
func OnHere(r Route) Route {
	r.Here = true
	return r
}

// Script returns a route that accepts JSON from the panel's script.
func Script(path string, need account.Permission, rule Rule, handle func(*Visit) error) Route {
	return Post(path, need, rule, nil, handle)
}
