package serve

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
)

// schema is what the OpenAPI document says of a value.
type schema struct {
	Ref        string            `json:"$ref"`
	Type       string            `json:"type"`
	AllOf      []schema          `json:"allOf"`
	Items      *schema           `json:"items"`
	Properties map[string]schema `json:"properties"`
}

// document is the part of an OpenAPI document that answers are compared with.
type document struct {
	Paths map[string]map[string]struct {
		Responses map[string]struct {
			Content map[string]struct{ Schema schema }
		}
	}
	Components struct{ Schemas map[string]schema }
}

// properties are those of a schema and of all that it is made of.
func (d *document) properties(s schema) map[string]schema {
	if s.Ref != "" {
		return d.properties(d.Components.Schemas[path.Base(s.Ref)])
	}
	out := maps.Clone(s.Properties)
	for _, part := range s.AllOf {
		if out == nil {
			out = map[string]schema{}
		}
		maps.Copy(out, d.properties(part))
	}
	return out
}

// missing are the names in a value that a schema doesn't have. An object without properties is any.
func (d *document) missing(s schema, value any, at string) (out []string) {
	switch value := value.(type) {
	case []any:
		if s.Items == nil {
			return []string{at + " is no list"}
		}
		for _, v := range value {
			out = append(out, d.missing(*s.Items, v, at+"[]")...)
		}
	case map[string]any:
		known := d.properties(s)
		if known == nil && s.Type == "object" {
			return nil
		}
		for name, v := range value {
			if p, ok := known[name]; ok {
				out = append(out, d.missing(p, v, at+"."+name)...)
			} else {
				out = append(out, at+"."+name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Clients are written from the document, so an answer has nothing that it doesn't name.
func TestTheDocumentNamesWhatAnswersHave(t *testing.T) {
	f := alike(t, "")
	state := compared(t, f)
	doc := get[document](t, f, "/api/openapi.json")
	at := "?" + url.Values{"snapshot": {state.Snapshot}, "threshold": {"0.9"}}.Encode()
	check := func(f *fixture, method, target, body string) {
		t.Helper()
		route, _, _ := strings.Cut(target, "?")
		s := doc.Paths[route][strings.ToLower(method)].Responses["200"].Content["application/json"].Schema
		w := f.do(method, target, strings.NewReader(body))
		if got := doc.missing(s, decode[any](t, w), ""); got != nil {
			t.Errorf("%s %s: the document doesn't name %v", method, target, got)
		}
	}
	for _, target := range []string{"/api/indexes", "/api/folders", "/api/facets", "/api/health", "/api/reviews", "/api/duplicates",
		"/api/duplicates/groups" + at, "/api/duplicates/list" + at} {
		check(f, "GET", target, "")
	}
	check(f, "POST", "/api/duplicates", "{}")
	lists, _ := reviewed(t)
	check(lists, "GET", "/api/reviews", "")
	check(lists, "GET", "/api/review", "")
	check(lists, "POST", "/api/review", `{"group":0,"version":0,"stay":null}`)
	all := newFixture(t, func(o *Options) { o.ShowPaths = true })
	hit := get[found](t, all, "/api/search").Hits[0]
	check(all, "GET", "/api/search?limit=9&q=red+barn&q=-"+strings.Repeat("green+", 200), "")
	check(all, "GET", fmt.Sprintf("/api/rows?key=%s&key=0&key=1", hit.Key), "")
	check(all, "GET", "/api/folders", "")
	check(all, "GET", "/api/facets", "")
	check(all, "POST", "/api/selections", fmt.Sprintf(`{"keys":[%q]}`, hit.Key))
	for route, methods := range doc.Paths {
		for method := range methods {
			w := all.do(strings.ToUpper(method), route, nil)
			if w.Code == 405 || w.Code == 404 && strings.Contains(w.Body.String(), "nothing at this path") {
				t.Errorf("%s %s isn't there", method, route)
			}
		}
	}
}
