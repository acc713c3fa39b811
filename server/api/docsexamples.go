package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/updatecase/mobileconfig/server/api/openapi"
)

// An exampleRequest is a request built from the document's examples.
type exampleRequest struct {
	method, path string
	body         string // JSON, or empty
	media        string // of the body
}

// examplesOf returns an operation's request in each language. The programs read the
// service's URL and the key from the environment.
func examplesOf(op *huma.Operation) []documentedExample {
	r := exampleRequest{method: op.Method, path: op.Path}
	for _, p := range op.Parameters {
		if p.In == "path" {
			r.path = strings.ReplaceAll(r.path, "{"+p.Name+"}", fmt.Sprint(exampleText(p)))
		}
	}
	query := ""
	for _, p := range op.Parameters {
		if p.In == "query" && (p.Required || p.Name == "seconds") {
			query += "&" + p.Name + "=" + exampleText(p)
		}
	}
	if query != "" {
		r.path += "?" + query[1:]
	}
	if op.RequestBody != nil {
		r.media = slices.Sorted(maps.Keys(op.RequestBody.Content))[0]
		if text, err := json.Marshal(op.RequestBody.Content[r.media].Example); err == nil {
			r.body = string(text)
		}
	}
	return []documentedExample{
		{"curl", op.OperationID + "-curl", r.curl()}, {"PHP", op.OperationID + "-php", r.php()},
		{"Node", op.OperationID + "-node", r.node()}, {"Go", op.OperationID + "-go", r.golang()},
	}
}

func exampleText(p *huma.Param) string {
	switch {
	case p.Example != nil:
		return fmt.Sprint(p.Example)
	case len(p.Schema.Examples) > 0:
		return fmt.Sprint(p.Schema.Examples[0])
	case len(p.Schema.Enum) > 0:
		return fmt.Sprint(p.Schema.Enum[0])
	}
	return strings.ToUpper(p.Name)
}

func (r exampleRequest) curl() string {
	var b strings.Builder
	b.WriteString("curl ")
	if r.method != http.MethodGet {
		b.WriteString("--request " + r.method + " ")
	}
	b.WriteString("--header \"Authorization: Bearer $MOBILECONFIG_KEY\" ")
	if r.body != "" {
		b.WriteString("\\\n  --header 'Content-Type: " + r.media + "' \\\n  --data '" + strings.ReplaceAll(r.body, `'`, `'\''`) + "' ")
	}
	b.WriteString("\\\n  \"$MOBILECONFIG_URL" + r.path + "\"")
	return b.String()
}

func (r exampleRequest) php() string {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
	var b strings.Builder
	fmt.Fprintf(&b, "$answer = file_get_contents(getenv('MOBILECONFIG_URL') . %s, false, stream_context_create(['http' => [\n    'method' => '%s',\n", quote(r.path), r.method)
	b.WriteString("    'header' => ['Authorization: Bearer ' . getenv('MOBILECONFIG_KEY')")
	if r.body != "" {
		fmt.Fprintf(&b, ", 'Content-Type: %s'", r.media)
	}
	b.WriteString("],\n")
	if r.body != "" {
		fmt.Fprintf(&b, "    'content' => %s,\n", quote(r.body))
	}
	b.WriteString("]]));\necho $answer;")
	return b.String()
}

func (r exampleRequest) node() string {
	var b strings.Builder
	fmt.Fprintf(&b, "const answer = await fetch(process.env.MOBILECONFIG_URL + %s, {\n  method: '%s',\n", strconv.Quote(r.path), r.method)
	b.WriteString("  headers: { Authorization: `Bearer ${process.env.MOBILECONFIG_KEY}`")
	if r.body != "" {
		fmt.Fprintf(&b, ", 'Content-Type': '%s'", r.media)
	}
	b.WriteString(" },\n")
	if r.body != "" {
		fmt.Fprintf(&b, "  body: JSON.stringify(%s),\n", r.body)
	}
	b.WriteString("});\nconsole.log(answer.status, await answer.text());")
	return b.String()
}

func (r exampleRequest) golang() string {
	var b strings.Builder
	body := "nil"
	if r.body != "" {
		body = "strings.NewReader(" + goText(r.body) + ")"
	}
	fmt.Fprintf(&b, "req, err := http.NewRequest(%q, os.Getenv(\"MOBILECONFIG_URL\")+%q, %s)\nif err != nil {\n\tlog.Fatal(err)\n}\n", r.method, r.path, body)
	b.WriteString("req.Header.Set(\"Authorization\", \"Bearer \"+os.Getenv(\"MOBILECONFIG_KEY\"))\n")
	if r.body != "" {
		fmt.Fprintf(&b, "req.Header.Set(\"Content-Type\", %q)\n", r.media)
	}
	b.WriteString("answer, err := http.DefaultClient.Do(req)\nif err != nil {\n\tlog.Fatal(err)\n}\ndefer answer.Body.Close()\nio.Copy(os.Stdout, answer.Body)")
	return b.String()
}

// goText is the text as a Go literal, without escapes if possible.
func goText(text string) string {
	if strconv.CanBackquote(text) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}

// responseOf returns the status and an example of a successful response.
func responseOf(op *huma.Operation) (status, text string) {
	for _, code := range slices.Sorted(maps.Keys(op.Responses)) {
		if !strings.HasPrefix(code, "2") {
			continue
		}
		media := op.Responses[code].Content[openapi.JSON]
		if media == nil {
			return code, ""
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(media.Example); err != nil {
			return code, ""
		}
		return code, strings.TrimSpace(b.String())
	}
	return "", ""
}
