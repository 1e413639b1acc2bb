package serve

import (
	"fmt"
	"image/color"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/curation"
	"clipgo/search"
)

// alike is a fixture with decisions kept in a file. By the cosines of their features, two reds are alike up to 0.95, two greens up to 0.99,
// and two blues are the same file. Nothing else is alike.
func alike(t testing.TB, decisions string) *fixture {
	t.Helper()
	f := &fixture{model: &colours{}, dir: t.TempDir(), index: filepath.Join(t.TempDir(), "index"), decisions: decisions}
	var rows []search.Row
	for i, c := range []struct {
		name     string
		features []float32
		hash     string
	}{
		{"red1.png", []float32{1, 0, 0, 0}, "r1"}, {"red2.png", []float32{0.955, 0, 0, 0.29661}, "r2"},
		{"green1.png", []float32{0, 1, 0, 0}, "g1"}, {"green2.png", []float32{0, 0.9905, 0.13751, 0}, "g2"},
		{"blue1.png", []float32{-0.6, 0, 0.8, 0}, "b"}, {"blue2.png", []float32{-0.6, 0, 0.8, 0}, "b"},
	} {
		r := put(t, f.dir, c.name, "", color.NRGBA{R: uint8(40 * i), A: 255}, i)
		r.Image, r.File.Hash = c.features, c.hash
		rows = append(rows, r)
	}
	fill(t, f.index, rows...)
	f.open(t)
	return f
}

// compared waits for the end of the comparison.
func compared(t testing.TB, f *fixture) aboutDuplicates {
	t.Helper()
	state := post[aboutDuplicates](t, f, "/api/duplicates", `{}`)
	for !state.Done {
		state = get[aboutDuplicates](t, f, "/api/duplicates")
	}
	return state
}

func groupsAt(state aboutDuplicates, threshold float64) string {
	return "/api/duplicates/groups?" + url.Values{"snapshot": {state.Snapshot}, "threshold": {fmt.Sprint(threshold)}}.Encode()
}

func TestDuplicatesAreCountedAtEveryThreshold(t *testing.T) {
	f := alike(t, "")
	if w := f.do("GET", "/api/duplicates", nil); w.Code != http.StatusNotFound {
		t.Errorf("before the start: %d", w.Code)
	}
	state := compared(t, f)
	if state.Identical != 1 || len(state.Levels) != 100 {
		t.Fatalf("%+v", state)
	}
	for at, want := range map[int]int{0: 2, 50: 2, 60: 1, 90: 1, 95: 0} { // thousandths above 0.9
		if l := state.Levels[at]; l.Groups != want || l.Pictures != 2*want {
			t.Errorf("%+v, want %d groups", l, want)
		}
		if got := get[reviewAnswer](t, f, groupsAt(state, float64(900+at)/1000)); len(got.Groups) != want || got.Next != -1 {
			t.Errorf("at %d: %d groups, want %d", at, len(got.Groups), want)
		}
	}
	same := get[reviewAnswer](t, f, groupsAt(state, 0)).Groups
	if len(same) != 1 || !strings.HasPrefix(same[0].Pictures[0].Name, "blue") || same[0].Pictures[0].Stays == same[0].Pictures[1].Stays {
		t.Errorf("of the same content: %+v", same)
	}
}

func TestDecisionsAboutDuplicatesAreKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "colours.duplicates.csv")
	f := alike(t, file)
	state := compared(t, f)
	if state.File != filepath.Base(file) || state.Why != "" {
		t.Fatalf("%+v", state)
	}
	green := get[reviewAnswer](t, f, groupsAt(state, 0.96)).Groups[0]
	body := `{"snapshot":"` + state.Snapshot + `","threshold":0.96,"group":0,"version":0,"stay":[false,true]}`
	after := post[reviewAnswer](t, f, "/api/duplicates/groups", body)
	if !after.Group.Decided || after.Review.Open != 0 || after.Review.Dropped != 1 || after.Review.Kept != 1 {
		t.Errorf("%+v", after)
	}
	if w := f.do("POST", "/api/duplicates/groups", strings.NewReader(body)); w.Code != http.StatusConflict {
		t.Errorf("a decision about an older version: %d", w.Code)
	}
	rows, err := curation.ReadFile(file)
	if err != nil || len(rows) != 6 {
		t.Fatalf("%v, %v", rows, err)
	}
	for _, d := range rows {
		if d.Keep != (filepath.Base(d.Path) != green.Pictures[0].Name) {
			t.Errorf("on disk: %+v", d)
		}
	}
	open := get[reviewAnswer](t, f, groupsAt(state, 0.9)+"&open=1").Groups
	if len(open) != 1 || !strings.HasPrefix(open[0].Pictures[0].Name, "red") {
		t.Errorf("what is decided at one threshold is open at another: %+v", open)
	}
}

