package benchmark

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/datasets"
	"clipgo/internal/fault"
	"clipgo/internal/golden"
	"clipgo/pretrained"
)

// measuredAt is the JSON of a set's results at a place, and its name.
func measuredAt(t *testing.T, place string) (name, result string) {
	t.Helper()
	d, err := Open(place, datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	settings := pretrained.DefaultSettings()
	settings.Precision = "fp32"
	s := &Suite{
		Models: []string{filepath.Join(golden.Dir(t, "benchmark"), "model")}, Data: []*Data{d}, Out: t.TempDir(), Settings: settings,
		Recalls: []int{1, 5, 10},
	}
	s.Report = func(e Event) {
		if e.Err == nil {
			data, err := json.Marshal(e.Result.Metrics)
			if err != nil {
				t.Fatal(err)
			}
			name, result = e.Data+" "+e.Task, string(data)
		}
	}
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	return name, result
}

// remoteSets are sets of each type with several shards among them.
var remoteSets = []string{"wds_digits", "wds_scenes_captions", "wds_scenes_multilabel"}

func TestSetsOnAWebServerAreMeasuredAsLocalOnes(t *testing.T) {
	dir := filepath.Join(golden.Dir(t, "benchmark"), "data")
	files := http.FileServer(http.Dir(dir))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch { // a server that lists nothing, and sends a page for what it doesn't have
		case strings.HasSuffix(r.URL.Path, "/"):
			w.WriteHeader(http.StatusForbidden)
		case exists(filepath.Join(dir, filepath.FromSlash(r.URL.Path))):
			files.ServeHTTP(w, r)
		default:
			fmt.Fprint(w, "<html>nothing here</html>")
		}
	}))
	defer server.Close()
	for _, set := range remoteSets {
		wantName, want := measuredAt(t, filepath.Join(dir, set))
		for _, end := range []string{"", "/"} {
			if name, got := measuredAt(t, server.URL+"/"+set+end); name != wantName || got != want || got == "" {
				t.Errorf("%s%s: %s %s, want %s %s", set, end, name, got, wantName, want)
			}
		}
	}
	d, err := Open(server.URL+"/sugar_crepe", datasets.Options{})
	if err == nil {
		_, err = d.Tasks(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "/sugar_crepe/test/nshards.txt: ") || fault.Of(err) != fault.Data {
		t.Errorf("a folder in another layout: %v", err)
	}
}

// A server that says 404 and 403 is not taken for one that is away.
func TestAFolderInAnotherLayoutIsRefused(t *testing.T) {
	code := http.StatusNotFound
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }))
	defer server.Close()
	for want, answer := range map[string]int{
		"/x: there is no test/nshards.txt": http.StatusNotFound, "/x/test/nshards.txt: 127.0.0.1": http.StatusForbidden,
	} {
		code = answer
		d, err := Open(server.URL+"/x", datasets.Options{})
		if err == nil {
			_, err = d.Tasks(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: %v, want %s", answer, err, want)
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// serveHub serves the files of a folder as the hub does those of the data set clip-benchmark/NAME.
func serveHub(t *testing.T, dir, name string) {
	t.Helper()
	commit := strings.Repeat("0123456789", 4)
	var siblings []map[string]any
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, path))
		siblings = append(siblings, map[string]any{"rfilename": path, "size": len(data),
			"lfs": map[string]any{"sha256": fmt.Sprintf("%x", sha256.Sum256(data)), "size": len(data)}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		repo := "/datasets/clip-benchmark/" + name
		switch path, ok := strings.CutPrefix(r.URL.Path, repo+"/resolve/"+commit+"/"); {
		case strings.HasPrefix(r.URL.Path, "/api"+repo+"/revision/"):
			_ = json.NewEncoder(w).Encode(map[string]any{"sha": commit, "siblings": siblings})
		case ok:
			http.ServeFile(w, r, filepath.Join(dir, filepath.FromSlash(path)))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	for key, value := range map[string]string{
		"HF_ENDPOINT": server.URL, "HF_HOME": t.TempDir(), "HF_HUB_OFFLINE": "", "TRANSFORMERS_OFFLINE": "", "HF_TOKEN": "",
	} {
		t.Setenv(key, value)
	}
}

func TestSetsOnTheHubAreMeasuredAsLocalOnes(t *testing.T) {
	dir := filepath.Join(golden.Dir(t, "benchmark"), "data")
	for _, set := range remoteSets {
		wantName, want := measuredAt(t, filepath.Join(dir, set))
		serveHub(t, filepath.Join(dir, set), set)
		for _, place := range []string{
			"hf-hub:datasets/clip-benchmark/" + set, "hf-hub:datasets/clip-benchmark/" + set + "@main",
			"https://huggingface.co/datasets/clip-benchmark/" + set + "/tree/main",
		} {
			if name, got := measuredAt(t, place); name != wantName || got != want || got == "" {
				t.Errorf("%s: %s %s, want %s %s", place, name, got, wantName, want)
			}
		}
	}
}

func TestNamesAndSplitsOfPlaces(t *testing.T) {
	for place, want := range map[string]string{
		"hf-hub:datasets/clip-benchmark/wds_vtab-dtd@v1":       "wds/vtab-dtd hf-hub:datasets/clip-benchmark/wds_vtab-dtd@v1 true",
		"https://huggingface.co/datasets/o/wds_a/tree/main":    "wds/a hf-hub:datasets/o/wds_a true",
		"https://huggingface.co/datasets/o/wds_a/tree/v2/sub/": "sub hf-hub:datasets/o/wds_a@v2/sub true",
		"https://huggingface.co/datasets/o/wds_a":              "wds/a hf-hub:datasets/o/wds_a true",
		"https://u:p@h/sets/wds_b/":                            "wds/b https://u:p@h/sets/wds_b/ true",
		"wds/vtab/dtd=https://h/x":                             "wds/vtab/dtd https://h/x true",
		"n=https://h/s/{0..3}.tar":                             "n https://h/s/{0..3}.tar false",
		"https://h/a.parquet":                                  "a.parquet https://h/a.parquet false",
		"pipe:cat a.tar":                                       "pipe:cat a.tar pipe:cat a.tar false",
		"https://h/s/a.json?split=test":                        "a.json https://h/s/a.json?split=test false",
	} {
		d, err := Open(place, datasets.Options{})
		if err != nil {
			t.Errorf("%s: %v", place, err)
			continue
		}
		if got := fmt.Sprint(d.Name, " ", d.Place, " ", mayHaveSplits(d.Place)); got != want {
			t.Errorf("%s: %s, want %s", place, got, want)
		}
	}
}

// A folder of splits without the one that is measured is refused with the way out.
func TestTheSplitThatIsMeasured(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"train/cat", "val/cat"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.FromSlash(name)), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(dir, datasets.Options{}); err == nil || !strings.Contains(err.Error(), "has no split test, only train, val") {
		t.Errorf("%v", err)
	}
	d, err := Open(filepath.Join(golden.Dir(t, "benchmark"), "data", "wds_digits"), datasets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Measure("val"); err != nil || filepath.Base(d.splits[TestSplit]) != "val" || !slices.Equal(d.Splits(),
		[]string{TestSplit, TrainSplit}) {
		t.Errorf("%v, %v", d.splits, err)
	}
	if err := d.Measure("dev"); err == nil || fault.Of(err) != fault.Usage {
		t.Errorf("a split that isn't there: %v", err)
	}
}
