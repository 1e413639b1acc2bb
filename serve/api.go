package serve

import (
	_ "embed"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"

	"clipgo/search"
	"clipgo/web"
)

//go:embed openapi.json
var openAPI []byte

// Handler answers all requests.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, h := range map[string]handler{
		"GET /api/search":             s.search,
		"POST /api/search":            s.search,
		"POST /api/pictures":          s.upload,
		"GET /api/rows":               s.rows,
		"GET /api/indexes":            s.indexes,
		"GET /api/folders":            s.folders,
		"POST /api/selections":        s.keepSelection,
		"GET /api/zip":                s.zip,
		"GET /api/facets":             s.facets,
		"GET /api/reviews":            s.reviews,
		"GET /api/review":             s.reviewGroups,
		"POST /api/review":            s.decide,
		"GET /review":                 s.reviewPage,
		"POST /api/duplicates":        s.findDuplicates,
		"GET /api/duplicates":         s.duplicatesState,
		"GET /api/duplicates/groups":  s.duplicateGroups,
		"POST /api/duplicates/groups": s.decideDuplicates,
		"GET /api/duplicates/list":    s.duplicateList,
		"GET /api/health":             s.health,
		"POST /api/login":             s.login,
		"GET /api/openapi.json":       static("application/json", openAPI),
		"GET /thumb":                  s.thumb,
		"GET /picture":                s.picture,
		"GET /metrics":                s.metrics,
		"GET /metrics/{$}":            s.metrics,
		"GET /metrics-summary":        s.metricsSummary,
		"GET /indices-list":           s.indicesList,
		"POST /knn-service":           s.knnService,
		"POST /metadata":              s.metadata,
		"GET /{$}":                    s.page,
		"GET /web/":                   s.asset,
		"/": func(http.ResponseWriter, *http.Request) error {
			return &statusError{404, "there is nothing at this path"}
		},
	} {
		_, name, _ := strings.Cut(pattern, " ")
		mux.Handle(pattern, s.route(name, h))
	}
	return s.guard(mux)
}

func static(kind string, content []byte) handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", kind)
		_, err := w.Write(content)
		return ignoreClient(err)
	}
}

func (s *Server) page(w http.ResponseWriter, r *http.Request) error {
	return s.file(w, r, "index.html")
}

func (s *Server) reviewPage(w http.ResponseWriter, r *http.Request) error {
	return s.file(w, r, "review.html")
}

func (s *Server) asset(w http.ResponseWriter, r *http.Request) error {
	return s.file(w, r, strings.TrimPrefix(r.URL.Path, "/web/"))
}

func (s *Server) file(w http.ResponseWriter, r *http.Request, name string) error {
	if st, err := fs.Stat(web.Files, name); err != nil || st.IsDir() {
		return &statusError{404, "there is nothing at this path"}
	}
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, web.Files, name)
	return nil
}

// collection finds an index by its name; without one it is the first.
func (s *Server) collection(name string) (*collection, error) {
	if name == "" {
		return s.collections[0], nil
	}
	var names []string
	for _, c := range s.collections {
		if c.name == name {
			return c, nil
		}
		names = append(names, c.name)
	}
	return nil, &statusError{404, "there is no such index; there are " + strings.Join(names, ", ")}
}

// open finds an index by its name and acquires a state of it. The caller releases the state.
func (s *Server) open(name, id string) (*collection, *snapshot, error) {
	c, err := s.collection(name)
	if err != nil {
		return nil, nil, err
	}
	snap, err := c.acquire(id)
	return c, snap, err
}

// openCatalog is open for the newest state and its catalog.
func (s *Server) openCatalog(name string) (*collection, *snapshot, *search.Catalog, error) {
	c, snap, err := s.open(name, "")
	if err != nil {
		return nil, nil, nil, err
	}
	cat, err := snap.catalog()
	if err != nil {
		c.release(snap)
		return nil, nil, nil, err
	}
	return c, snap, cat, nil
}

// row finds the row that a request is about. The caller releases the snapshot.
func (s *Server) row(r *http.Request) (c *collection, snap *snapshot, row int, d search.Detail, err error) {
	q := r.URL.Query()
	if c, snap, err = s.open(q.Get("index"), q.Get("snapshot")); err != nil {
		return c, nil, 0, d, err
	}
	key := q.Get("key")
	if key == "" {
		key = q.Get("row")
	}
	if row, err = snap.rowOf(key); err == nil {
		var list []search.Detail
		if list, err = snap.details([]int{row}); err == nil {
			return c, snap, row, list[0], nil
		}
	}
	c.release(snap)
	return c, nil, 0, d, err
}

