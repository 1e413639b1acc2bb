// Package serve answers searches over HTTP: a page, a JSON API of its own, and the endpoints of clip-retrieval's back.
//
// The package knows no model and no layout of files. A Source brings an Index, such as a *search.Folder, and the Model whose features it
// holds. One goroutine owns each model: the texts and pictures of requests that come together are embedded together.
//
// Who may ask is decided before any handler runs, by the chain of guard.go. Pictures are asked for by index and row, never by path, and
// are opened below the roots only.
package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"

	"clipgo/internal/fault"
	"clipgo/search"
	"clipgo/search/columns"
)

// Index is what a search runs on. *search.Folder is one.
type Index interface {
	search.Index
	// Version names the state of the index; empty: it never changes.
	Version() string
	Scores(ctx context.Context, vector []float32, t search.Table) (*search.Scores, error)
	Best(s *search.Scores, k int, floor float64, keep search.Set) ([]search.Neighbor, error)
	Count(s *search.Scores, floor float64, keep search.Set) (int, error)
	Details(rows []int) ([]search.Detail, error)
	RowFeatures(row int) (image, text []float32, err error)
	Pairs(ctx context.Context, rows []int, t search.Table, above float64, use func(a, b int)) error
	Catalog(ctx context.Context) (*search.Catalog, error)
	// Columns lists the further columns, and Where the rows that satisfy conditions on them.
	Columns() ([]columns.Column, error)
	Where(ctx context.Context, conditions []columns.Condition) (search.Set, error)
}

// Model makes features of texts and pictures. Prepare is called by many goroutines, the others by one at a time.
type Model interface {
	// EmbedTexts returns a row for each text, [len(texts), dim].
	EmbedTexts(ctx context.Context, texts []string) ([]float32, error)
	// Prepare decodes a picture's file to what EmbedImages takes of it.
	Prepare(file []byte) ([]byte, error)
	// EmbedImages returns a row for each of n prepared pictures, which follow each other.
	EmbedImages(ctx context.Context, prepared []byte, n int) ([]float32, error)
	// Cuts reports whether a text is longer than what the model reads of it.
	Cuts(text string) bool
}

// Source is an index under the name that requests use. Sources may share a model.
type Source struct {
	Name  string
	Index Index
	Model Model
	// Returned are the columns that clip-retrieval's endpoints answer with; nil: those that it has by default.
	Returned []string
	// Decisions is the file of decisions about duplicates, which is made with the first one; empty: they are not kept.
	Decisions string
}

// Options are the settings of a server.
type Options struct {
	Addr      string   // host:port that is listened on
	Token     string   // that requests have to show; empty: none, which New accepts on a loopback address only
	Hosts     []string // names that the server has, in addition to Addr and those of the loopback address
	Origins   []string // of other pages that may ask, such as https://example.org
	Roots     []string // folders whose pictures are shown; none: each index's own, on a loopback address only
	Fetch     string   // FetchNothing, FetchPublic or FetchAny: which addresses of pictures are fetched for clients
	Proxies   []string // addresses, or ranges of them, whose X-Forwarded-For and X-Forwarded-Proto are believed
	ShowPaths bool     // absolute paths are in the answers
	BasePath  string   // that a proxy has in front of every path, such as /pictures
	Queries   bool     // log the queries
	ThumbDir  string   // where thumbnails are kept; empty: nowhere
	ThumbSize int64    // bytes that they may take there
	Reviews   []Review // lists that are decided about in the page; the server closes them
	Version   string
	Log       *slog.Logger // nil: none
	// Picture returns the file of a picture that is no file of its own, such as one of a built-in set; nil: there are none.
	Picture func(ctx context.Context, path string) ([]byte, error)
}

// Server answers requests about some indexes. Its owner calls Close.
type Server struct {
	options     Options
	log         *slog.Logger
	proxies     proxies
	fetcher     *fetcher // nil: nothing is fetched
	collections []*collection
	encoders    map[Model]*encoder
	uploads     *lru[[]float32]
	results     *lru[*view]
	marks       *lru[*marks]
	selections  *lru[selection]
	zips        chan struct{}
	scans       chan struct{}
	thumbs      *thumbs
	stats       *stats
	stopping    atomic.Bool
	stop        context.CancelFunc
	background  context.Context // ends with the server
	jobs        sync.WaitGroup  // that run in it
	comparing   chan struct{}   // one index is compared at a time
}

