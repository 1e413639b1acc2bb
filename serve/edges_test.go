package serve

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image/color"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"clipgo/search"
)

// npyOf is a table of float32 rows in clip-retrieval's form.
func npyOf(dim int, values ...float32) []byte {
	header := fmt.Sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", len(values)/dim, dim)
	header += strings.Repeat(" ", 117-len(header)) + "\n"
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	_ = binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	_ = binary.Write(&b, binary.LittleEndian, values)
	return b.Bytes()
}

// A folder of clip-retrieval's without metadata can be searched; its rows have no name and no picture.
func TestAFolderWithoutMetadataIsServed(t *testing.T) {
	f := &fixture{model: &colours{}, index: t.TempDir()}
	if err := os.Mkdir(filepath.Join(f.index, "img_emb"), 0o755); err != nil {
		t.Fatal(err)
	}
	table := npyOf(4, 1, 0, 0, 0, 0, 1, 0, 0)
	if err := os.WriteFile(filepath.Join(f.index, "img_emb", "img_emb_0.npy"), table, 0o644); err != nil {
		t.Fatal(err)
	}
	f.open(t)
	if got := get[found](t, f, "/api/search?q=green"); len(got.Hits) != 2 || got.Hits[0].Row != 1 || got.Hits[0].Name != "" {
		t.Errorf("%+v", got.Hits)
	}
	if got := get[found](t, f, "/api/search"); got.Total != 2 {
		t.Errorf("%d rows without a query", got.Total)
	}
	if w := f.do("GET", "/thumb?row=1", nil); w.Code != 404 {
		t.Errorf("thumbnail: %d %s", w.Code, w.Body)
	}
}

func TestPanicsOfHandlersAreLogged(t *testing.T) {
	var log bytes.Buffer
	f := newFixture(t, func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))
	})
	w := httptest.NewRecorder()
	h := f.route("/x", func(http.ResponseWriter, *http.Request) error { panic("no such thing") })
	h.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "no such thing") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if got := log.String(); !strings.Contains(got, "no such thing") || !strings.Contains(got, "edges_test.go") {
		t.Errorf("the log has no place of the panic: %q", got)
	}
}

// panicking is a model and an index that fail in the worst way.
type panicking struct{ *colours }

func (panicking) Prepare([]byte) ([]byte, error) { panic("no picture") }

type badCatalog struct{ Index }

func (badCatalog) Catalog(context.Context) (*search.Catalog, error) { panic("no catalog") }

func (badCatalog) Version() string { return "" } // it is never opened again

