package panel

import (
	"net/http"

	"github.com/updatecase/mobileconfig/server/account"
)

// A Route is one way into the panel. What it needs stands beside it; the zero
// values need the most. Whatever changes something needs a fresh second factor,
// but for leaving: that is made easy.
type Route struct {
	Method, Path string
	Need         account.Permission
	Rule         Rule
	// Fields are those that the form of a POST may have; nil: it takes JSON.
	Fields []string
	Handle func(*Visit) error
	// Upload says that it takes a form with a file, which it reads itself.
	Upload bool
	// Here says that a route of operators is about the account that they have
	// opened, and changes it.
	Here bool
}

// atHome reports whether the route is about the member's own account, whatever
// account an operator has opened.
func (r Route) atHome() bool {
	return r.Need == account.Self || r.Need == account.Operate && !r.Here
}

// inside is in for the account that the route is about.
func (r Route) inside(in account.In) account.In {
	if r.atHome() {
		return in.AtHome()
	}
	return in
}

// A Rule is what a route needs beside the permission.
type Rule int

// The rules.
const (
	Fresh  Rule = iota // a second factor at most ConfirmLife old
	Signed             // a session
	Enrol              // a fresh factor, or a member who must enrol the first
	Open               // nothing
)

// Get is a route that shows a page.
func Get(path string, need account.Permission, rule Rule, handle func(*Visit) error) Route {
	return Route{Method: http.MethodGet, Path: path, Need: need, Rule: rule, Handle: handle}
}

// Post is a route that takes a form with the fields.
func Post(path string, need account.Permission, rule Rule, fields []string, handle func(*Visit) error) Route {
	return Route{Method: http.MethodPost, Path: path, Need: need, Rule: rule, Fields: fields, Handle: handle}
}

// Button is a route that takes a form without fields.
func Button(path string, need account.Permission, rule Rule, handle func(*Visit) error) Route {
	return Post(path, need, rule, []string{}, handle)
}

// Upload is a route that takes a form with a file. Such a form can't be repeated: if
// the rule is Fresh, a member who has to confirm goes on to the page of that path,
// from which the file is uploaded again.
func Upload(path string, need account.Permission, rule Rule, handle func(*Visit) error) Route {
	return Route{Method: http.MethodPost, Path: path, Need: need, Rule: rule, Fields: []string{}, Handle: handle, Upload: true}
}

// OnHere is a route of operators that changes the account they have opened.
func OnHere(r Route) Route {
	r.Here = true
	return r
}

// Script is a route that takes JSON from the panel's script.
func Script(path string, need account.Permission, rule Rule, handle func(*Visit) error) Route {
	return Post(path, need, rule, nil, handle)
}
