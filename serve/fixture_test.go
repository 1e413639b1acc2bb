package serve

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clipgo/search"
	"clipgo/search/columns"
	"clipgo/vision/preprocess"
)

// colours is a model that sees the mean colour of a picture, and knows the words red, green and blue. Its fourth axis is what all
// pictures have in common.
type colours struct {
	batches atomic.Int64
	gate    chan struct{} // texts wait for it; nil: they don't
	broken  bool
}

func (m *colours) EmbedTexts(ctx context.Context, texts []string) ([]float32, error) {
	m.batches.Add(1)
	if m.gate != nil {
		<-m.gate
	}
	if m.broken {
		return nil, errors.New("out of memory at /secret/model")
	}
	var out []float32
	for _, t := range texts {
		row := []float32{0, 0, 0, 0.1}
		for i, word := range []string{"red", "green", "blue"} {
			row[i] = float32(strings.Count(t, word))
		}
		out = append(out, row...)
	}
	return out, nil
}

func (m *colours) Prepare(file []byte) ([]byte, error) {
	how := preprocess.Default()
	how.Size = 1
	rgb := make([]uint8, 3)
	return rgb, how.ApplyFile(rgb, file)
}

func (m *colours) EmbedImages(_ context.Context, pixels []byte, n int) ([]float32, error) {
	var out []float32
	for i := range n {
		p := pixels[3*i:]
		out = append(out, float32(p[0])/255, float32(p[1])/255, float32(p[2])/255, 0.5)
	}
	return out, nil
}

func (m *colours) Cuts(text string) bool { return len(text) > 1000 }

var space = search.Space{Fingerprint: "colours", Model: "colours", Preprocess: json.RawMessage(`{}`), Dim: 4, DType: search.Float32}

// png makes a picture of one colour.
func pngOf(t testing.TB, width, height int, c color.Color) []byte {
	t.Helper()
	im := image.NewNRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		im.Set(i%width, i/width, c)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, im); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// fixture is a server over pictures of a folder.
type fixture struct {
	*Server
	model     *colours
	dir       string // of the pictures
	index     string
	decisions string // of duplicates; empty: they are not kept
	returned  []string
	handler   http.Handler
}

// put writes a picture and returns its row.
func put(t testing.TB, dir, name, caption string, c color.NRGBA, age int) search.Row {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	data := pngOf(t, 20, 10, c)
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	when := time.Date(2024, 1, 31-age%30, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(path, when, when); err != nil {
		t.Fatal(err)
	}
	return search.Row{Image: []float32{float32(c.R) / 255, float32(c.G) / 255, float32(c.B) / 255, 0.5},
		File: search.File{Path: path, Caption: caption, Size: int64(len(data)), MTime: when.UnixNano(),
			Hash: fmt.Sprintf("%x", sha256.Sum256([]byte(name)))}}
}

// fill adds rows to an index. Further columns of theirs hold texts.
func fill(t testing.TB, index string, rows ...search.Row) {
	t.Helper()
	w, err := search.Update(index, space)
	if err != nil {
		t.Fatal(err)
	}
	keep := []columns.Column{{Name: "rating", Type: columns.Double}, {Name: "url", Type: columns.Text}}
	for _, r := range rows {
		for _, v := range r.Metadata {
			if !slices.ContainsFunc(keep, func(c columns.Column) bool { return c.Name == v.Column }) {
				keep = append(keep, columns.Column{Name: v.Column, Type: columns.Text})
			}
		}
	}
	if err := w.KeepColumns(keep); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Commit(), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// newFixture serves 120 pictures: red, green and blue ones in folders of their own, and of each a little less than of the one before.
func newFixture(t testing.TB, change ...func(*Options)) *fixture {
	t.Helper()
	f := &fixture{model: &colours{}, dir: t.TempDir(), index: filepath.Join(t.TempDir(), "index")}
	var rows []search.Row
	for i := range 120 {
		c := color.NRGBA{A: 255}
		level := uint8(255 - i/3)
		name := []string{"reds/r%03d.png", "greens/g%03d.png", "blues/b%03d.png"}[i%3]
		*[]*uint8{&c.R, &c.G, &c.B}[i%3] = level
		rows = append(rows, put(t, f.dir, fmt.Sprintf(name, i/3), fmt.Sprintf("picture %d", i), c, i))
	}
	rows[7].Caption = "a red barn"
	rows[0].Facts = &search.Facts{Camera: "Canon EOS", Taken: 1563107405e9, Latitude: 48.8584, Longitude: 2.2945}
	rows[1].Facts = &search.Facts{Camera: "Apple iPhone", Latitude: -33.8568, Longitude: 151.2153}
	rows[0].Metadata = columns.Values{{Column: "rating", Value: 4.5}, {Column: "url", Value: "https://example.org/?a=1&b=<2>"}}
	rows[3].Metadata = columns.Values{{Column: "rating", Value: 3.0}}
	fill(t, f.index, rows...)
	f.open(t, change...)
	return f
}

func (f *fixture) open(t testing.TB, change ...func(*Options)) {
	t.Helper()
	ix, err := search.Open(f.index)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Addr: "127.0.0.1:80", ThumbDir: t.TempDir(), ThumbSize: 1 << 20}
	for _, c := range change {
		c(&o)
	}
	if f.Server, err = New([]Source{{Name: "colours", Index: ix, Model: f.model, Decisions: f.decisions,
		Returned: f.returned}}, o); err != nil {
		t.Fatal(err)
	}
	server := f.Server
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	f.handler = f.Handler()
	<-f.collections[0].current.read
}

// do answers a request; body may be nil.
func (f *fixture) do(method, target string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1"+target, body)
	r.Host = "127.0.0.1:80"
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, r)
	return w
}

// get asks for JSON, which has to come.
func get[T any](t testing.TB, f *fixture, target string) (out T) {
	t.Helper()
	return decode[T](t, f.do("GET", target, nil))
}

func post[T any](t testing.TB, f *fixture, target, body string) (out T) {
	t.Helper()
	return decode[T](t, f.do("POST", target, strings.NewReader(body)))
}

func decode[T any](t testing.TB, w *httptest.ResponseRecorder) (out T) {
	t.Helper()
	if w.Code != 200 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
		t.Fatalf("%v: %.200s", err, w.Body)
	}
	return out
}

func names(hits []hit) string {
	var out []string
	for _, h := range hits {
		out = append(out, strings.TrimSuffix(filepath.Base(h.Name), ".png"))
	}
	return strings.Join(out, " ")
}
