package serve

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// TestFurtherColumns: hits have them, where selects by them with and without a query, and facets lists them.
func TestFurtherColumns(t *testing.T) {
	f := newFixture(t)
	for where, want := range map[string]string{
		"rating>=3": "r000 r001", "rating=4.5": "r000", "rating<4": "r001", "url!=x": "r000",
		"url=https://example.org/?a=1&b=<2>": "r000",
	} {
		for _, q := range []string{"/api/search?", "/api/search?q=red&", "/api/search?q=red&text=picture&"} {
			got := get[found](t, f, q+"where="+url.QueryEscape(where))
			if names(got.Hits) != want || got.Total != len(strings.Fields(want)) {
				t.Errorf("%s%s: %q, %d in all", q, where, names(got.Hits), got.Total)
			}
		}
	}
	if got := get[found](t, f, "/api/search?q=red&where=rating%3E3&where=rating%3C4"); len(got.Hits) != 0 {
		t.Errorf("both conditions: %q", names(got.Hits))
	}
	hits := get[struct {
		Hits []map[string]any
	}](t, f, "/api/search?q=red&limit=3").Hits
	want := map[string]any{"rating": 4.5, "url": "https://example.org/?a=1&b=<2>"}
	if !reflect.DeepEqual(hits[0]["metadata"], want) || hits[2]["metadata"] != nil {
		t.Errorf("%v, %v", hits[0], hits[2])
	}
	facets := get[struct{ Columns []map[string]string }](t, f, "/api/facets")
	if !reflect.DeepEqual(facets.Columns, []map[string]string{{"name": "rating", "type": "double"}, {"name": "url", "type": "text"}}) {
		t.Errorf("%v", facets)
	}
	for _, where := range []string{"rating", "rating=many", "url<b", "price=1", strings.Repeat("x", maxText) + "=1"} {
		if w := f.do("GET", "/api/search?where="+url.QueryEscape(where), nil); w.Code != http.StatusBadRequest ||
			!strings.Contains(w.Body.String(), "where: ") {
			t.Errorf("%.20s: %d %s", where, w.Code, w.Body)
		}
	}
}

// TestColumnsToReturn: clip-retrieval's endpoints answer with the columns that its list of indexes names, and with its own by default.
func TestColumnsToReturn(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		returned []string
		want     []string // keys of the first hit, beside id and similarity
	}{
		{nil, []string{"url", "caption", "image"}},
		{[]string{"rating"}, []string{"rating", "image"}},
		{[]string{"caption", "image_path", "price", "rating"}, []string{"caption", "rating", "image"}}, // paths are not shown
	} {
		f.returned = c.returned
		f.open(t)
		hit := knn(t, f, `{"text":"red"}`)[0]
		described := post[[]struct{ Metadata map[string]any }](t, f, "/metadata", `{"ids":[0],"indice_name":null}`)[0].Metadata
		delete(hit, "id")
		delete(hit, "similarity")
		keys := map[string]bool{}
		for _, name := range c.want {
			keys[name] = true
		}
		for _, got := range []map[string]any{hit, described} {
			have := map[string]bool{}
			for name := range got {
				have[name] = true
			}
			if !reflect.DeepEqual(have, keys) || keys["rating"] && got["rating"] != 4.5 {
				t.Errorf("%v: %v", c.returned, have)
			}
		}
	}
}
