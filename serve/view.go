package serve

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"clipgo/search"
	"clipgo/search/columns"
)

// view is what one search found: the pages and totals that follow it are made of it without another scan.
type view struct {
	scores *search.Scores
	keep   search.Set // nil: every row

	charge func(bytes int) // tells the cache what the view takes

	mu     sync.Mutex
	ranked []search.Neighbor // the best rows so far
	all    bool              // there are no others
	levels *levels
	floor  float64 // of the last count
	total  int     // rows that are not below it; -1: not counted yet
}

// lookup is what a view is made for.
type lookup struct {
	vector  []float32
	table   search.Table
	rows    search.Selection
	where   []columns.Condition
	without []int // rows of the query itself
}

// key names a lookup in a snapshot.
func (l lookup) key(snap *snapshot, name string) string {
	h := sha256.New()
	_ = binary.Write(h, binary.LittleEndian, l.vector) // a hash takes all
	fmt.Fprintf(h, "%s %s %d %+v %+v %v", name, snap.id, l.table, l.rows, l.where, l.without)
	return hex.EncodeToString(h.Sum(nil))
}

// look returns the view of a lookup, from memory if there was one like it.
func (s *Server) look(ctx context.Context, c *collection, snap *snapshot, l lookup) (*view, error) {
	key := l.key(snap, c.name)
	if v, ok := s.results.get(key); ok {
		return v, nil
	}
	plain := lookup{vector: l.vector, table: l.table}
	all, err := s.scan(ctx, snap, plain.key(snap, c.name), plain)
	if err != nil || l.rows.All() && len(l.where)+len(l.without) == 0 {
		return all, err
	}
	keep, err := snap.rowsOf(ctx, l)
	if err != nil {
		return nil, err
	}
	return s.keepView(key, all.scores, keep), nil
}

// keepView makes a view and puts it into the cache.
func (s *Server) keepView(key string, scores *search.Scores, keep search.Set) *view {
	v := &view{scores: scores, keep: keep, total: -1}
	v.charge = func(bytes int) { s.results.put(key, v, bytes) }
	v.charge(v.bytes())
	return v
}

// bytes is the memory that a view takes. Views with other filters share its scores, which each of them may hold alone.
func (v *view) bytes() int {
	const others = 4 << 10
	return v.scores.Bytes() + 8*len(v.keep) + int(unsafe.Sizeof(search.Neighbor{}))*cap(v.ranked) + others
}

// take waits for a place among those that do something at the same time. The caller receives from places when it is done.
func take(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// scan is the view without filters: it compares a query with all rows, unless an earlier one did.
func (s *Server) scan(ctx context.Context, snap *snapshot, key string, l lookup) (*view, error) {
	if v, ok := s.results.get(key); ok {
		return v, nil
	}
	if err := take(ctx, s.scans); err != nil {
		return nil, err
	}
	defer func() { <-s.scans }()
	defer s.stats.since("knn_index_time", time.Now())
	scores, err := snap.Scores(ctx, l.vector, l.table)
	if err != nil {
		return nil, err
	}
	return s.keepView(key, scores, nil), nil
}

// rowsOf are the rows that a lookup may find; nil: all.
func (s *snapshot) rowsOf(ctx context.Context, l lookup) (keep search.Set, err error) {
	if !l.rows.All() {
		cat, err := s.catalog()
		if err != nil {
			return nil, err
		}
		keep = cat.Select(l.rows)
	}
	if len(l.where) > 0 {
		rows, err := s.Where(ctx, l.where)
		if err != nil {
			return nil, err
		}
		keep = keep.And(rows)
	}
	if len(l.without) == 0 {
		return keep, nil
	}
	if keep == nil {
		keep = search.NewSet(s.info.Rows)
		for i := range keep {
			keep[i] = ^uint64(0)
		}
	}
	for _, row := range l.without {
		keep.Remove(row)
	}
	return keep, nil
}

// page is the hits at places from to to, of those that are not below floor.
func (v *view) page(snap *snapshot, from, to int, floor float64) ([]search.Neighbor, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.ranked) < to && !v.all {
		k := max(to, 2*len(v.ranked), 1000)
		best, err := snap.Best(v.scores, k, -maxScore, v.keep)
		if err != nil {
			return nil, err
		}
		v.ranked, v.all = best, len(best) < k
		v.charge(v.bytes())
	}
	end, _ := slices.BinarySearchFunc(v.ranked, floor, func(n search.Neighbor, floor float64) int {
		if n.Score < floor {
			return 1
		}
		return -1
	})
	return v.ranked[min(from, end):min(to, end)], nil
}

// count is the number of hits that are not below floor. The pages of a search ask for the same.
func (v *view) count(snap *snapshot, floor float64) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.total < 0 || v.floor != floor {
		n, err := snap.Count(v.scores, floor, v.keep)
		if err != nil {
			return 0, err
		}
		v.floor, v.total = floor, n
	}
	return v.total, nil
}

// maxScore is more than any score; features of clip-retrieval's clients are not normalized.
const maxScore = 1e30

// cursor is the place of a page in a search: the state of the index, and how many hits come before.
type cursor struct {
	snapshot string
	offset   int
}

func (c cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(c.snapshot + " " + strconv.Itoa(c.offset)))
}

func parseCursor(text string) (c cursor, err error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	id, offset, ok := strings.Cut(string(data), " ")
	if err == nil && ok {
		c.snapshot = id
		c.offset, err = strconv.Atoi(offset)
	}
	if err != nil || !ok || c.offset < 0 || c.offset > maxOffset {
		return c, badRequest("cursor: it is not one that an answer had")
	}
	return c, nil
}

const maxOffset = 1 << 40
