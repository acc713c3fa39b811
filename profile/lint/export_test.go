package lint

import (
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// OneFault are the codes of which at most one is reported for a value.
func OneFault() []Code { return oneFault }

// Flat reads an XML property list and returns its nodes by path. The value of a
// malformed one starts with an exclamation mark. Flawed reports whether
// something is malformed or follows the list.
func Flat(data []byte) (nodes map[string]string, flawed bool, err error) {
	i := &inspector{report: &Report{}}
	root, err := i.document(data)
	if err != nil {
		return nil, false, err
	}
	nodes = map[string]string{}
	root.flat("", nodes)
	return nodes, len(i.hits) > 0 || root.flawed(), nil
}

// flawed reports whether anything in v is malformed, even if its key is
// repeated.
func (v *value) flawed() bool {
	return v.bad || slices.ContainsFunc(v.fields, func(f field) bool { return f.value.flawed() }) ||
		slices.ContainsFunc(v.items, func(item value) bool { return item.flawed() })
}

func (v *value) flat(path string, nodes map[string]string) {
	nodes[path] = v.flatValue()
	for _, f := range v.fields {
		v.find(f.key).flat(path+"/"+hex.EncodeToString([]byte(f.key)), nodes)
	}
	for n := range v.items {
		v.items[n].flat(path+"/"+strconv.Itoa(n), nodes)
	}
}

func (v *value) flatValue() string {
	if v.bad {
		return "!" + map[kind]string{integer: "integer", real: "real", boolean: "boolean", date: "date", data: "data"}[v.kind] + " " + v.raw
	}
	switch v.kind {
	case dict:
		keys := map[string]bool{}
		for _, f := range v.fields {
			keys[f.key] = true
		}
		return fmt.Sprintf("dict %d", len(keys))
	case array:
		return fmt.Sprintf("array %d", len(v.items))
	case text:
		return "string " + hex.EncodeToString([]byte(v.text))
	case integer:
		return fmt.Sprintf("integer %d", v.n)
	case real:
		if math.IsNaN(v.real) {
			return "real nan"
		}
		return fmt.Sprintf("real %016x", math.Float64bits(v.real))
	case boolean:
		return fmt.Sprintf("boolean %t", v.truth)
	case date:
		return "date " + v.time.Format("2006-01-02T15:04:05")
	}
	return "data " + hex.EncodeToString(v.data)
}
