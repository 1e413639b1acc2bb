package serve

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"
)

func TestSearchFindsWhatIsAskedFor(t *testing.T) {
	f := newFixture(t)
	like := get[found](t, f, "/api/search?q=blue&limit=1").Hits[0]
	for _, c := range []struct{ query, want string }{
		{"q=red", "r000 r001 r002"},
		{"q=green&q=-red", "g000 g001 g002"},
		{"q=red&q=%2B2:green", "g000 g001 g002"},
		{"like=" + like.Key, "b001 b002 b003"}, // not itself
		{"like=" + like.Key + "&q=%2B9:red", "r000 r001 r002"},
		{"q=red&folder=blues", "b039 b038 b037"}, // the less blue, the nearer
		{"q=red&text=R03", "r030 r031 r032"},
		{"q=red&text=barn", "g002"},
		{"q=red&after=2024-01-30T00:00:00Z&before=2024-01-31T00:00:00Z", "g030 g020 g010"}, // one day in thirty
		{"folder=reds", "r000 r010 r020"},                                                  // without a query: the newest first
	} {
		got := get[found](t, f, "/api/search?limit=3&"+c.query)
		if names(got.Hits) != c.want {
			t.Errorf("%s: %s, want %s", c.query, names(got.Hits), c.want)
		}
	}
	got := get[found](t, f, "/api/search?q=red&limit=1")
	if got.Total != 120 || got.Rows != 120 || got.Hits[0].Name != "reds/r000.png" || got.Hits[0].Path != "" {
		t.Errorf("%+v", got)
	}
}

// All pages together are all hits, once each and in order, and their number is the total.
func TestPagesGoOnWhereTheLastOneEnded(t *testing.T) {
	f := newFixture(t)
	for _, query := range []string{"q=red", "q=red&min_z=0.5", "q=red&folder=reds", "", "text=r0"} {
		var all []hit
		page := get[found](t, f, "/api/search?limit=7&"+query)
		for all = page.Hits; page.Next != ""; all = append(all, page.Hits...) {
			page = get[found](t, f, "/api/search?limit=7&"+query+"&cursor="+page.Next)
		}
		seen := map[int]bool{}
		for i, h := range all {
			if seen[h.Row] || i > 0 && h.Score > all[i-1].Score {
				t.Errorf("%q: hit %d is out of order or repeated", query, i)
			}
			seen[h.Row] = true
		}
		if len(all) != page.Total || page.Total == 0 {
			t.Errorf("%q: %d hits on all pages, total %d", query, len(all), page.Total)
		}
	}
}

func TestScoresAreComparedWithTheBackground(t *testing.T) {
	f := newFixture(t)
	got := get[found](t, f, "/api/search?q=red&limit=120")
	var sum float64
	for _, h := range got.Hits {
		sum += h.Score
	}
	if mean := sum / 120; math.Abs(got.Mean-mean) > 1e-6 || math.Abs(got.Hits[0].Z-(got.Hits[0].Score-mean)/got.Dev) > 1e-4 {
		t.Errorf("mean %g, want %g; z %g", got.Mean, mean, got.Hits[0].Z)
	}
	for i, n := range got.Levels.Count {
		if i%20 != 3 {
			continue
		}
		z := got.Levels.From + float64(i)*got.Levels.Step
		if cut := get[found](t, f, fmt.Sprintf("/api/search?q=red&min_z=%g", z)); cut.Total != n {
			t.Errorf("%d at %g on the slider, and %d when it is asked for", n, z, cut.Total)
		}
	}
}

func TestNamesAndCaptionsAreFoundToo(t *testing.T) {
	f := newFixture(t)
	got := get[found](t, f, "/api/search?q=red+barn&limit=2")
	if got.Named == nil || got.Named.Total != 1 || names(got.Named.Hits) != "g002" || fmt.Sprint(got.Named.Hits[0].Match) != "[caption]" {
		t.Errorf("%+v", got.Named)
	}
	got = get[found](t, f, "/api/search?q=greens&limit=2")
	if got.Named == nil || got.Named.Total != 40 || fmt.Sprint(got.Named.Hits[0].Match) != "[name]" {
		t.Errorf("%+v", got.Named)
	}
	if got := get[found](t, f, "/api/search?q=red&q=-greens"); got.Named != nil {
		t.Errorf("words of a query of several parts: %+v", got.Named)
	}
}

