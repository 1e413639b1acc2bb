package serve

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"io"

	"clipgo/internal/durable"
	"clipgo/search"
	"clipgo/vision/preprocess"
)

// The sizes of thumbnails: shorter sides in pixels. Few, so that a client can't fill the cache with copies of one picture.
var thumbSizes = []int{128, 256, 512, 1024, 2048}

const (
	thumbQuality = 82
	thumbPixels  = 50_000_000 // of a picture that is decoded for one
)

// thumbs turns pictures into small JPEGs and keeps them in a folder, by the content of the picture.
type thumbs struct {
	dir     string
	limit   int64
	decodes chan struct{}

	mu    sync.Mutex
	bytes int64 // in the folder; -1: not counted yet
}

func newThumbs(dir string, limit int64) *thumbs {
	return &thumbs{dir: dir, limit: limit, decodes: make(chan struct{}, runtime.GOMAXPROCS(0)), bytes: -1}
}

// thumb answers GET /thumb: a small copy of a row's picture, the right way up.
func (s *Server) thumb(w http.ResponseWriter, r *http.Request) error {
	c, snap, row, d, err := s.row(r)
	if err != nil {
		return err
	}
	defer c.release(snap)
	p := params{q: r.URL.Query()}
	want := p.number("h", 256, 1<<16)
	if p.err != nil {
		return p.err
	}
	at, _ := slices.BinarySearch(thumbSizes, want)
	side := thumbSizes[min(at, len(thumbSizes)-1)]
	etag := fmt.Sprintf("%q", fmt.Sprintf("%s-%d", keyOf(row, d), side))
	w.Header().Set("Cache-Control", "private, max-age=3600")
	if d.Hash != "" {
		w.Header().Set("ETag", etag)
		if r.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	small, err := s.thumbs.of(r.Context(), s, snap, d, side)
	if err != nil {
		w.Header().Del("ETag")
		w.Header().Set("Cache-Control", "no-store")
		return err
	}
	w.Header().Set("Content-Type", "image/jpeg")
	_, err = w.Write(small)
	return ignoreClient(err)
}

// ignoreClient drops the error of an answer that the client didn't read.
func ignoreClient(error) error { return nil }

// of returns the thumbnail of a row, from the folder if it is there and the picture's file has not changed.
func (t *thumbs) of(ctx context.Context, s *Server, snap *snapshot, d search.Detail, side int) ([]byte, error) {
	if small, ok := t.load(d.Hash, side); ok && snap.unchanged(d) {
		return small, nil
	}
	if err := take(ctx, t.decodes); err != nil {
		return nil, err
	}
	defer func() { <-t.decodes }()
	file, changed, err := s.original(ctx, snap, d)
	if err != nil {
		return nil, err
	}
	hash := d.Hash
	if hash == "" || changed {
		sum := sha256.Sum256(file)
		hash = hex.EncodeToString(sum[:])
		if small, ok := t.load(hash, side); ok {
			return small, nil
		}
	}
	small, err := shrink(file, side)
	if err != nil {
		return nil, &statusError{http.StatusUnprocessableEntity, "the picture can't be decoded"}
	}
	t.store(hash, side, small)
	return small, nil
}

// unchanged tells whether a row's file is still the one that the index knows. A picture that is no file stays what it is.
func (s *snapshot) unchanged(d search.Detail) bool {
	if !filepath.IsAbs(d.Path) {
		return true
	}
	r, err := s.roots()
	if err != nil {
		return false
	}
	f, st, err := r.open(d.Path)
	if err != nil {
		return false
	}
	f.Close()
	return st.Size() == d.Size && sameTime(st.ModTime(), d)
}

// sameTime compares microseconds: databases keep no more.
func sameTime(t time.Time, d search.Detail) bool {
	return t.UnixMicro() == time.Unix(0, d.MTime).UnixMicro()
}

// shrink makes a JPEG whose shorter side is at most side pixels.
func shrink(file []byte, side int) (small []byte, err error) {
	how := preprocess.Default()
	how.Orientation, how.Draft, how.Background = preprocess.OrientationApply, true, "white"
	limits := preprocess.DefaultLimits()
	limits.Pixels = thumbPixels
	r := preprocess.Reader{Config: how, Limits: limits}
	err = r.Whole(file, side, func(p preprocess.Whole) (err error) {
		small, err = p.JPEG(thumbQuality)
		return err
	})
	return small, err
}

func (t *thumbs) name(hash string, side int) string {
	return filepath.Join(t.dir, hash[:2], fmt.Sprintf("%s-%d.jpg", hash, side))
}

// usable tells whether a hash can be part of a file's name: an index that somebody made may hold anything.
func (t *thumbs) usable(hash string) bool {
	return t.dir != "" && len(hash) == 2*sha256.Size && strings.Trim(hash, "0123456789abcdef") == ""
}

func (t *thumbs) load(hash string, side int) ([]byte, bool) {
	if !t.usable(hash) {
		return nil, false
	}
	small, err := os.ReadFile(t.name(hash, side))
	return small, err == nil && len(small) > 0
}

// store keeps a thumbnail. A folder that can't be written to costs time, and no answer.
func (t *thumbs) store(hash string, side int, small []byte) {
	if !t.usable(hash) {
		return
	}
	name := t.name(hash, side)
	if os.MkdirAll(filepath.Dir(name), 0o700) != nil {
		return
	}
	err := durable.WriteFile(name, 0o600, func(w io.Writer) error {
		_, err := w.Write(small)
		return err
	})
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.bytes < 0 {
		t.bytes = t.sweep()
	} else {
		t.bytes += int64(len(small))
	}
	if t.bytes > t.limit {
		t.bytes = t.sweep()
	}
}

// sweep removes the oldest thumbnails beyond nine tenths of the limit, and returns the bytes that are left.
func (t *thumbs) sweep() (total int64) {
	type file struct {
		name  string
		bytes int64
		time  time.Time
	}
	var all []file
	_ = filepath.WalkDir(t.dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || filepath.Ext(name) != ".jpg" {
			return nil // what can't be read isn't counted
		}
		if st, err := e.Info(); err == nil {
			all, total = append(all, file{name, st.Size(), st.ModTime()}), total+st.Size()
		}
		return nil
	})
	if total <= t.limit {
		return total
	}
	slices.SortFunc(all, func(a, b file) int { return a.time.Compare(b.time) })
	for _, f := range all {
		if total <= t.limit/10*9 {
			break
		}
		if os.Remove(f.name) == nil {
			total -= f.bytes
		}
	}
	return total
}

// picture answers GET /picture: a row's file as it is, if it begins as a picture does.
func (s *Server) picture(w http.ResponseWriter, r *http.Request) error {
	c, snap, _, d, err := s.row(r)
	if err != nil {
		return err
	}
	defer c.release(snap)
	file, _, err := s.original(r.Context(), snap, d)
	if err != nil {
		return err
	}
	if _, err := preprocess.ReadHeader(file, preprocess.WideLimits()); err != nil {
		return errors.Join(&statusError{http.StatusForbidden, "the file is no picture"}, err)
	}
	kind := http.DetectContentType(file)
	if !strings.HasPrefix(kind, "image/") || strings.Contains(kind, "svg") {
		kind = "application/octet-stream"
	}
	shown := "inline"
	if r.URL.Query().Has("download") || kind == "application/octet-stream" {
		shown = "attachment"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'")
	w.Header().Set("Content-Disposition", mime.FormatMediaType(shown, map[string]string{"filename": filepath.Base(d.Path)}))
	w.Header().Set("Cache-Control", "private, no-cache")
	_, err = w.Write(file)
	return ignoreClient(err)
}
