package serve

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"clipgo/search"
)

// knn asks /knn-service. more replaces or adds keys.
func knn(t *testing.T, f *fixture, more string) []map[string]any {
	t.Helper()
	return post[[]map[string]any](t, f, "/knn-service", knnBody(t, more))
}

func knnBody(t *testing.T, more string) string {
	t.Helper()
	body := map[string]any{"text": nil, "image": nil, "image_url": nil, "embedding_input": nil, "deduplicate": false,
		"use_safety_model": true, "use_violence_detector": true, "indice_name": "colours", "use_mclip": false,
		"aesthetic_score": 9, "aesthetic_weight": 0.5,
		"modality": "image", "num_images": 2, "num_result_ids": 5}
	if err := json.Unmarshal([]byte(more), &body); err != nil {
		t.Fatal(err)
	}
	data, _ := json.Marshal(body)
	return string(data)
}

func ids(hits []map[string]any) string {
	var out []string
	for _, h := range hits {
		out = append(out, fmt.Sprint(h["id"]))
	}
	return strings.Join(out, " ")
}

func TestKnnServiceAnswersAsClipRetrievalDoes(t *testing.T) {
	f := newFixture(t)
	hits := knn(t, f, `{"text":"red"}`)
	if ids(hits) != "0 3 6 9 12" || hits[1]["caption"] != "picture 3" || hits[0]["image_path"] != nil {
		t.Errorf("%s, %v", ids(hits), hits[1]["caption"])
	}
	if _, ok := hits[2]["caption"]; ok || len(hits[2]) != 2 {
		t.Errorf("a hit past num_images has %v", hits[2])
	}
	data, _ := base64.StdEncoding.DecodeString(hits[0]["image"].(string))
	if im, err := jpeg.Decode(bytes.NewReader(data)); err != nil || im.Bounds().Dx() != 20 {
		t.Errorf("image: %v", err)
	}
	picture := base64.StdEncoding.EncodeToString(pngOf(t, 9, 9, color.NRGBA{G: 255, A: 255}))
	for _, c := range []struct{ body, want string }{
		{`{"text":"","image":"` + picture + `"}`, "1 4 7 10 13"},              // an empty text is none
		{`{"text":"red","image":"` + picture + `"}`, "0 3 6 9 12"},            // a text goes before a picture
		{`{"embedding_input":[0,0,2,0.2],"num_result_ids":null}`, "2 5"},      // as many as num_images
		{`{"text":"red","num_images":3,"num_result_ids":1}`, "0"},             // the limit is num_result_ids
		{`{"text":"red","indice_name":null,"num_result_ids":2}`, "0 3"},       // the first index
		{`{"text":"red","indice_name":"","num_result_ids":2}`, "0 3"},         // as a link of the page asks
		{`{"text":"red","deduplicate":true,"num_result_ids":120}`, "0 1 2"},   // one of each colour
		{`{"text":"red","aesthetic_score":"","num_result_ids":2}`, "0 3"},     // ignored
		{`{"text":"red","aesthetic_weight":"0.5","num_result_ids":2}`, "0 3"}, // as the page sends it
		{`{"text":"red","use_mclip":null,"deduplicate":null,"num_result_ids":2}`, "0 3"},
	} {
		if got := ids(knn(t, f, c.body)); got != c.want && !(c.want == "0 1 2" && len(strings.Fields(got)) == 3) {
			t.Errorf("%.90s: %s, want %s", c.body, got, c.want)
		}
	}
	one, two := knn(t, f, `{"embedding_input":[1,0,0,0.1]}`)[0], knn(t, f, `{"embedding_input":[2,0,0,0.2]}`)[0]
	if a, b := one["similarity"].(float64), two["similarity"].(float64); math.Abs(b-2*a) > 1e-6 || a != float64(float32(a)) {
		t.Errorf("similarities %v and %v: they scale with the query, and are float32", a, b)
	}
	if got := knn(t, f, `{"text":"red","num_result_ids":5000}`); len(got) != 120 {
		t.Errorf("%d hits, where more were asked for than there are", len(got))
	}
	if got := knn(t, f, `{"text":"red","modality":"text"}`); len(got) != 0 {
		t.Errorf("%d captions in an index without any", len(got))
	}
}