func TestPicturesAreSentOnceAndPagedLater(t *testing.T) {
	f := newFixture(t)
	file := pngOf(t, 30, 30, color.NRGBA{G: 200, A: 255})
	id := post[map[string][]string](t, f, "/api/pictures", string(file))["pictures"][0]
	page := get[found](t, f, "/api/search?limit=2&picture="+id)
	next := get[found](t, f, "/api/search?limit=2&picture="+id+"&cursor="+page.Next)
	if got := names(append(page.Hits, next.Hits...)); !strings.HasPrefix(got, "g0") || len(strings.Fields(got)) != 4 {
		t.Errorf("hits %s", got)
	}
	if got := get[found](t, f, "/api/search?limit=1&q=red&picture=-0.1:"+id); names(got.Hits) != "r000" {
		t.Errorf("a picture as a minus: %s", names(got.Hits))
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, _ := form.CreateFormFile("image", "a.png")
	_, _ = part.Write(file)
	_ = form.WriteField("folder", "blues")
	form.Close()
	w := f.do("POST", "/api/search?limit=1", &body, "Content-Type", form.FormDataContentType())
	if got := decode[found](t, w); !strings.HasPrefix(names(got.Hits), "b0") {
		t.Errorf("a form: %s", names(got.Hits))
	}
}

func TestBadRequestsSayWhatIsWrong(t *testing.T) {
	f := newFixture(t)
	long := strings.Repeat("a", maxText+1)
	for _, c := range []struct {
		method, target, body string
		code                 int
		says                 string
	}{
		{"GET", "/api/search?q=red&limit=-1", "", 400, "limit"},
		{"GET", "/api/search?q=red&limit=10001", "", 400, "limit"},
		{"GET", "/api/search?q=red&min_z=NaN", "", 400, "min_z"},
		{"GET", "/api/search?q=red&after=yesterday", "", 400, "after"},
		{"GET", "/api/search?q=red&in=videos", "", 400, "in"},
		{"GET", "/api/search?q=" + long, "", 400, "10240 bytes"},
		{"GET", "/api/search?q=%zz", "", 400, "can't be read"},
		{"GET", "/api/search?q=red;limit=2", "", 400, "can't be read"},
		{"GET", "/api/search?q=--red", "", 400, "signs"},
		{"GET", "/api/search?q=red&q=-red", "", 400, "cancel"},
		{"GET", "/api/search?" + strings.Repeat("q=a&", 65), "", 400, "64 terms"},
		{"GET", "/api/search?q=red&index=other", "", 404, "there are colours"},
		{"GET", "/api/search?q=red&cursor=%21", "", 400, "cursor"},
		{"GET", "/api/search?q=red&snapshot=0123", "", 410, "search again"},
		{"GET", "/api/search?like=xyz", "", 400, "key"},
		{"GET", "/api/search?like=5000", "", 404, "no such picture"},
		{"GET", "/api/search?picture=0123", "", 404, "send it again"},
		{"POST", "/api/pictures", "", 400, "empty"},
		{"POST", "/api/pictures", "not a picture", 400, "can't be used"},
		{"POST", "/api/pictures", strings.Repeat("a", uploadBytes+1), 413, "20 MB"},
		{"POST", "/api/pictures", strings.Repeat("a", bodyBytes+1), 413, ""},
		{"GET", "/nothing", "", 404, "nothing"},
		{"GET", "/web/nothing.js", "", 404, "nothing"},
	} {
		w := f.do(c.method, c.target, strings.NewReader(c.body))
		name, _ := url.PathUnescape(c.target[:min(len(c.target), 60)])
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) || !strings.HasPrefix(w.Body.String(), `{"message":"`) {
			t.Errorf("%s %s: %d %.200s, want %d and %q", c.method, name, w.Code, w.Body, c.code, c.says)
		}
	}
}

// An error of the machine is not sent to a client: it names paths.
func TestErrorsOfTheMachineStayInTheLog(t *testing.T) {
	f := newFixture(t)
	f.model.broken = true
	if w := f.do("GET", "/api/search?q=red", nil); w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
