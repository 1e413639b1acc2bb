package serve

import (
	"archive/zip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"
	"unicode"

	"clipgo/search"
	"clipgo/vision/preprocess"
)

// zips is the number of archives that are written at the same time. Each holds one picture.
const zips = 4

// maxSelected is the number of pictures of a selection.
const maxSelected = 10_000

// missingName is the member of an archive that says which pictures are not in it.
const missingName = "MISSING.txt"

// selection is what a client chose.
type selection struct {
	index string
	keys  []string
}

// keepSelection answers POST /api/selections: a name under which /api/zip has the pictures, for as long as the server remembers it.
func (s *Server) keepSelection(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Index string   `json:"index"`
		Keys  []string `json:"keys"`
	}
	if err := readJSON(r, 1<<20, &in); err != nil {
		return err
	}
	if _, err := s.collection(in.Index); err != nil {
		return err
	}
	if len(in.Keys) == 0 || len(in.Keys) > maxSelected {
		return badRequest(fmt.Sprintf("keys: a selection has 1 to %d of them", maxSelected))
	}
	var bits [16]byte
	_, _ = rand.Read(bits[:]) // never fails
	id, bytes := hex.EncodeToString(bits[:]), 0
	var keys []string // each once: an archive can't be made larger than the pictures are
	chosen := map[string]bool{}
	for _, key := range in.Keys {
		if !chosen[key] {
			chosen[key], keys = true, append(keys, key)
			bytes += 16 + len(key)
		}
	}
	s.selections.put(id, selection{in.Index, keys}, bytes)
	return writeJSON(w, map[string]string{"selection": id})
}

// zip answers GET /api/zip: the files of a selection, as they are. A picture that can't be sent is named in MISSING.txt.
func (s *Server) zip(w http.ResponseWriter, r *http.Request) error {
	chosen, ok := s.selections.get(r.URL.Query().Get("selection"))
	if !ok {
		return &statusError{404, "the server doesn't have this selection any more; export it again"}
	}
	c, snap, err := s.open(chosen.index, "")
	if err != nil {
		return err
	}
	defer c.release(snap)
	select {
	case s.zips <- struct{}{}:
		defer func() { <-s.zips }()
	default:
		return errBusy
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", `attachment; filename="pictures.zip"`)
	a := archive{server: s, snap: snap, out: zip.NewWriter(w), names: map[string]bool{strings.ToLower(missingName): true}}
	connection := http.NewResponseController(w)
	for _, key := range chosen.keys {
		_ = connection.SetWriteDeadline(time.Now().Add(writeTime)) // for each picture: an archive takes as long as it takes
		if err := a.add(r.Context(), key); err != nil {
			panic(http.ErrAbortHandler) // the answer has begun: the client sees that it is cut short
		}
	}
	if a.finish() != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

// archive is a zip file that is written.
type archive struct {
	server  *Server
	snap    *snapshot
	out     *zip.Writer
	names   map[string]bool
	missing []string
}

// add writes a picture. An error is one of the connection.
func (a *archive) add(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, d, file, err := a.picture(ctx, key)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		_, why := status(err)
		if why == "" {
			why = "it can't be read"
		}
		a.missing = append(a.missing, fmt.Sprintf("%s: %s\n", name, why))
		return nil
	}
	h := &zip.FileHeader{Name: a.free(name), Method: zip.Store} // pictures are compressed
	if h.Modified = time.Now(); d.MTime > 0 {                   // a picture of a built-in set has no time
		h.Modified = time.Unix(0, d.MTime)
	}
	w, err := a.out.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = w.Write(file)
	return err
}

func (a *archive) picture(ctx context.Context, key string) (name string, d search.Detail, file []byte, err error) {
	name = fmt.Sprintf("%.80q", key)
	row, err := a.snap.rowOf(key)
	if err != nil {
		return name, d, nil, err
	}
	list, err := a.snap.details([]int{row})
	if err != nil {
		return name, d, nil, err
	}
	d, name = list[0], printable(shown(a.snap.short(list[0].Path)))
	if file, _, err = a.server.original(ctx, a.snap, d); err != nil {
		return name, d, nil, err
	}
	h, err := preprocess.ReadHeader(file, preprocess.WideLimits())
	if err != nil {
		return name, d, nil, &statusError{http.StatusForbidden, "the file is no picture"}
	}
	return withExtension(name, h.Format), d, file, nil
}

var endsInExtension = regexp.MustCompile(`\.[0-9A-Za-z]{1,5}$`)

// withExtension is a name by which other programs know a picture. Those of built-in sets and of archives may have none.
func withExtension(name, format string) string {
	if endsInExtension.MatchString(name) {
		return name
	}
	return name + "." + format
}

// free is a name that no member has. It leads nowhere else when the archive is unpacked, whatever the index says.
func (a *archive) free(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+printable(name)), "/")
	if !filepath.IsLocal(name) {
		name = "picture"
	}
	extension := path.Ext(name)
	stem := strings.TrimSuffix(name, extension)
	for n := 2; a.names[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s (%d)%s", stem, n, extension)
	}
	a.names[strings.ToLower(name)] = true
	return name
}

// printable is a name that terminals show as it is, and that Windows can unpack.
func printable(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || strings.ContainsRune(`\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
}

func (a *archive) finish() error {
	if len(a.missing) > 0 {
		w, err := a.out.CreateHeader(&zip.FileHeader{Name: missingName, Method: zip.Deflate, Modified: time.Now()})
		if err == nil {
			_, err = io.WriteString(w, strings.Join(a.missing, ""))
		}
		if err != nil {
			return err
		}
	}
	return a.out.Close()
}