// New makes a server of some indexes. The server closes them.
func New(sources []Source, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	trusted, err := parseProxies(o.Proxies)
	if err != nil {
		return nil, err
	}
	allowed, ok := allowedBy(o.Fetch)
	if !ok {
		return nil, fault.Setting("fetch", "%q is neither public nor any", o.Fetch)
	}
	o.Hosts, o.Origins = lower(o.Hosts), lower(o.Origins) // as browsers send them
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{options: o, log: o.Log, proxies: trusted, fetcher: newFetcher(allowed), encoders: map[Model]*encoder{},
		uploads: newLRU[[]float32](4 << 20),
		marks:   newLRU[*marks](32 << 20), selections: newLRU[selection](4 << 20), zips: make(chan struct{}, zips),
		results: newLRU[*view](256 << 20), scans: make(chan struct{}, runtime.GOMAXPROCS(0)), stats: newStats(), stop: stop,
		background: ctx, comparing: make(chan struct{}, 1)}
	s.thumbs = newThumbs(o.ThumbDir, o.ThumbSize)
	for i, src := range sources {
		if slices.ContainsFunc(sources[:i], func(other Source) bool { return other.Name == src.Name }) {
			stop()
			return nil, fault.Setting("index", "two indexes are called %q: give one of them another name", src.Name)
		}
		if s.encoders[src.Model] == nil {
			s.encoders[src.Model] = newEncoder(ctx, src.Model, s.stats)
		}
		c, err := newCollection(ctx, src, s.encoders[src.Model], o.Roots)
		if err != nil {
			stop()
			return nil, err
		}
		c.duplicates.file = src.Decisions
		s.collections = append(s.collections, c)
	}
	if len(s.collections) == 0 {
		stop()
		return nil, fault.Setting("index", "there is none")
	}
	if err := s.checkReviews(); err != nil {
		stop()
		return nil, err
	}
	go s.watch(ctx)
	return s, nil
}

func lower(names []string) (out []string) {
	for _, name := range names {
		out = append(out, strings.ToLower(name))
	}
	return out
}

// check refuses settings that can't be meant, or that would open the server to strangers.
func (o *Options) check() error {
	local, err := isLoopback(o.Addr)
	switch {
	case err != nil:
		return fault.Setting("addr", "%q is not HOST:PORT: %v", o.Addr, err)
	case !local && o.Token == "":
		return fault.Setting("token", "it is missing: %s can be reached from other machines", o.Addr)
	case !local && len(o.Roots) == 0:
		return fault.Setting("root", "it is missing: %s can be reached from other machines; name the folders that may be shown", o.Addr)
	case slices.ContainsFunc(o.Origins, func(origin string) bool { return !isOrigin(origin) }):
		return fault.Setting("cors", "an origin is http:// or https:// and a host, as in https://example.org")
	case o.BasePath != "" && (o.BasePath[0] != '/' || o.BasePath != path.Clean(o.BasePath) || o.BasePath == "/"):
		return fault.Setting("base_path", "%q is not a path such as /pictures", o.BasePath)
	case o.Token != "" && len(o.Token) < minToken:
		return fault.Setting("token", "it has %d characters; %d are the least", len(o.Token), minToken)
	}
	return nil
}

// isLoopback tells whether an address is reached from this machine alone.
func isLoopback(addr string) (bool, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false, errors.New("the port is missing, as in 127.0.0.1:8808")
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback(), nil
}

// watch looks for commits to the indexes until ctx is done.
func (s *Server) watch(ctx context.Context) {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			for _, c := range s.collections {
				c.reload(ctx, now, s.log)
			}
		}
	}
}

// The limits of a connection. A client that sends or reads slowly holds a connection, and nothing else.
const (
	headerTime, readTime, writeTime, idleTime = 5 * time.Second, 30 * time.Second, 60 * time.Second, 120 * time.Second
	headerBytes                               = 64 << 10
	connections                               = 1024
	stopTime                                  = 10 * time.Second
)

// Serve answers requests until ctx is done. What runs then has ten seconds to end.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	h := &http.Server{Handler: s.Handler(), ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime,
		IdleTimeout: idleTime, MaxHeaderBytes: headerBytes, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(netutil.LimitListener(l, connections)) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	s.stopping.Store(true)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if err := h.Shutdown(last); err != nil {
		s.log.Warn("requests were cut off: they did not end in time", "seconds", stopTime.Seconds())
		return h.Close()
	}
	return nil
}

// Close ends the work in the background and closes the indexes. Requests must have ended.
func (s *Server) Close() error {
	s.stop()
	for _, e := range s.encoders {
		<-e.done
	}
	s.jobs.Wait()
	var errs []error
	for _, c := range s.collections {
		errs = append(errs, c.duplicates.close(), c.close())
	}
	for _, r := range s.options.Reviews {
		errs = append(errs, r.List.Close())
	}
	return errors.Join(errs...)
}
