package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/account"
	"github.com/updatecase/mobileconfig/server/api/problem"
	"github.com/updatecase/mobileconfig/server/api/strict"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/setup"
)

// maxBulkBody is the largest body of a request for many links in bytes, enough for the
// maximum number of the longest links.
const maxBulkBody = 8 << 20

// bulkField is the field with the list of links.
const bulkField = "setup_links"

// NewSetupLinks are the links to create.
type NewSetupLinks struct {
	Links newLinks `json:"setup_links" doc:"The links, up to 1,000."`
}

// newLinks are created or refused individually.
type newLinks []NewSetupLink

// Schema describes the list to huma.
func (newLinks) Schema(schemas huma.Registry) *huma.Schema {
	s := huma.SchemaFromType(schemas, reflect.TypeFor[[]NewSetupLink]())
	low, high := 1, setup.MaxBulk
	s.MinItems, s.MaxItems = &low, &high
	s.Extensions = map[string]any{strict.Apart: true}
	return s
}

// A SetupLinkResult is the result for one link.
type SetupLinkResult struct {
	Status  int              `json:"status" doc:"201, or the HTTP status of the error." example:"201"`
	Link    *SetupLink       `json:"setup_link,omitempty" doc:"The link, if it was created."`
	Problem *problem.Problem `json:"problem,omitempty" doc:"Why it wasn't created. Pointers are relative to the link."`
}

// SetupLinkResults are the results for all links.
type SetupLinkResults struct {
	Created int               `json:"created" doc:"Number of links created." example:"1"`
	Refused int               `json:"refused" doc:"Number of links refused." example:"0"`
	Results []SetupLinkResult `json:"results" doc:"One for each link, in the order of the request."`
}

func (a *API) bulkLinks(h huma.API) {
	op := forTests(operation("create-setup-links", http.MethodPost, "/setup-links/bulk", account.LinksWrite, "Create up to 1,000 setup links"))
	op.Description += " All are created in one transaction. A link that can't be created gets its own error, and the others are still created."
	op.MaxBodyBytes = maxBulkBody
	register(a, h, op, a.createLinks)
}

type createLinks struct{ Body NewSetupLinks }

// apart is the list whose entries are refused individually.
func (in *createLinks) apart() string { return bulkField }

func (a *API) createLinks(ctx context.Context, c call, in *createLinks) (*answer[SetupLinkResults], error) {
	refused := make([]error, len(in.Body.Links))
	specs := make([]setup.LinkSpec, 0, len(refused))
	for i, l := range in.Body.Links {
		if refused[i] = errors.Join(c.faultsOf(bulkField, i), permitAddress(c, l.Address)); refused[i] == nil {
			specs = append(specs, (&createLink{l}).spec(c))
		}
	}
	made, err := a.Links.CreateAll(ctx, c.by, specs)
	if err != nil {
		return nil, err
	}
	out := &answer[SetupLinkResults]{SetupLinkResults{Results: make([]SetupLinkResult, len(refused))}}
	for i := range refused {
		if refused[i] != nil {
			out.Body.refuse(i, refused[i])
			continue
		}
		if made[0].Err != nil {
			out.Body.refuse(i, made[0].Err)
		} else {
			link := a.linkOf(made[0].Link, made[0].Link.Created)
			out.Body.Results[i] = SetupLinkResult{Status: http.StatusCreated, Link: &link}
			out.Body.Created++
		}
		made = made[1:]
	}
	for _, r := range out.Body.Results {
		if r.Problem != nil {
			r.Problem.Instance = problem.InstanceOf(c.by.Actor.Request)
		}
	}
	return out, nil
}

func (r *SetupLinkResults) refuse(i int, err error) {
	p := problem.Of(problem.Faults(err)...)
	r.Results[i] = SetupLinkResult{Status: p.Status, Problem: p}
	r.Refused++
}

// faultsOf returns the faults of a list entry, with fields relative to it.
func (c call) faultsOf(list string, i int) error {
	var all []error
	for _, f := range c.faults {
		entry, within, _ := strings.Cut(strings.TrimPrefix(f.Field, list+"/"), "/")
		if covers(f.Field, list) && entry == strconv.Itoa(i) {
			one := *f
			one.Field = within
			all = append(all, &one)
		}
	}
	return errors.Join(all...)
}

// inEntry reports whether a fault belongs to an entry of the list.
func inEntry(f *fault.Fault, list string) bool { return strings.HasPrefix(f.Field, list+"/") }
