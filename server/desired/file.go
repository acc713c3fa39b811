// Package desired reads a file with the desired state of an account, and finds
// out what has to change to reach it.
package desired

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/api"
)

// Version is the version of the file format that this program reads.
const Version = 1

// StandardPolicy is the name of the standard passcode policy in domains.
const StandardPolicy = "standard"

// A File is the desired state of an account. Parts that are nil aren't changed.
type File struct {
	Version       int                   `json:"version" enum:"1" doc:"The version of the file format. A program that doesn't support it refuses the file."`
	ApprovedHosts []string              `json:"approved_hosts,omitempty" doc:"Servers that domains may use: a host, or \"*.\" and the domain above the hosts. API keys can't approve servers: apply needs --approve for that." example:"[\"*.example.com\"]"`
	Policies      []api.PolicySettings  `json:"policies,omitempty" doc:"Passcode policies, identified by name."`
	Domains       []Domain              `json:"domains,omitempty" doc:"Email domains, identified by name. Missing fields have their defaults; missing metadata is left unchanged."`
	Webhooks      []api.WebhookSettings `json:"webhooks,omitempty" doc:"Webhooks, identified by URL."`

	lines lines
}

// A Domain is an email domain with its settings.
type Domain struct {
	Name string `json:"name" minLength:"1" maxLength:"255" doc:"The domain." example:"example.com"`
	api.DomainSettings
	DevicePolicy string `json:"device_policy,omitempty" minLength:"1" maxLength:"80" default:"standard" doc:"The name of the passcode policy, in this file or in the account." example:"Field staff"`
}

// schema is the schema of files, including the schemas that it refers to.
func schema() (*huma.Schema, huma.Registry) {
	registry := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	file := huma.SchemaFromType(registry, reflect.TypeFor[File]())
	delete(registry.Map()["Domain"].Properties, "policy_id") // IDs exist only in one installation
	plain(file)
	for _, s := range registry.Map() {
		plain(s)
	}
	return file, registry
}

// plain removes null from the types: files have no null.
func plain(s *huma.Schema) {
	s.Nullable = false
	for _, p := range s.Properties {
		plain(p)
	}
}

// Schema returns the JSON Schema of files.
func Schema() ([]byte, error) {
	file, registry := schema()
	data, err := json.Marshal(file)
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	all["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	all["title"] = "The configuration of an email provider in mobileconfig"
	all["description"] = "A file for mobileconfig apply. docs/apply.md explains it."
	all["$defs"] = registry.Map()
	data, err = json.MarshalIndent(all, "", "  ")
	return append(data, '\n'), err
}