func TestKnnErrorsHaveAMessage(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		path, body string
		code       int
		says       string
	}{
		{"/knn-service", "", 400, "JSON"},
		{"/knn-service", `[1]`, 400, "a list"},
		{"/knn-service", `{"text":"red","modality":"image","num_images":1}`, 400, "indice_name"},
		{"/knn-service", `{"text":"red","num_images":1,"indice_name":null}`, 400, "modality"},
		{"/knn-service", knnBody(t, `{"text":"red","modality":"video"}`), 400, "modality"},
		{"/knn-service", knnBody(t, `{"text":"red","num_images":"4"}`), 400, "num_images"},
		{"/knn-service", knnBody(t, `{"text":"red","num_images":-1}`), 400, "num_images"},
		{"/knn-service", knnBody(t, `{"text":"red","num_result_ids":0}`), 400, "num_result_ids"},
		{"/knn-service", knnBody(t, `{"text":"red","indice_name":"other"}`), 404, "there are colours"},
		{"/knn-service", knnBody(t, `{}`), 400, "there is no text"},
		{"/knn-service", knnBody(t, `{"image":"%%%"}`), 400, "base64"},
		{"/knn-service", knnBody(t, `{"image":"aGVsbG8="}`), 400, "can't be used"},
		{"/knn-service", knnBody(t, `{"embedding_input":[1,2]}`), 400, "2 numbers"},
		{"/knn-service", knnBody(t, `{"embedding_input":[[1,2,3,4]]}`), 400, "embedding_input"},
		{"/knn-service", knnBody(t, `{"image_url":"file:///etc/passwd"}`), 403, "doesn't fetch"},
		{"/metadata", `{"ids":[120],"indice_name":"colours"}`, 404, "no such picture"},
		{"/metadata", `{"ids":[-1],"indice_name":"colours"}`, 404, "no such picture"},
		{"/metadata", `{"indice_name":"colours"}`, 400, "ids"},
		{"/metadata", `{"ids":[1],"indice_name":"other"}`, 404, "there are colours"},
	} {
		w := f.do("POST", c.path, strings.NewReader(c.body))
		var got struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != c.code || !strings.Contains(got.Message, c.says) {
			t.Errorf("%.80s: %d %s, want %d and %q", c.body, w.Code, w.Body, c.code, c.says)
		}
	}
	if w := f.do("GET", "/knn-service", nil); w.Code != 404 && w.Code != 405 {
		t.Errorf("GET: %d", w.Code)
	}
}

func TestMetadataComesInTheOrderAsked(t *testing.T) {
	f := newFixture(t, func(o *Options) { o.ShowPaths = true })
	type row struct {
		ID       int            `json:"id"`
		Metadata map[string]any `json:"metadata"`
	}
	got := post[[]row](t, f, "/metadata", `{"ids":[7,2,7],"indice_name":"colours"}`)
	if len(got) != 3 || got[0].ID != 7 || got[2].ID != 7 || got[1].Metadata["caption"] != "picture 2" ||
		got[0].Metadata["caption"] != "a red barn" {
		t.Errorf("%+v", got)
	}
	if path := got[1].Metadata["image_path"]; path != filepath.Join(f.dir, "blues", "b000.png") {
		t.Errorf("path %v", path)
	}
	if w := f.do("POST", "/metadata", strings.NewReader(`{"ids":[]}`)); strings.TrimSpace(w.Body.String()) != "[]" {
		t.Errorf("no ids: %s", w.Body)
	}
	if w := f.do("GET", "/indices-list", nil); w.Body.String() != "[\"colours\"]\n" {
		t.Errorf("indices: %q", w.Body)
	}
}

