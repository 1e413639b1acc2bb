package serve

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/curation"
	"clipgo/curation/review"
	"clipgo/internal/fault"
)

type reviewAnswer struct {
	Review aboutReview   `json:"review"`
	Groups []reviewGroup `json:"groups"`
	Group  reviewGroup   `json:"group"`
	Next   int           `json:"next"`
}

// reviewed is a fixture with a list of 25 groups: of a red, a green and a blue picture each, of which the red one is kept; and a list of
// outliers, one of which the index doesn't have; and a group of cluster that has a name.
func reviewed(t testing.TB, change ...func(*Options)) (f *fixture, file string) {
	t.Helper()
	f = newFixture(t)
	dir := t.TempDir()
	var rows []curation.Decision
	for i := range 25 {
		red := filepath.Join(f.dir, fmt.Sprintf("reds/r%03d.png", i))
		green, blue := filepath.Join(f.dir, fmt.Sprintf("greens/g%03d.png", i)), filepath.Join(f.dir, fmt.Sprintf("blues/b%03d.png", i))
		rows = append(rows, curation.Decision{Path: red, Keep: true, Group: i + 1, Score: 1, Reason: "kept of 3"},
			curation.Decision{Path: green, Group: i + 1, Score: 0.98, Reason: "like " + red},
			curation.Decision{Path: blue, Group: i + 1, Score: 0.97, Reason: "same bytes as " + red})
	}
	file = filepath.Join(dir, "keep.csv")
	odd := filepath.Join(dir, "odd.csv")
	places := filepath.Join(dir, "places.csv")
	for name, list := range map[string][]curation.Decision{file: rows, places: {
		{Path: rows[0].Path, Keep: true, Group: 1, Score: 0.9, Reason: "beach, sea"},
		{Path: rows[3].Path, Keep: true, Group: 1, Score: 0.8, Reason: "beach, sea"}}, odd: {
		{Path: "/elsewhere/secret/gone.png", Score: 0.9, Reason: "outlier 1"}, {Path: rows[0].Path, Score: 0.4, Reason: "outlier 2"}}} {
		if err := curation.Write(name, list); err != nil {
			t.Fatal(err)
		}
	}
	var lists []Review
	for _, name := range []string{file, odd, places} {
		l, err := review.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		lists = append(lists, Review{List: l})
	}
	f.open(t, append(change, func(o *Options) { o.Reviews = lists })...)
	return f, file
}

func TestReviewsAreAnswered(t *testing.T) {
	f, file := reviewed(t)
	got := get[reviewAnswer](t, f, "/api/review?limit=10")
	if len(got.Groups) != 10 || got.Next != 10 || got.Review.Open != 25 || got.Review.File != "keep.reviewed.csv" {
		t.Fatalf("%d groups, next %d, %+v", len(got.Groups), got.Next, got.Review)
	}
	p := got.Groups[0].Pictures[2]
	if p.Name != "blues/b000.png" || p.Why != "same bytes" || p.Key == "" || p.Stays || p.Suggested || p.Score != 0.97 || p.Path != "" {
		t.Errorf("%+v", p)
	}
	after := post[reviewAnswer](t, f, "/api/review", `{"name":"keep","group":3,"version":0,"stay":[false,true,true]}`)
	if !after.Group.Decided || !after.Group.Pictures[2].Stays || after.Review.Open != 24 || after.Review.Kept != 26 {
		t.Errorf("%+v", after)
	}
	rows, err := curation.ReadFile(review.Out(file))
	if err != nil || rows[9].Keep || !rows[10].Keep || !rows[11].Keep || !rows[12].Keep {
		t.Errorf("%v, %v", rows, err)
	}
	if got := get[reviewAnswer](t, f, "/api/review?name=keep&from=2&limit=2&open=1"); got.Groups[1].Number != 4 || got.Next != 5 {
		t.Errorf("open groups: %+v, next %d", got.Groups, got.Next)
	}
	all := get[struct{ Reviews []aboutReview }](t, f, "/api/reviews")
	if len(all.Reviews) != 3 || all.Reviews[1].Name != "odd" || all.Reviews[1].Index != "colours" {
		t.Errorf("%+v", all)
	}
	if named := get[reviewAnswer](t, f, "/api/review?name=places"); named.Groups[0].Name != "beach, sea" || got.Groups[0].Name != "" {
		t.Errorf("names %q, %q", named.Groups[0].Name, got.Groups[0].Name)
	}
	odd := f.do("GET", "/api/review?name=odd", nil)
	if text := odd.Body.String(); !strings.Contains(text, `"gone":true`) || strings.Contains(text, "elsewhere") ||
		strings.Contains(text, f.dir) {
		t.Errorf("%s", text)
	}
}

