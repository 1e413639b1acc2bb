package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
)

// diskCache keeps blocks in a directory that several processes share:
//
//	blocks/KK/KEY-INDEX   a block of the object with the key, which is a hash of name, version and size
//	blocks.lock           held by the process that removes the blocks that were used least recently
//
// A block is a header and its bytes. The header has a checksum for each chunk, so that a small read verifies what it reads and no more.
type diskCache struct {
	far   *far
	dir   string
	limit int64 // bytes; 0: none

	written  atomic.Int64 // bytes by this process since the directory was last measured
	off      atomic.Bool  // the disk is full or read-only
	trimming sync.Mutex
	measured bool // under trimming
}

const (
	chunkSize   = 64 << 10
	chunks      = blockSize / chunkSize
	cacheHeader = 8 + 4 + 4*chunks // magic, size of the block, checksum of each chunk
	cacheMagic  = "clipgoB1"
	touchAfter  = time.Minute // age of a file's time that is renewed when the file is used
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func newDiskCache(f *far, dir string, limit int64) *diskCache {
	return &diskCache{far: f, dir: filepath.Join(dir, "blocks"), limit: limit}
}

func (c *diskCache) path(key string, index int64) string {
	return filepath.Join(c.dir, key[:2], fmt.Sprintf("%s-%d", key, index))
}

// readParts reads into p, which begins at an offset of the object, what the blocks have of it. It returns the blocks that aren't there.
// Without p it reads nothing.
func (c *diskCache) readParts(o Object, indices []int64, p []byte, at int64) (missing []int64) {
	key := o.Key()
	for _, i := range indices {
		if p == nil {
			if _, err := os.Stat(c.path(key, i)); err != nil {
				missing = append(missing, i)
			}
			continue
		}
		dst, skip := part(p, at, i)
		if !c.read(c.path(key, i), min(blockSize, o.Size-i*blockSize), dst, skip) {
			missing = append(missing, i)
		}
	}
	return missing
}

// read reads a part of a block and reports whether it is there. A damaged block is removed.
func (c *diskCache) read(path string, size int64, dst []byte, skip int64) bool {
	file, err := os.Open(path) // a regular file that this package has written
	if err != nil {
		return false
	}
	defer file.Close()
	if err := readVerified(file, size, dst, skip); err != nil {
		c.far.damaged.Add(1)
		c.far.warn("a block of the cache is damaged; it is read again from where it came", "file", path, "error", err)
		_ = os.Remove(path) // another process may have done so
		return false
	}
	c.far.hits.Add(1)
	if st, err := file.Stat(); err == nil && time.Since(st.ModTime()) > touchAfter {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // a block that can't be touched is removed earlier
	}
	return true
}

func readVerified(file *os.File, size int64, dst []byte, skip int64) error {
	var header [cacheHeader]byte
	if _, err := file.ReadAt(header[:], 0); err != nil {
		return err
	}
	if string(header[:8]) != cacheMagic || int64(binary.LittleEndian.Uint32(header[8:])) != size {
		return errors.New("its header is wrong")
	}
	first, end := skip/chunkSize, (skip+int64(len(dst))-1)/chunkSize+1
	data := make([]byte, min(end*chunkSize, size)-first*chunkSize)
	if _, err := file.ReadAt(data, cacheHeader+first*chunkSize); err != nil {
		return err
	}
	for i := first; i < end; i++ {
		chunk := data[(i-first)*chunkSize : min((i-first+1)*chunkSize, int64(len(data)))]
		if crc32.Checksum(chunk, castagnoli) != binary.LittleEndian.Uint32(header[12+4*i:]) {
			return fmt.Errorf("its bytes from %d on are not those that were written", i*chunkSize)
		}
	}
	copy(dst, data[skip-first*chunkSize:])
	return nil
}

// put writes a block. A directory that can't be written ends the caching, not the reading.
func (c *diskCache) put(o Object, index int64, data []byte) {
	if c.off.Load() {
		return
	}
	path := c.path(o.Key(), index)
	if err := c.write(path, data); err != nil {
		if !c.off.Swap(true) {
			c.far.warn("the cache can't be written; reading goes on without it", "error", err)
		}
		return
	}
	if n := c.written.Add(int64(len(data)) + cacheHeader); c.limit > 0 {
		c.trim(n)
	}
}

// write makes the file under another name first, so that nobody sees a part of it. It isn't synced: a block that a power cut has damaged is
// noticed.
func (c *diskCache) write(path string, data []byte) error {
	header := make([]byte, 12, cacheHeader)
	copy(header, cacheMagic)
	binary.LittleEndian.PutUint32(header[8:], uint32(len(data)))
	for chunk := range slices.Chunk(data, chunkSize) {
		header = binary.LittleEndian.AppendUint32(header, crc32.Checksum(chunk, castagnoli))
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), partial+"*")
	if err != nil {
		return err
	}
	_, err = file.Write(append(header[:cacheHeader:cacheHeader], data...))
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// partial begins the names of files that are not complete.
const partial = ".partial-"

// trim removes blocks if this process has written enough since it last measured the directory. One process at a time does this.
func (c *diskCache) trim(written int64) {
	if !c.trimming.TryLock() {
		return
	}
	defer c.trimming.Unlock()
	if c.measured && written < c.limit/16 {
		return
	}
	lock := flock.New(c.dir + ".lock")
	held, err := lock.TryLock()
	if err != nil || !held {
		return
	}
	defer lock.Close()
	c.measured = true
	c.written.Store(0)
	if err := c.evict(); err != nil {
		c.far.warn("the cache can't be measured", "error", err)
	}
}

type cachedFile struct {
	path string
	size int64
	used time.Time
}

// evict removes the blocks that were used least recently until there is room, and what killed processes have left.
func (c *diskCache) evict() error {
	var files []cachedFile
	total := int64(0)
	err := filepath.WalkDir(c.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return ignoreMissing(err)
		}
		st, err := e.Info()
		if err != nil {
			return ignoreMissing(err)
		}
		if strings.HasPrefix(e.Name(), partial) && time.Since(st.ModTime()) > time.Hour {
			return ignoreMissing(os.Remove(path))
		}
		total += st.Size()
		files = append(files, cachedFile{path, st.Size(), st.ModTime()})
		return nil
	})
	if err != nil || total <= c.limit-c.limit/16 {
		return err
	}
	slices.SortFunc(files, func(a, b cachedFile) int { return a.used.Compare(b.used) })
	for _, f := range files {
		if total <= c.limit-c.limit/8 {
			break
		}
		if err := ignoreMissing(os.Remove(f.path)); err != nil {
			return err
		}
		total -= f.size
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
