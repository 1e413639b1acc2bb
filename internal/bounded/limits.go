package bounded

import (
	"math"

	"clipgo/internal/fault"
)

// Kind is a kind of file from outside: what it is called in messages, how large it may be, and what it means for the caller if it is
// larger or no regular file.
type Kind struct {
	Name  string
	Limit int64 // bytes of the whole file
	Line  int64 // bytes of a line, for kinds that are read by lines
	Fault fault.Kind
}

const (
	kilobyte = 1 << 10
	megabyte = 1 << 20
	gigabyte = 1 << 30
)

// Any is a regular file of any size, which is mapped or of which only a part is read.
var Any = Kind{Name: "a file", Limit: math.MaxInt64, Fault: fault.Data}

// The kinds. Each limit is many times what the largest honest file of the kind needs.
var (
	// Settings is a file of settings that the user names: --config, a model's config.
	Settings = Kind{Name: "a config file", Limit: 4 * megabyte, Fault: fault.Usage}
	// List is a file of names or templates that the user names.
	List = Kind{Name: "a list", Limit: 64 * megabyte, Line: megabyte, Fault: fault.Usage}
	// Picture is a picture in a query.
	Picture = Kind{Name: "a picture", Limit: 64 * megabyte, Fault: fault.Usage}
	// ModelConfig is a JSON file in a model's folder.
	ModelConfig = Kind{Name: "a model's config", Limit: 4 * megabyte, Fault: fault.Model}
	// Tokenizer is a file of a tokenizer; the largest known has 33 MB.
	Tokenizer = Kind{Name: "a tokenizer", Limit: 64 * megabyte, Fault: fault.Model}
	// Manifest is the list of files of a checkpoint or a folder.
	Manifest = Kind{Name: "a manifest", Limit: 4 * megabyte, Fault: fault.Model}
	// Record is a run's run.json, a checkpoint's state.json or ppo.json.
	Record = Kind{Name: "a record of a run", Limit: 64 * megabyte, Fault: fault.Model}
	// Log is a file of a run that is read by lines: metrics, evaluations, skipped samples.
	Log = Kind{Name: "a log of a run", Limit: 4 * gigabyte, Line: 4 * megabyte, Fault: fault.Model}
	// IndexMeta is an index's meta.json, which lists the rows that are not live.
	IndexMeta = Kind{Name: "an index's meta.json", Limit: 256 * megabyte, Fault: fault.Model}
	// CacheEntry is a small file of the hub's cache: a revision, a token, the list of a model's shards or modules.
	CacheEntry = Kind{Name: "a file of the hub's cache", Limit: 4 * megabyte, Fault: fault.Model}
	// LockFile holds a process id.
	LockFile = Kind{Name: "a lock file", Limit: 4 * kilobyte, Fault: fault.Failed}
	// Table is a CSV, TSV, JSONL or JSON file of samples.
	Table = Kind{Name: "a table", Limit: 64 * gigabyte, Line: 4 * megabyte, Fault: fault.Data}
)