func TestDuplicatesWithoutAFileAreAList(t *testing.T) {
	f := alike(t, "")
	state := compared(t, f)
	if state.File != "" || !strings.Contains(state.Why, "--review-dir") {
		t.Errorf("%+v", state)
	}
	of := `{"snapshot":"` + state.Snapshot + `","threshold":0.96,"group":0,"version":0,"stay":[false,true]}`
	if w := f.do("POST", "/api/duplicates/groups", strings.NewReader(of)); w.Code != http.StatusForbidden {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
	list := get[struct{ Rows []map[string]string }](t, f, strings.Replace(groupsAt(state, 0.9), "groups", "list", 1)).Rows
	if len(list) != 2 || list[0]["keep"] != "0" || strings.Contains(list[0]["path"], f.dir) {
		t.Errorf("%v", list)
	}
}

func TestDuplicatesOfWhatIsNotThere(t *testing.T) {
	f := alike(t, "")
	state := compared(t, f)
	for target, want := range map[string]int{
		groupsAt(state, 0.5): 400, groupsAt(state, 1.5): 400, groupsAt(state, 0.96) + "&index=none": 404,
		groupsAt(aboutDuplicates{Snapshot: "older"}, 0.96): 410, groupsAt(state, 0.96) + "&from=-1": 400, "/api/duplicates?index=none": 404,
	} {
		if w := f.do("GET", target, nil); w.Code != want {
			t.Errorf("%s: %d, want %d: %s", target, w.Code, want, w.Body)
		}
	}
	if err := KeepDecisions(t.TempDir(), []Source{{Name: "a/b"}}); err == nil || !strings.Contains(err.Error(), "a/b") {
		t.Errorf("a file in a folder that isn't there: %v", err)
	}
}

// Where nearly all pictures are alike, the comparison knows no groups below a threshold above 0.9. A request for one is refused: an answer
// would be that of the lowest.
func TestThresholdsBelowTheLowestAreRefused(t *testing.T) {
	f := &fixture{model: &colours{}, dir: t.TempDir(), index: filepath.Join(t.TempDir(), "index"),
		decisions: filepath.Join(t.TempDir(), "colours.duplicates.csv")}
	var rows []search.Row
	for i := range 2000 { // on an arc of 0.4 rad: the cosines are 0.92 to 1, and two million pairs reach 0.9
		angle := 0.4 * float64(i) / 2000
		rows = append(rows, search.Row{Image: []float32{float32(math.Cos(angle)), float32(math.Sin(angle)), 0, 0},
			File: search.File{Path: filepath.Join(f.dir, fmt.Sprintf("%04d.png", i)), Hash: fmt.Sprintf("%064d", i/2)}})
	}
	fill(t, f.index, rows...)
	f.open(t)
	state := compared(t, f)
	lowest := int(math.Round(1000 * state.Levels[0].Threshold))
	if lowest <= lowestAlike || lowest >= highestAlike || len(state.Levels) != highestAlike-lowest+1 {
		t.Fatalf("the lowest threshold is %d of 1000, with %d levels", lowest, len(state.Levels))
	}
	for thousandths, want := range map[int]int{0: 200, highestAlike: 200, lowest: 200, lowest - 1: 400, lowestAlike: 400} {
		groups := groupsAt(state, float64(thousandths)/1000) + "&limit=1"
		answers := []*httptest.ResponseRecorder{f.do("GET", groups, nil), f.do("GET", strings.Replace(groups, "groups", "list", 1), nil)}
		if want == 400 {
			answers = append(answers, f.do("POST", "/api/duplicates/groups", strings.NewReader(fmt.Sprintf(
				`{"snapshot":%q,"threshold":%v,"group":0,"version":0,"stay":[]}`, state.Snapshot, float64(thousandths)/1000))))
		}
		for _, w := range answers {
			if w.Code != want || want == 400 && !strings.Contains(w.Body.String(), fmt.Sprintf("threshold: below 0.%d ", lowest)) {
				t.Errorf("at %d, the lowest being %d: %d, want %d: %.300s", thousandths, lowest, w.Code, want, w.Body)
			}
		}
	}
}
