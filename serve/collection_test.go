package serve

import (
	"bytes"
	"context"
	"fmt"
	"image/color"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clipgo/search"
)

// A commit is served soon, and what was found before it stays valid for some minutes.
func TestCommitsAreServedAndTheStateBeforeIsKept(t *testing.T) {
	f := newFixture(t)
	c := f.collections[0]
	before := get[found](t, f, "/api/search?q=red&limit=2")
	old := c.current
	fill(t, f.index, put(t, f.dir, "reds/new.png", "", color.NRGBA{R: 255, A: 255}, 200))
	now := time.Now()
	c.reload(t.Context(), now, f.log)
	after := get[found](t, f, "/api/search?q=red&limit=200")
	if after.Total != 121 || after.Snapshot == before.Snapshot {
		t.Errorf("%d hits after a commit", after.Total)
	}
	next := get[found](t, f, "/api/search?q=red&limit=2&cursor="+before.Next)
	if next.Total != 120 || next.Snapshot != before.Snapshot {
		t.Errorf("the next page is of another state: %d hits", next.Total)
	}
	held, err := c.acquire(before.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	late := now.Add(keepFor + time.Second)
	c.reload(t.Context(), late, f.log)
	if _, err := old.Details([]int{0}); err != nil || old.info.Live != 120 {
		t.Errorf("the old state was closed under its reader: %v", err)
	}
	c.release(held)
	c.reload(t.Context(), late, f.log)
	if w := f.do("GET", "/api/search?q=red&cursor="+before.Next, nil); w.Code != 410 {
		t.Errorf("a page of a state that is gone: %d %s", w.Code, w.Body)
	}
}

// An index that is made again by another model, or damaged, isn't taken over; the last good state answers and health says so.
func TestACommitThatCannotBeUsedIsNotTakenOver(t *testing.T) {
	f := newFixture(t)
	c := f.collections[0]
	for name, spoil := range map[string]func(index string){
		"another model": func(index string) {
			w, err := search.Update(index, search.Space{Fingerprint: "other", Preprocess: space.Preprocess, Dim: 4, DType: search.Float32})
			if err == nil {
				err = w.Add(search.Row{File: search.File{Path: "x"}, Image: []float32{1, 0, 0, 0}})
			}
			if err == nil {
				err = w.Commit()
			}
			if err != nil {
				t.Fatal(err)
			}
			_ = w.Close()
		},
		"damage": func(index string) {
			if err := os.MkdirAll(index, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(index, "meta.json"), []byte("{"), 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"nothing": func(string) {},
	} {
		if err := os.RemoveAll(f.index); err != nil {
			t.Fatal(err)
		}
		spoil(f.index)
		c.reload(t.Context(), time.Now(), f.log)
		if got := get[found](t, f, "/api/search?q=red&limit=1"); got.Total != 120 {
			t.Errorf("%s: %d hits", name, got.Total)
		}
		if got := get[map[string]any](t, f, "/api/health"); got["status"] != "degraded" {
			t.Errorf("%s: health %v", name, got)
		}
	}
}

// A key names a picture, not a place: it finds the picture where a commit has moved it.
func TestKeysOutliveCommits(t *testing.T) {
	f := newFixture(t)
	hit := get[found](t, f, "/api/search?q=green&limit=1").Hits[0]
	w, err := search.OpenWriter(f.index)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Begin(space); err != nil {
		t.Fatal(err)
	}
	w.RemoveBelow([]string{filepath.Join(f.dir, "reds")})
	moved := put(t, f.dir, "greens/moved.png", "", color.NRGBA{G: 255, A: 255}, 1)
	moved.Hash = hit.Hash
	w.RemoveBelow([]string{filepath.Join(f.dir, hit.Name)})
	if err := w.Add(moved); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	f.collections[0].reload(t.Context(), time.Now(), f.log)
	rows := get[map[string]any](t, f, "/api/rows?key="+hit.Key)["rows"].([]any)
	if name := rows[0].(map[string]any)["name"]; name != "greens/moved.png" {
		t.Errorf("the key leads to %v", name)
	}
	if w := f.do("GET", "/api/rows?key=0.000000000000", nil); w.Code != 404 {
		t.Errorf("a key of a picture that is gone: %d", w.Code)
	}
}

// absent is an index that can't be reached while down is set.
type absent struct {
	Index
	down atomic.Bool
}

func (a *absent) err() error {
	if a.down.Load() {
		return fmt.Errorf("%w: dial tcp 127.0.0.1:5432 for user secret", search.ErrUnavailable)
	}
	return nil
}

func (a *absent) Catalog(ctx context.Context) (*search.Catalog, error) {
	if err := a.err(); err != nil {
		return nil, err
	}
	return a.Index.Catalog(ctx)
}

func (a *absent) Scores(ctx context.Context, v []float32, t search.Table) (*search.Scores, error) {
	if err := a.err(); err != nil {
		return nil, err
	}
	return a.Index.Scores(ctx, v, t)
}

func (a *absent) Reload(context.Context) (search.Index, error) { return a, a.err() }

// An index that can't be reached costs the requests of that time, which get 503; then it answers, filters included, although
// its first reading failed. The log has a line for each change.
func TestAnIndexThatCannotBeReachedComesBack(t *testing.T) {
	f := newFixture(t)
	ix, err := search.Open(f.index)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	away := &absent{Index: ix}
	away.down.Store(true)
	s, err := New([]Source{{Name: "away", Index: away, Model: f.model}},
		Options{Addr: "127.0.0.1:80", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	g := &fixture{Server: s, handler: s.Handler()}
	c := s.collections[0]
	<-c.current.read
	for range 3 {
		c.reload(t.Context(), time.Now(), s.log)
		for _, ask := range []string{"/api/search?q=red", "/api/search?q=red&folder=reds", "/api/folders", "/api/search"} {
			w := g.do("GET", ask, nil)
			if w.Code != 503 || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s: %d %s", ask, w.Code, w.Body)
			}
		}
	}
	if got := get[map[string]any](t, g, "/api/health"); got["status"] != "degraded" {
		t.Errorf("health %v", got)
	}
	away.down.Store(false)
	c.reload(t.Context(), time.Now(), s.log)
	if got := get[found](t, g, "/api/search?q=red&folder=reds"); got.Total != 40 || got.Pending {
		t.Errorf("after it came back: %d hits", got.Total)
	}
	if got := get[map[string]any](t, g, "/api/health"); got["status"] != "ok" {
		t.Errorf("health %v", got)
	}
	if n := strings.Count(log.String(), "\n"); n != 2 {
		t.Errorf("%d lines: %s", n, log.String())
	}
}
