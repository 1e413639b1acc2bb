package datasets

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Indices that are kept are removed when a new one is written: those that nobody has used for indexAge, and the ones that were used least
// recently while all of them have more than indexTotal bytes. One that was used within indexFresh stays. A process that has one mapped
// keeps it.
const (
	indexAge   = 90 * 24 * time.Hour
	indexTotal = 20 << 30
	indexFresh = 24 * time.Hour
)

// touchIndex renews the time of an index that is used.
func touchIndex(path string) {
	if st, err := os.Stat(path); err == nil && time.Since(st.ModTime()) > indexFresh/2 {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // one that can't be touched is made again some day
	}
}

// keptIndex is a file in the directory of indices.
type keptIndex struct {
	path string
	size int64
	used time.Time
}

// expire removes what has not been used for long. What can't be removed stays.
func (k *indexKeeper) expire(now time.Time, total int64) {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return
	}
	var all []keptIndex
	held := int64(0)
	for _, e := range entries {
		st, err := e.Info()
		if err != nil || !st.Mode().IsRegular() || !strings.Contains(e.Name(), indexSuffix) {
			continue
		}
		all = append(all, keptIndex{filepath.Join(k.dir, e.Name()), st.Size(), st.ModTime()})
		held += st.Size()
	}
	slices.SortFunc(all, func(a, b keptIndex) int { return a.used.Compare(b.used) })
	for _, one := range all {
		idle := now.Sub(one.used)
		if idle <= indexFresh || idle <= indexAge && held <= total {
			break // the others were used later
		}
		if os.Remove(one.path) == nil {
			held -= one.size
		}
	}
}
