package strict

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/fault"
)

// A reader checks values against the document's schemas. It collects problems and
// removes invalid values.
type reader struct {
	schemas huma.Registry
	faults  []*fault.Fault
}

// refuse records a problem of the value at the pointer.
func (r *reader) refuse(at string, code fault.Code, format string, args ...any) (any, bool) {
	r.faults = append(r.faults, fault.On(strings.TrimPrefix(at, "/"), code, format, args...))
	return nil, false
}

// invalid is refuse with the most common code.
func (r *reader) invalid(at, format string, args ...any) (any, bool) {
	return r.refuse(at, fault.Invalid, format, args...)
}

// read returns v as described by the schema, with integers as integers. If v isn't
// valid, ok is false.
func (r *reader) read(s *huma.Schema, at string, v any) (out any, ok bool) {
	if s.Ref != "" {
		s = r.schemas.SchemaFromRef(s.Ref)
	}
	if v == nil && s.Nullable {
		return nil, true
	}
	switch s.Type {
	case huma.TypeObject:
		return r.object(s, at, v)
	case huma.TypeArray:
		return r.list(s, at, v)
	case huma.TypeInteger:
		return r.integer(s, at, v)
	case huma.TypeBoolean:
		if _, ok := v.(bool); !ok {
			return r.invalid(at, "Send true or false.")
		}
		return v, true
	}
	return r.text(s, at, v)
}

func (r *reader) object(s *huma.Schema, at string, v any) (any, bool) {
	fields, ok := v.(map[string]any)
	if !ok {
		return r.invalid(at, "Send an object.")
	}
	before, out := len(r.faults), map[string]any{}
	for _, name := range sorted(fields) {
		p := s.Properties[name]
		if values, ok := s.AdditionalProperties.(*huma.Schema); ok && p == nil && mapName.MatchString(name) {
			p = values
		}
		switch {
		case p == nil:
			r.unknown(at, name)
		case p.ReadOnly: // only the server sets it
		default:
			if value, ok := r.read(p, at+"/"+name, fields[name]); ok {
				out[name] = value
			}
		}
	}
	for _, name := range s.Required {
		if _, ok := fields[name]; !ok && !s.Properties[name].ReadOnly {
			r.invalid(at+"/"+name, "Send this field. It's required.")
		}
	}
	return out, at == "" || len(r.faults) == before
}

// mapName matches names in objects whose names the client chooses. Errors repeat them.
var mapName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,40}$`)

// unknown refuses a field that isn't in the document.
func (r *reader) unknown(at, name string) {
	if fieldName.MatchString(name) {
		at += "/" + name
	}
	if err := fault.PasswordField(name); err != nil {
		r.refuse(at, fault.PasswordRefused, "%s", fault.Of(err).Detail)
		return
	}
	r.refuse(at, fault.UnknownField, "Unknown field. Names are case-sensitive.")
}

func (r *reader) list(s *huma.Schema, at string, v any) (any, bool) {
	all, ok := v.([]any)
	if !ok {
		return r.invalid(at, "Send a list.")
	}
	low, high := orInt(s.MinItems, 0), orInt(s.MaxItems, math.MaxInt)
	if len(all) < low || len(all) > high {
		return r.invalid(at, "Send %s entries.", span(low, high))
	}
	before, out := len(r.faults), []any{}
	for i, one := range all {
		value, ok := r.read(s.Items, at+"/"+strconv.Itoa(i), one)
		if ok || s.Extensions[Apart] == true {
			out = append(out, value)
		}
	}
	return out, len(r.faults) == before || s.Extensions[Apart] == true
}

// Apart is the extension of a list whose entries are accepted or refused individually.
// An invalid entry is null.
const Apart = "x-apart"

// maxInteger is the largest integer that all JSON libraries read exactly.
const maxInteger = 1<<53 - 1

func (r *reader) integer(s *huma.Schema, at string, v any) (any, bool) {
	number, ok := v.(json.Number)
	f, err := strconv.ParseFloat(string(number), 64)
	if !ok || err != nil || f != math.Trunc(f) || math.Abs(f) > maxInteger {
		return r.invalid(at, "Send a whole number.")
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(one any) bool { return fmt.Sprint(one) == fmt.Sprint(int64(f)) }) {
		return r.invalid(at, "Send one of: %s.", words(s.Enum))
	}
	low, high := orFloat(s.Minimum, -maxInteger), orFloat(s.Maximum, maxInteger)
	if f < low || f > high {
		return r.invalid(at, "Send a whole number from %.0f to %.0f.", low, high)
	}
	return int64(f), true
}

func (r *reader) text(s *huma.Schema, at string, v any) (any, bool) {
	text, ok := v.(string)
	if !ok {
		return r.invalid(at, "Send text.")
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		return r.invalid(at, "Send one of: %s.", words(s.Enum))
	}
	low, high := orInt(s.MinLength, 0), orInt(s.MaxLength, math.MaxInt)
	if n := utf8.RuneCountInString(text); n < low || n > high {
		return r.invalid(at, "Send %s characters.", span(low, high))
	}
	if s.Format == "date-time" {
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return r.invalid(at, "Send a time, for example 2026-11-24T09:30:00Z.")
		}
	}
	return text, true
}

// parameter reads a string from the query, path or a header.
func (r *reader) parameter(p *huma.Param, at, text string) bool {
	var v any = text
	switch p.Schema.Type {
	case huma.TypeArray: // one fault is enough
		all := strings.Split(text, ",")
		if most := orInt(p.Schema.MaxItems, math.MaxInt); len(all) > most {
			_, ok := r.invalid(at, "Send %s entries.", span(0, most))
			return ok
		}
		return !slices.ContainsFunc(all, func(one string) bool {
			_, ok := r.read(p.Schema.Items, at, one)
			return !ok
		})
	case huma.TypeInteger:
		if _, err := strconv.ParseInt(text, 10, 64); err == nil {
			v = json.Number(text)
		}
	case huma.TypeBoolean:
		v = map[string]any{"true": true, "false": false}[text]
	}
	_, ok := r.read(p.Schema, at, v)
	return ok
}

func span(low, high int) string {
	switch {
	case high == math.MaxInt:
		return fmt.Sprintf("at least %d", low)
	case low == 0:
		return fmt.Sprintf("up to %d", high)
	}
	return fmt.Sprintf("%d to %d", low, high)
}

func words(all []any) string {
	texts := make([]string, len(all))
	for i, v := range all {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

func orInt(p *int, other int) int {
	if p == nil {
		return other
	}
	return *p
}

func orFloat(p *float64, other float64) float64 {
	if p == nil {
		return other
	}
	return *p
}
