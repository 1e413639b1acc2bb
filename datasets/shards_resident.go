package datasets

import (
	"sync"
	"sync/atomic"

	"clipgo/internal/mapped"
)

// residence bounds how much of the mapped indices is in memory. The system takes pages back when it needs memory, but they count as the
// process's until then, and a read of one brings its neighbours along.
type residence struct {
	bounded bool
	reads   atomic.Int64
	mu      sync.Mutex
	touched []atomic.Bool // of each archive: since its pages were released
}

const (
	// residentIndex is how many bytes of mapped indices may be in memory without being released.
	residentIndex = 128 << 20
	// releaseEvery is the number of reads after which pages are released. Each read brings some 100 KB along, since the system maps the
	// pages around the one that is needed.
	releaseEvery = 512
)

// begin starts to count if the indices are large.
func (r *residence) begin(files []shardFile) {
	size := 0
	for i := range files {
		size += len(files[i].mapping)
	}
	if r.bounded = size > residentIndex; !r.bounded {
		return
	}
	r.touched = make([]atomic.Bool, len(files))
	for i := range r.touched {
		r.touched[i].Store(true) // they were checked
	}
	r.release(files)
}

// touch counts a read of an archive's index.
func (r *residence) touch(files []shardFile, part int) {
	if !r.bounded {
		return
	}
	r.touched[part].Store(true)
	if r.reads.Add(1)%releaseEvery == 0 {
		r.release(files)
	}
}

func (r *residence) release(files []shardFile) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range files {
		if r.touched[i].Swap(false) {
			_ = mapped.Release(files[i].mapping) // advice, which may be refused
		}
	}
}
