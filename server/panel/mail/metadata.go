package mail

import (
	"maps"
	"slices"
	"strings"

	"github.com/updatecase/mobileconfig/profile"
	"github.com/updatecase/mobileconfig/server/fault"
	"github.com/updatecase/mobileconfig/server/panel"
	"github.com/updatecase/mobileconfig/server/settings"
	"github.com/updatecase/mobileconfig/server/web"
)

// showMetadata returns the metadata of a domain or a link, and the form that
// changes it: one value per line, after its name and a colon.
func showMetadata(m settings.Metadata) (shown []panel.Field, form web.Form) {
	values := m.Values()
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(values)) {
		shown = append(shown, panel.Field{Name: name, Value: values[name]})
		text.WriteString(name + ": " + values[name] + "\n")
	}
	return shown, web.Form{"metadata": text.String()}
}

// readMetadata reads the form.
func readMetadata(form web.Form) (map[string]string, error) {
	values := map[string]string{}
	for line := range strings.Lines(form["metadata"]) {
		if line = profile.Trim(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name = profile.Trim(name)
		if _, twice := values[name]; twice || !ok {
			return nil, fault.On("metadata", fault.Invalid, "Enter a name, a colon and a value on each line, and each name only once.")
		}
		values[name] = profile.Trim(value)
	}
	return values, nil
}

// metadataFaults reports the faults of values for the form's only field.
func metadataFaults(err error) error {
	for _, f := range fault.All(err) {
		if name, ok := strings.CutPrefix(f.Field, "metadata/"); ok {
			return fault.On("metadata", f.Code, "%s: %s", name, f.Detail)
		}
	}
	return err
}

// setDomainMetadata saves the metadata of a domain.
func (p *Pages) setDomainMetadata(v *panel.Visit) error {
	values, err := readMetadata(v.Form)
	if err == nil {
		_, err = p.Domains.SetMetadata(v.Ctx(), v.By(), v.Account(), v.Param("domain"), values)
	}
	if err == nil {
		return p.To(v, panel.Path("domains", v.Param("domain")), "metadata.saved")
	}
	d, failed := p.Domains.Get(v.Ctx(), v.Account(), v.Param("domain"))
	if failed != nil {
		return failed
	}
	return p.domainAgain(v, metadataFaults(err), d)
}

// setLinkMetadata saves the metadata of a link.
func (p *Pages) setLinkMetadata(v *panel.Visit) error {
	values, err := readMetadata(v.Form)
	if err == nil {
		_, err = p.Links.SetMetadata(v.Ctx(), v.By(), v.Account(), v.Param("id"), values)
	}
	if err == nil {
		return p.To(v, panel.Path("links", v.Param("id")), "metadata.saved")
	}
	page, failed := p.linkPage(v, panel.Frame{})
	if failed != nil {
		return failed
	}
	page.Form = v.Form
	return p.Again(v, metadataFaults(err), "link", "links", func(f panel.Frame) any {
		page.Frame = f
		return page
	})
}