// rows answers GET /api/rows?key=...: what the index knows of rows.
func (s *Server) rows(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	c, snap, err := s.open(q.Get("index"), q.Get("snapshot"))
	if err != nil {
		return err
	}
	defer c.release(snap)
	if len(q["key"]) > maxHits {
		return badRequest("key: there are too many")
	}
	near := make([]search.Neighbor, 0, len(q["key"]))
	for _, key := range q["key"] {
		if err := r.Context().Err(); err != nil {
			return err
		}
		row, err := snap.rowOf(key)
		if err != nil {
			return err
		}
		near = append(near, search.Neighbor{Row: row})
	}
	hits, err := s.hits(snap, near, nil, nil)
	if err != nil {
		return err
	}
	return writeJSON(w, map[string]any{"index": c.name, "snapshot": snap.id, "rows": hits})
}

// upload answers POST /api/pictures: the names under which searches may use the pictures, which are in the body or at an address.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	var files [][]byte
	var err error
	address := q.Get("url")
	if address == "" {
		if files, err = receive(r, q); err != nil {
			return err
		}
	}
	c, err := s.collection(q.Get("index"))
	if err != nil {
		return err
	}
	keep := func(files ...[]byte) ([]string, error) { return s.keepPictures(r.Context(), c, files) }
	var ids []string
	if address != "" {
		ids, err = fetched(r.Context(), s, address, func(file []byte) ([]string, error) { return keep(file) })
	} else {
		ids, err = keep(files...)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, map[string][]string{"pictures": ids})
}

// aboutIndex is an index as clients see it.
type aboutIndex struct {
	Name     string `json:"name"`
	Snapshot string `json:"snapshot"`
	Pictures int    `json:"pictures"`
	Captions bool   `json:"captions"` // they can be searched
	Model    string `json:"model,omitempty"`
	Dim      int    `json:"dim"`
	Exact    bool   `json:"exact"`
	Compared bool   `json:"duplicates"` // they can be found here
	Problem  string `json:"problem,omitempty"`
}

func (s *Server) about(c *collection) (a aboutIndex, err error) {
	snap, err := c.acquire("")
	if err != nil {
		return a, err
	}
	defer c.release(snap)
	model := snap.info.Model
	if filepath.IsAbs(model) && !s.options.ShowPaths {
		model = filepath.Base(model)
	}
	a = aboutIndex{Name: c.name, Snapshot: snap.id, Pictures: snap.info.Live, Captions: snap.Has(search.Texts), Model: model,
		Dim: snap.info.Dim, Exact: true, Compared: snap.comparable()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.problem != "" {
		a.Problem = "the last commit can't be opened; the log says why"
	}
	return a, nil
}

// indexes answers GET /api/indexes.
func (s *Server) indexes(w http.ResponseWriter, _ *http.Request) error {
	out := []aboutIndex{}
	for _, c := range s.collections {
		a, err := s.about(c)
		if err != nil {
			return err
		}
		out = append(out, a)
	}
	return writeJSON(w, map[string]any{"indexes": out, "version": s.options.Version, "paths": s.options.ShowPaths,
		"fetches": s.fetcher != nil})
}

// folders answers GET /api/folders: the folders of an index and the pictures in and below each.
func (s *Server) folders(w http.ResponseWriter, r *http.Request) error {
	const most = 2000
	c, snap, cat, err := s.openCatalog(r.URL.Query().Get("index"))
	if err != nil {
		return err
	}
	defer c.release(snap)
	type folder struct {
		Name string `json:"name"`
		Rows int    `json:"rows"`
	}
	out, at := []folder{}, map[string]int{}
	for _, f := range cat.Folders(most) {
		name := snap.short(f.Path + "/.")
		if len(name) <= 2 {
			continue
		}
		name = shown(strings.TrimSuffix(name, "/."))
		if i, ok := at[name]; ok { // below another root
			out[i].Rows += f.Rows
			continue
		}
		at[name] = len(out)
		out = append(out, folder{name, f.Rows})
	}
	return writeJSON(w, map[string]any{"folders": out})
}

// health answers GET /api/health, without a token: what a supervisor asks. It names no index.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) error {
	state := "ok"
	for _, c := range s.collections {
		a, err := s.about(c)
		if err != nil {
			return err
		}
		if a.Problem != "" {
			state = "degraded"
		}
	}
	return writeJSON(w, map[string]any{"status": state, "indexes": len(s.collections), "exact": true})
}
