package openapi

import (
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/api/field"
	"github.com/updatecase/mobileconfig/server/audit"
	"github.com/updatecase/mobileconfig/server/notify"
)

// EventData is the data of a webhook call. Empty fields are omitted.
type EventData struct {
	Account    string           `json:"account" doc:"The account's ID." example:"acc_default"`
	Sequence   int64            `json:"sequence,omitempty" doc:"The place in the action log." example:"41"`
	Action     field.ActionName `json:"action,omitempty" doc:"Name of the action." example:"link.open"`
	Outcome    string           `json:"outcome,omitempty" enum:"done,refused"`
	Actor      *audit.Party     `json:"actor,omitempty"`
	Target     *audit.Party     `json:"target,omitempty"`
	Link       string           `json:"link,omitempty" doc:"ID of the setup link." example:"lnk_k3v7q2m4x5r6t7ab"`
	ExternalID string           `json:"external_id,omitempty" doc:"External ID of the setup link." example:"mbx_812"`
	Changes    []audit.Change   `json:"changes,omitempty"`
	Note       string           `json:"note,omitempty" doc:"For log.checkpoint: the signed checkpoint."`
}

// calls describes webhook calls, one per event.
func calls(schemas huma.Registry) map[string]*huma.PathItem {
	data := schemas.Schema(reflect.TypeFor[EventData](), true, "")
	plainLists(schemas.SchemaFromRef(data.Ref))
	text := func(name, doc, example string) *huma.Param {
		return &huma.Param{Name: name, In: "header", Required: true, Description: doc, Example: example, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	all := map[string]*huma.PathItem{}
	for _, t := range append(notify.Types(), notify.TestEvent) {
		name := eventSchema(t)
		schemas.Map()[name] = &huma.Schema{
			Type:     huma.TypeObject,
			Required: []string{"type", "timestamp", "data"},
			Properties: map[string]*huma.Schema{
				"type":      {Type: huma.TypeString, Enum: []any{string(t)}},
				"timestamp": {Type: huma.TypeString, Format: "date-time", Description: "Time of the event.", Examples: []any{"2026-11-24T09:30:00.12Z"}},
				"data":      data,
			},
		}
		schema := &huma.Schema{Ref: "#/components/schemas/" + name}
		all[string(t)] = &huma.PathItem{Post: &huma.Operation{
			OperationID: "on-" + strings.NewReplacer(".", "-", "_", "-").Replace(string(t)),
			Method:      http.MethodPost,
			Summary:     "The event " + string(t),
			Description: "See docs/webhooks.md for how to verify a call and when it's retried.",
			Tags:        []string{"webhooks"},
			Security:    []map[string][]string{{}},
			Parameters: []*huma.Param{
				text("webhook-id", "ID of the message. Retries have the same one.", "msg_q2m4x5r6t7abk3v7"),
				text("webhook-timestamp", "Time of the call, in Unix seconds.", "1795512600"),
				text("webhook-signature", "Signatures over ID, timestamp and body, separated by spaces.", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
			},
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
				JSON: {Schema: schema, Example: exampleOf(schemas, schema)},
			}},
			Responses: map[string]*huma.Response{
				"204": {Description: "Accepted. So is every other 2xx."},
				"410": {Description: "Gone. The webhook is disabled."},
			},
		}}
	}
	return all
}

// eventSchema is the name of the schema of a call.
func eventSchema(t notify.Type) string {
	var name string
	for _, word := range strings.FieldsFunc(string(t), func(r rune) bool { return r == '.' || r == '_' }) {
		name += strings.ToUpper(word[:1]) + word[1:]
	}
	return name + "Event"
}
