package datasets

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"clipgo/datasets/store"
	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/mapped"
)

// indexKeeper keeps the indices of archives in files, which are mapped. It keeps those of remote archives, those of archives whose headers
// take long to read because they are compressed and large, and all that would need more than indexMemory together. A cache directory of
// the store has all of them. The files are in the store's cache directory, else in the user's.
type indexKeeper struct {
	dir      string // empty: there is none
	all      bool   // keep every index
	settings string // of the samples
	memory   int64  // bytes of indices that stay in memory
	held     atomic.Int64
	wrote    atomic.Bool // a new index
	mu       sync.Mutex
	failed   error // why an index could not be written, the first time
}

const (
	// indexMemory is how many bytes of indices stay in memory, and how large a compressed archive may be whose index isn't kept.
	indexMemory = 64 << 20
	indexSuffix = ".index"
)

// newIndexKeeper keeps indices in the store's cache directory, if it has one.
func newIndexKeeper(cache, settings string) *indexKeeper {
	k := &indexKeeper{dir: cache, all: cache != "", settings: settings, memory: indexMemory}
	if k.dir == "" {
		if user, err := os.UserCacheDir(); err == nil {
			k.dir = filepath.Join(user, "clipgo")
		}
	}
	if k.dir != "" {
		k.dir = filepath.Join(k.dir, "shards")
	}
	return k
}

// path is the file of an archive's index.
func (k *indexKeeper) path(o store.Object) string {
	sum := sha256.Sum256([]byte(indexMagic + "\x00" + o.Name + "\x00" + o.Version + "\x00" + k.settings))
	return filepath.Join(k.dir, hex.EncodeToString(sum[:16])+indexSuffix)
}

// load maps the archive's index if one is kept that is whole.
func (k *indexKeeper) load(f *shardFile) bool {
	if k.dir == "" || f.object.Version == "" {
		return false
	}
	path := k.path(f.object)
	if f.mapIndex(path, k.settings) != nil {
		return false
	}
	touchIndex(path)
	return true
}

// mapIndex maps an index that describes the archive.
func (f *shardFile) mapIndex(path, settings string) error {
	file, err := bounded.Open(path, bounded.Any)
	if err != nil {
		return err
	}
	err = errors.Join(checkIndex(file), file.Close()) // read, not mapped: the check needs each page only once
	if err != nil {
		return err
	}
	data, err := mapped.Open(path)
	if err != nil {
		return err
	}
	x, err := decodeIndex(data)
	if h := x.head; err != nil || h.Name != f.object.Name || h.Version != f.object.Version || h.Settings != settings {
		return errors.Join(errIndex, mapped.Close(data))
	}
	f.mapping, f.shardIndex = data, x
	return nil
}

// keeps reports whether an index belongs in a file.
func (k *indexKeeper) keeps(f *shardFile, size int64) bool {
	switch {
	case k.dir == "":
		return false
	case k.all || store.IsRemote(f.object.Name) || f.head.Sequential && f.object.Size > indexMemory:
		return true
	}
	return k.held.Add(size) > k.memory
}

// keep writes the archive's index and maps it. If it can't be written it stays in memory.
func (k *indexKeeper) keep(f *shardFile, data []byte) {
	if !k.keeps(f, int64(len(data))) {
		return
	}
	path := k.path(f.object)
	if f.object.Version == "" { // nobody can tell later whether it is still right
		path += "." + rand.Text()
	}
	k.wrote.Store(true)
	err := durable.MkdirAll(k.dir)
	if err == nil {
		err = durable.WriteFile(path, 0o600, func(w io.Writer) error {
			_, err := io.Copy(w, bytes.NewReader(data))
			return err
		})
	}
	if err == nil {
		err = f.mapIndex(path, k.settings)
	}
	if err == nil && f.object.Version == "" {
		err = os.Remove(path)
	}
	if err != nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.failed = cmp.Or(k.failed, err)
	}
}
