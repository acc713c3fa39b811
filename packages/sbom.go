package main

import (
	"bytes"
	"debug/buildinfo"
	"os"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// materials writes the SBOM of a program (CycloneDX), from its build information.
func (b *build) materials(t target, program string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return err
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{
		Timestamp: b.at.Format(time.RFC3339),
		Component: &cdx.Component{BOMRef: "mobileconfig", Type: cdx.ComponentTypeApplication, Name: "mobileconfig", Version: b.version, PackageURL: "pkg:golang/" + info.Main.Path + "@" + b.version},
	}
	components := []cdx.Component{{BOMRef: "std", Type: cdx.ComponentTypeLibrary, Name: "std", Version: strings.TrimPrefix(info.GoVersion, "go"), PackageURL: "pkg:golang/std@" + strings.TrimPrefix(info.GoVersion, "go")}}
	refs := []string{"std"}
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		url := "pkg:golang/" + d.Path + "@" + d.Version
		components = append(components, cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: d.Path, Version: d.Version, PackageURL: url})
		refs = append(refs, url)
	}
	slices.Sort(refs)
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: "mobileconfig", Dependencies: &refs}}
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom); err != nil {
		return err
	}
	return os.WriteFile(b.name(t, ".cdx.json"), out.Bytes(), 0o644)
}
