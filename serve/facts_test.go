package serve

import "testing"

func TestFactsFilterASearch(t *testing.T) {
	f := newFixture(t)
	for query, want := range map[string]string{
		"camera=Canon+EOS": "r000", "camera=Canon": "", "taken_after=2019-07-14": "r000", "taken_before=2019-07-14": "",
		"near=48.86,2.3,5":   "r000",
		"near=48.86,2.3,0.1": "", "box=-40,150,-30,-170": "g000", "camera=Apple+iPhone&near=0,0,30000": "g000",
		"taken_before=2030-01-01": "r000",
	} {
		for _, q := range []string{"/api/search?", "/api/search?q=red&"} {
			if got := get[found](t, f, q+query); names(got.Hits) != want {
				t.Errorf("%s%s: %q", q, query, names(got.Hits))
			}
		}
	}
	got := get[found](t, f, "/api/search?camera=Canon+EOS").Hits[0]
	if got.Camera != "Canon EOS" || got.Taken != "2019-07-14T12:30:05" || got.Latitude == nil || *got.Longitude < 2.29 {
		t.Errorf("%+v", got)
	}
	if got := get[found](t, f, "/api/search?text=picture+2").Hits[0]; got.Camera != "" || got.Latitude != nil {
		t.Errorf("a picture without facts: %+v", got)
	}
	facets := get[struct {
		Cameras []struct {
			Name string
			Rows int
		}
		Dated, Located int
	}](t, f, "/api/facets")
	if len(facets.Cameras) != 2 || facets.Cameras[1].Name != "Canon EOS" || facets.Dated != 1 || facets.Located != 2 {
		t.Errorf("%+v", facets)
	}
}

func TestWrongFactsAreRefused(t *testing.T) {
	f := newFixture(t)
	for _, query := range []string{"near=Paris", "near=1,2", "near=91,0,1", "near=0,0,0", "near=NaN,0,1", "near=1,2,3,4", "near=1,2,-3",
		"box=1,2,3",
		"box=10,0,0,10", "box=0,0,0,181", "box=0,0,0,0", "taken_after=July", "near=1,2,1e999"} {
		if w := f.do("GET", "/api/search?"+query, nil); w.Code != 400 {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}