// A commit that renumbers rows doesn't change what the numbers mean that a client was given before.
func TestMetadataDescribesTheRowsOfTheSearch(t *testing.T) {
	f := &fixture{model: &colours{}, dir: t.TempDir(), index: filepath.Join(t.TempDir(), "index")}
	fill(t, f.index, put(t, f.dir, "a.png", "first", color.NRGBA{B: 255, A: 255}, 1))
	fill(t, f.index, put(t, f.dir, "b.png", "second", color.NRGBA{R: 255, A: 255}, 2),
		put(t, f.dir, "c.png", "third", color.NRGBA{G: 255, A: 255}, 3))
	f.open(t)
	hits := knn(t, f, `{"text":"red"}`)
	if hits[0]["caption"] != "second" || hits[0]["id"] != 1.0 {
		t.Fatal(hits[0])
	}
	w, err := search.OpenWriter(f.index)
	if err == nil {
		err = w.Begin(space)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.RemoveBelow([]string{filepath.Join(f.dir, "a.png")})
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	f.collections[0].reload(t.Context(), time.Now(), f.log)
	if n := f.collections[0].current.info.Rows; n != 2 {
		t.Fatalf("the commit renumbered nothing: %d rows", n)
	}
	w2 := f.do("POST", "/metadata", strings.NewReader(`{"ids":[1,2],"indice_name":null}`))
	if !strings.Contains(w2.Body.String(), "second") || !strings.Contains(w2.Body.String(), "third") {
		t.Errorf("row 1 is now %.300s", w2.Body)
	}
}

func TestMetricsAreThoseOfTheDashboard(t *testing.T) {
	f := newFixture(t)
	if w := f.do("GET", "/metrics-summary", nil); w.Body.String() != "No request yet, go do some" {
		t.Errorf("before a request: %q", w.Body)
	}
	knn(t, f, `{"text":"red","deduplicate":true}`)
	for _, path := range []string{"/metrics", "/metrics/"} {
		w := f.do("GET", path, nil)
		text := w.Body.String()
		for _, step := range retrievalSteps {
			for _, end := range []string{"_sum ", "_count ", `_bucket{le="+Inf"} `, `_bucket{le="0.075"} `} {
				if !strings.Contains(text, "\n"+step[0]+end) {
					t.Errorf("%s: %s%s is missing", path, step[0], end)
				}
			}
		}
		for _, line := range []string{"full_knn_request_time_count 1", "text_clip_inference_time_count 1",
			"dedup_time_count 1", "download_time_count 0"} {
			if !strings.Contains(text, "\n"+line+"\n") {
				t.Errorf("%s is missing", line)
			}
		}
		if kind := w.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
			t.Errorf("type %s", kind)
		}
		checkExposition(t, text)
	}
	w := f.do("GET", "/metrics-summary", nil)
	if !strings.HasPrefix(w.Body.String(), "Among 1 calls to the knn end point with an average latency of 0.") {
		t.Errorf("%s", w.Body)
	}
}

// checkExposition checks the form of Prometheus text: each line is a comment or a sample, and samples of one name follow each other.
func checkExposition(t *testing.T, text string) {
	t.Helper()
	sample := regexp.MustCompile(`^([a-z_]+)(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? \S+$`)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if !strings.HasPrefix(line, "# ") && !sample.MatchString(line) {
			t.Errorf("not a sample: %q", line)
		}
	}
}

// The client of clip-retrieval's wheel, unchanged: CLIPGO_CLIP_RETRIEVAL names its folder, made by
// pip download --no-deps clip-retrieval==2.45.0 and unzipping, and CLIPGO_PYTHON, or python3, has requests.
func TestClipRetrievalsOwnClient(t *testing.T) {
	wheel := os.Getenv("CLIPGO_CLIP_RETRIEVAL")
	if wheel == "" {
		t.Skip("CLIPGO_CLIP_RETRIEVAL doesn't name the unpacked wheel of clip-retrieval")
	}
	f := newFixture(t)
	addr, _ := serving(t, f)
	script := `
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("clip_client", sys.argv[1])
m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m)
client = m.ClipClient(url=sys.argv[2], indice_name="colours", num_images=3, deduplicate=False)
print(json.dumps([client.query(text="red"), client.query(image=sys.argv[3]), client.query(embedding_input=[0, 0, 1.0, 0.1]),
    m.ClipClient(url=sys.argv[2], indice_name="other").query(text="red")]))
`
	client := filepath.Join(wheel, "clip_retrieval", "clip_client.py")
	cmd := exec.Command(cmp.Or(os.Getenv("CLIPGO_PYTHON"), "python3"), "-c", script, client, "http://"+addr+"/knn-service",
		filepath.Join(f.dir, "greens", "g000.png"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []json.RawMessage
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != 4 {
		t.Fatalf("%v: %s", err, out)
	}
	for i, want := range []string{"0 3 6", "1 4 7", "2 5 8"} {
		var hits []map[string]any
		if err := json.Unmarshal(answers[i], &hits); err != nil || ids(hits) != want || hits[0]["image"] == nil {
			t.Errorf("query %d: %v, %s, want %s", i, err, ids(hits), want)
		}
	}
	if !strings.Contains(string(answers[3]), "there are colours") {
		t.Errorf("an unknown index: %s", answers[3])
	}
}