// Neither costs the process, or a place among those that decode.
func TestPanicsCostOneRequestEach(t *testing.T) {
	f := newFixture(t)
	ix, err := search.Open(f.index)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New([]Source{{Name: "bad", Index: badCatalog{ix}, Model: panicking{f.model}}}, Options{Addr: "127.0.0.1:80"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	bad := &fixture{handler: s.Handler()}
	for range 2*cap(s.encoders[panicking{f.model}].decodes) + 1 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		r := httptest.NewRequest("POST", "/api/pictures", strings.NewReader("a")).WithContext(ctx)
		r.Host = "127.0.0.1:80"
		w := httptest.NewRecorder()
		if bad.handler.ServeHTTP(w, r); w.Code != 500 {
			t.Errorf("a picture: %d %s", w.Code, w.Body)
		}
		cancel()
	}
	if w := bad.do("GET", "/api/folders", nil); w.Code != 500 {
		t.Errorf("folders: %d %s", w.Code, w.Body)
	}
	if w := bad.do("GET", "/api/search?q=red", nil); w.Code != 200 {
		t.Errorf("a search: %d %s", w.Code, w.Body)
	}
}

// What views have ranked counts, and so do scores that only a view still holds.
func TestTheCacheOfResultsIsBounded(t *testing.T) {
	f := newFixture(t)
	const limit = 20_000 // some four views of all rows
	f.results.limit = limit
	for i := range 40 {
		get[found](t, f, fmt.Sprintf("/api/search?limit=120&q=red&q=0.%02d:green&folder=%s", i+1, []string{"", "reds"}[i%2]))
	}
	bytes := 0
	for e := f.results.order.Front(); e != nil; e = e.Next() {
		v := e.Value.(*entry[*view]).value
		bytes += v.scores.Bytes() + 8*len(v.keep) + 16*cap(v.ranked)
	}
	if bytes > limit || f.results.bytes < bytes || f.results.order.Len() < 2 {
		t.Errorf("%d views take %d bytes, charged as %d of %d", f.results.order.Len(), bytes, f.results.bytes, limit)
	}
	if len(f.results.at) != f.results.order.Len() {
		t.Error("names and entries differ")
	}
}

// A name that isn't UTF-8 is shown below its root, and its folder can be asked for.
func TestNamesThatAreNoUTF8StayBelowTheirRoot(t *testing.T) {
	f := &fixture{model: &colours{}, dir: t.TempDir(), index: filepath.Join(t.TempDir(), "index")}
	fill(t, f.index, put(t, f.dir, "caf\xe9/a\xe9.png", "", color.NRGBA{R: 255, A: 255}, 1),
		put(t, f.dir, "tea/b.png", "", color.NRGBA{R: 255, A: 255}, 2))
	f.open(t)
	got := get[found](t, f, "/api/search?q=red&limit=1")
	if got.Hits[0].Name != "caf%E9/a%E9.png" {
		t.Errorf("name %q", got.Hits[0].Name)
	}
	list := get[map[string][]struct{ Name string }](t, f, "/api/folders")["folders"]
	if len(list) != 2 || list[0].Name != "caf%E9" {
		t.Fatalf("folders %v", list)
	}
	if got := get[found](t, f, "/api/search?q=red&folder="+url.QueryEscape(list[0].Name)); got.Total != 1 {
		t.Errorf("%d pictures in the folder", got.Total)
	}
}

func TestFoldersAreBelowEveryRoot(t *testing.T) {
	f := &fixture{model: &colours{}, dir: t.TempDir(), index: filepath.Join(t.TempDir(), "index")}
	one, two, other := filepath.Join(f.dir, "one"), filepath.Join(f.dir, "two"), filepath.Join(f.dir, "other")
	red := color.NRGBA{R: 255, A: 255}
	fill(t, f.index, put(t, one, "cats/a.png", "", red, 1), put(t, two, "cats/b.png", "", red, 2), put(t, two, "dogs/c.png", "", red, 3),
		put(t, other, "cats/d.png", "", red, 4))
	f.open(t, func(o *Options) { o.Roots = []string{one, two} })
	list := fmt.Sprint(get[map[string]any](t, f, "/api/folders")["folders"])
	if list != "[map[name:cats rows:2] map[name:dogs rows:1]]" {
		t.Errorf("folders %s", list)
	}
	for paths, wants := range map[bool]map[string]string{
		false: {"cats": "a b", "dogs": "c", two + "/cats": "b", two: "b c", other: "400", f.dir: "400", "/": "400",
			two + "/../other": "400", "../other/cats": ""},
		true: {"cats": "a b", other: "d", f.dir: "a b c d"},
	} {
		f.open(t, func(o *Options) { o.Roots, o.ShowPaths = []string{one, two}, paths })
		for folder, want := range wants {
			w := f.do("GET", "/api/search?q=red&folder="+url.QueryEscape(folder), nil)
			got := fmt.Sprint(w.Code)
			if w.Code == 200 {
				got = names(decode[found](t, w).Hits)
			}
			if got != want {
				t.Errorf("paths %v, %s: %q, want %q: %s", paths, folder, got, want, w.Body)
			}
		}
	}
}

func TestNamesOfTheServerInAnyCaseAndAtTheDefaultPort(t *testing.T) {
	f := newFixture(t, func(o *Options) {
		o.Hosts, o.Origins = []string{"Pictures.Example"}, []string{"https://Friend.example"}
	})
	for host, code := range map[string]int{"pictures.example": 200, "PICTURES.example:8000": 200, "127.0.0.1": 200, "[::1]": 200,
		"localhost": 200, "localhost:81": 421, "evil.example": 421} {
		if w := f.do("GET", "/api/health", nil, "Host", host); w.Code != code {
			t.Errorf("%s: %d, want %d", host, w.Code, code)
		}
	}
	if w := f.do("OPTIONS", "/knn-service", nil, "Origin", "https://friend.example"); w.Header().Get("Access-Control-Allow-Origin") == "" {
		t.Error("an origin with a capital letter is never allowed")
	}
	other := newFixture(t, func(o *Options) { o.Addr = "127.0.0.1:8808" })
	if w := other.do("GET", "/api/health", nil, "Host", "127.0.0.1"); w.Code != 421 {
		t.Errorf("port 80 of a server at another: %d", w.Code)
	}
}

func TestRowsEndWithTheirClient(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := httptest.NewRequest("GET", "/api/rows?key=0&key=1", nil).WithContext(ctx)
	r.Host = "127.0.0.1:80"
	w := httptest.NewRecorder()
	if f.handler.ServeHTTP(w, r); w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDatesThatNoFileHas(t *testing.T) {
	f := newFixture(t)
	for query, want := range map[string]int{"after=2300-01-01": 0, "after=9999-12-31": 0, "before=9999-12-31": 120,
		"before=2300-01-01": 120,
		"after=0001-01-01":  120, "before=0001-01-01": 0, "before=1970-01-01T00:00:00Z": 0, "after=2024-01-01T00:00:00Z": 120} {
		if got := get[found](t, f, "/api/search?q=red&limit=1&"+query); got.Total != want {
			t.Errorf("%s: %d pictures, want %d", query, got.Total, want)
		}
	}
}

func TestAnEmbeddingThatIsTooLongIsRefused(t *testing.T) {
	f := newFixture(t)
	for embedding, code := range map[string]int{"[3e38,3e38,3e38,3e38]": 400, "[2e18,0,0,0]": 400, "[9e17,0,0,0]": 200} {
		body := knnBody(t, `{"embedding_input":`+embedding+`}`)
		if w := f.do("POST", "/knn-service", strings.NewReader(body)); w.Code != code {
			t.Errorf("%s: %d %.200s, want %d", embedding, w.Code, w.Body, code)
		}
	}
}

// The field index of a form counts, also behind the picture.
func TestAFormNamesTheIndex(t *testing.T) {
	f := newFixture(t)
	ix, err := search.Open(f.index)
	if err != nil {
		t.Fatal(err)
	}
	second, err := newCollection(t.Context(), Source{Name: "second", Index: ix, Model: f.model}, f.encoders[Model(f.model)], nil)
	if err != nil {
		t.Fatal(err)
	}
	f.collections = append(f.collections, second)
	for name, code := range map[string]int{"second": 200, "third": 404} {
		for _, target := range []string{"/api/search?limit=1", "/api/pictures"} {
			var body bytes.Buffer
			form := multipart.NewWriter(&body)
			part, _ := form.CreateFormFile("image", "a.png")
			_, _ = part.Write(pngOf(t, 9, 9, color.NRGBA{G: 255, A: 255}))
			_ = form.WriteField("index", name)
			form.Close()
			w := f.do("POST", target, &body, "Content-Type", form.FormDataContentType())
			var got struct{ Index string }
			_ = json.Unmarshal(w.Body.Bytes(), &got)
			if w.Code != code || got.Index != name && got.Index != "" || code == 200 && target[5] == 's' && got.Index == "" {
				t.Errorf("%s of %s: %d %.200s", target, name, w.Code, w.Body)
			}
		}
	}
}

func TestSourcesAreSplitAtTheirName(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "d=1", "p.index")
	if err := os.MkdirAll(there, 0o755); err != nil {
		t.Fatal(err)
	}
	for arg, want := range map[string][2]string{
		there:                 {"p", there},
		"mine=" + there:       {"mine", there},
		"a/p.index":           {"p", "a/p.index"},
		"mine=none":           {"mine", "none"},
		dir + "/d=2/p.index/": {dir + "/d", "2/p.index/"}, // it isn't there
	} {
		if name, at := SplitSource(arg); name != want[0] || at != want[1] {
			t.Errorf("%s: %q and %q, want %q", arg, name, at, want)
		}
	}
}