func TestWrongDecisionsAreRefused(t *testing.T) {
	f, file := reviewed(t)
	post[reviewAnswer](t, f, "/api/review", `{"group":1,"stay":[true,true,true]}`)
	before, err := os.ReadFile(review.Out(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		body string
		code int
	}{
		{`{"group":1,"stay":[false,false,false]}`, http.StatusConflict},
		{`{"group":99,"stay":[true]}`, http.StatusNotFound},
		{`{"group":-1,"stay":[true]}`, http.StatusNotFound}, {`{"group":2,"stay":[true]}`, http.StatusBadRequest},
		{`{"name":"none","group":2}`, http.StatusNotFound}, {`{"group":`, http.StatusBadRequest}, {`{"group":"x"}`, http.StatusBadRequest},
	} {
		w := f.do("POST", "/api/review", strings.NewReader(c.body))
		if w.Code != c.code || !strings.Contains(w.Body.String(), `"message"`) {
			t.Errorf("%s: %d %s", c.body, w.Code, w.Body)
		}
	}
	cross := f.do("POST", "/api/review", strings.NewReader(`{"group":2,"stay":[true,true,true]}`), "Sec-Fetch-Site", "cross-site",
		"Origin", "http://evil.example")
	if cross.Code != http.StatusForbidden {
		t.Errorf("a decision of another site: %d", cross.Code)
	}
	for _, target := range []string{"/api/review?name=none", "/api/review?from=-1", "/api/review?limit=101"} {
		if w := f.do("GET", target, nil); w.Code != 400 && w.Code != 404 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if after, err := os.ReadFile(review.Out(file)); err != nil || string(after) != string(before) {
		t.Errorf("a refused decision changed the file: %v", err)
	}
}

func TestReviewsNeedTheToken(t *testing.T) {
	f, _ := reviewed(t, func(o *Options) { o.Token = strings.Repeat("t", 32) })
	for _, target := range []string{"/api/reviews", "/api/review"} {
		if w := f.do("GET", target, nil); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if w := f.do("POST", "/api/review", strings.NewReader(`{"group":0,"stay":[true,true,true]}`)); w.Code != http.StatusUnauthorized {
		t.Errorf("a decision: %d", w.Code)
	}
	if w := f.do("GET", "/review", nil); w.Code != 200 || !strings.Contains(w.Body.String(), "clipgo review") {
		t.Errorf("the page: %d", w.Code)
	}
}

// TestWrongListsAreUsageErrors: each has a line that says what to change, and no lock stays.
func TestWrongListsAreUsageErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keep.csv")
	if err := curation.Write(file, []curation.Decision{{Path: "/p/a.png", Group: 1}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{{[]string{""}, "missing"}, {[]string{"pictures="}, "missing"}, {[]string{file, "pictures=" + file}, "given twice"},
		{[]string{file, filepath.Dir(file) + "/./keep.csv"}, "given twice"}} {
		_, err := OpenReviews(c.args)
		if fault.Of(err) != fault.Usage || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v", c.args, err)
		}
	}
	list, err := OpenReviews([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	if err := list[0].List.Close(); err != nil {
		t.Error(err)
	}
}
