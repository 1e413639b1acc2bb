package pack

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"clipgo/datasets"
	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
	"clipgo/internal/jpeg"
)

// The files of a folder of shards, in addition to the shards.
const (
	RecordFile  = "pack.json"     // what was packed and how; written last
	SkippedFile = "skipped.jsonl" // a line for each sample that can't be used
	SizesFile   = "sizes.json"    // samples of each shard, which open_clip reads
)

// Names of the files of a pack that is not finished.
const (
	stateFolder  = ".pack"         // a file for each finished shard
	identityFile = "identity.json" // in stateFolder
	lockFile     = ".pack.lock"
)

// layoutVersion changes when the same source and settings give other bytes.
const layoutVersion = 1

// identity is what the bytes of the shards depend on.
type identity struct {
	Version int     `json:"version"`
	Data    string  `json:"data"` // the source's fingerprint
	Options Options `json:"settings"`
	Decoder string  `json:"decoder,omitempty"` // of JPEG, if pictures are encoded anew
}

func newIdentity(s datasets.Source, o Options) identity {
	id := identity{Version: layoutVersion, Data: s.Info().Fingerprint, Options: o}
	if o.Side > 0 || o.ImageFormat != Keep {
		id.Decoder = jpeg.Library()
	}
	id.Options.bytes, id.Options.Workers, id.Options.MaxSkip = 0, 0, 0
	return id
}

// differs says what another pack in the folder has that this one hasn't; empty if they are the same.
func (id identity) differs(there identity) string {
	switch {
	case id.Version != there.Version:
		return "it was made by another version of clipgo"
	case id.Data != there.Data:
		return "it is of other data, or the data has changed"
	}
	a, b := reflect.ValueOf(id.Options), reflect.ValueOf(there.Options)
	for i := range a.NumField() {
		field := a.Type().Field(i)
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); field.IsExported() && name != "-" && !a.Field(i).Equal(b.Field(i)) {
			return fmt.Sprintf("its %s is %v, not %v", name, b.Field(i), a.Field(i))
		}
	}
	if id.Decoder != there.Decoder {
		return fmt.Sprintf("its pictures were decoded by %s, this build has %s", there.Decoder, id.Decoder)
	}
	return ""
}

// shard is the record of a finished shard. It holds all that is known of the samples from First up to Next.
type shard struct {
	Name        string          `json:"name"`
	First       int             `json:"first"`
	Next        int             `json:"next"`
	Samples     int             `json:"samples"`
	Captions    int             `json:"captions"`
	Uncaptioned int             `json:"uncaptioned,omitempty"`
	Flattened   int             `json:"flattened,omitempty"` // transparent pictures whose alpha was dropped
	Bytes       int64           `json:"bytes"`
	SHA256      string          `json:"sha256"`
	Formats     map[string]int  `json:"formats,omitempty"` // pictures by extension
	Skipped     []datasets.Skip `json:"skipped,omitempty"`
	Reasons     map[string]int  `json:"reasons,omitempty"` // number of those skipped, by reason
}

// folder is a locked folder of shards.
type folder struct {
	dir  string // of the shards
	id   identity
	lock *durable.Lock
}

// openFolder makes the folder, locks it, and checks that this pack may write there: it is empty, or holds the same pack.
func openFolder(dir string, id identity) (_ *folder, err error) {
	if err := durable.MkdirAll(dir); err != nil {
		return nil, fmt.Errorf("make %s: %w", dir, bare(err))
	}
	lock, err := durable.AcquireDir(dir, lockFile)
	if err != nil {
		return nil, err
	}
	f := &folder{dir, id, lock}
	if err := f.check(); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// bare is an error without its path.
func bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

func (f *folder) close() error { return f.lock.Discard() }

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

func (f *folder) state(name string) string { return filepath.Join(f.dir, stateFolder, name) }

func (f *folder) check() error {
	for _, path := range []string{f.state(identityFile), f.path(RecordFile)} {
		var there record
		err := readJSON(path, &there)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fault.Usagef("%s: %v; give another folder", path, err)
		}
		if why := f.id.differs(there.identity); why != "" {
			return fault.Usagef("%s holds another pack: %s; give another folder", f.dir, why)
		}
		return f.sweep()
	}
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.dir, bare(err))
	}
	for _, e := range entries {
		if name := e.Name(); name != lockFile && name != stateFolder {
			return fault.Usagef("%s is not empty, and no pack was begun in it: it holds %q; give another folder", f.dir, fault.Short(name))
		}
	}
	if err := durable.MkdirAll(f.state("")); err != nil {
		return err
	}
	return durable.WriteJSON(f.state(identityFile), f.id)
}

// sweep removes what a killed pack left.
func (f *folder) sweep() error {
	if err := durable.Sweep(f.dir); err != nil {
		return err
	}
	if _, err := os.Stat(f.state("")); err != nil {
		return nil
	}
	return durable.Sweep(f.state(""))
}

// finished lists the records of the shards up to the first that is missing or not as its record says.
func (f *folder) finished() (out []shard, err error) {
	for {
		name := shardName(len(out), f.id.Options)
		var s shard
		err := readJSON(f.state(name+".json"), &s)
		if errors.Is(err, fs.ErrNotExist) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.state(name+".json"), err)
		}
		if st, err := os.Lstat(f.path(name)); err != nil || !st.Mode().IsRegular() || st.Size() != s.Bytes {
			return out, nil
		}
		out = append(out, s)
	}
}

// shardName is the name of shard i. CLIP_benchmark's numbers have no leading zeros.
func shardName(i int, o Options) string {
	if o.Split != "" {
		return fmt.Sprintf("%d.%s", i, o.Format)
	}
	return fmt.Sprintf("%05d.%s", i, o.Format)
}

// recordKind is a file that this package wrote.
var recordKind = bounded.Kind{Name: "a record of a pack", Limit: 4 << 30, Fault: fault.Data}

func readJSON(path string, v any) error {
	data, err := bounded.ReadFile(path, recordKind)
	if err != nil {
		return err
	}
	return fault.JSON(json.Unmarshal(data, v))
}
