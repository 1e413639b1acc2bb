package search

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

// Space is where an index's vectors live: which model made them, from which pixels, and how they are kept.
type Space struct {
	Model       string          `json:"model,omitempty"`   // where the model was found, for a search that names none; not compared
	Fingerprint string          `json:"model_fingerprint"` // of the weights and the tokenizer; whoever embeds defines it
	Preprocess  json.RawMessage `json:"preprocess"`        // what the pictures went through, as JSON
	Dim         int             `json:"dim"`
	DType       DType           `json:"dtype"`
}

const (
	metaName      = "meta.json"
	formatVersion = 1
)

// meta is meta.json: what of the folder is part of the index. A segment file that it doesn't name is not.
type meta struct {
	Format int `json:"format_version"`
	Space
	Next     int       `json:"next_segment"`
	Segments []segment `json:"segments"`
}

// segment is an immutable run of rows; only which of them live changes.
type segment struct {
	Number int             `json:"number"`
	Rows   int             `json:"rows"`
	Dead   []int           `json:"dead,omitempty"` // rows that were replaced or removed, ascending
	Files  map[string]file `json:"files"`          // by path inside the index
}

type file struct {
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// The three files of a segment have the names that clip-retrieval gives them.
func imageFile(n int) string { return fmt.Sprintf("img_emb/img_emb_%d.npy", n) }
func textFile(n int) string  { return fmt.Sprintf("text_emb/text_emb_%d.npy", n) }
func rowsFile(n int) string  { return fmt.Sprintf("metadata/metadata_%d.parquet", n) }

var segmentFile = regexp.MustCompile(`^(?:img_emb_(\d+)\.npy|text_emb_(\d+)\.npy|metadata_(\d+)\.parquet)$`)

// segmentNumber reads N out of a segment file's name; -1 where the name is none.
func segmentNumber(name string) int {
	for _, digits := range segmentFile.FindStringSubmatch(name) {
		if n, err := strconv.Atoi(digits); err == nil {
			return n
		}
	}
	return -1
}

// segmentFiles lists the files of a folder that have a segment's name, by number: clip-retrieval pads the number with
// zeros, and a sort by name would put part 10 before part 2.
func segmentFiles(dir, folder string) (map[int]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, folder))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	out := map[int]string{}
	for _, e := range entries {
		if n := segmentNumber(e.Name()); n >= 0 {
			out[n] = filepath.Join(dir, folder, e.Name())
		}
	}
	return out, nil
}

// readMeta reads and checks meta.json; data is its content.
func readMeta(dir string) (m meta, data []byte, err error) {
	path := filepath.Join(dir, metaName)
	if data, err = bounded.ReadFile(path, bounded.IndexMeta); err != nil {
		return meta{}, nil, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return meta{}, nil, &CorruptError{File: path, Reason: fault.JSON(err).Error()}
	}
	if m.Format != formatVersion {
		return meta{}, nil, &MismatchError{Dir: dir, What: "format version", Have: strconv.Itoa(m.Format),
			Want: strconv.Itoa(formatVersion)}
	}
	if err := m.check(); err != nil {
		return meta{}, nil, &CorruptError{File: path, Reason: err.Error()}
	}
	return m, data, nil
}

func (m meta) check() error {
	if err := m.Space.check(); err != nil {
		return err
	}
	last := -1
	for _, s := range m.Segments {
		switch {
		case s.Number <= last || s.Number >= m.Next:
			return fmt.Errorf("segment %d follows %d, the next is to be %d", s.Number, last, m.Next)
		case s.Rows <= 0:
			return fmt.Errorf("segment %d has %d rows", s.Number, s.Rows)
		case !slices.IsSorted(s.Dead), len(s.Dead) > 0 && (s.Dead[0] < 0 || s.Dead[len(s.Dead)-1] >= s.Rows):
			return fmt.Errorf("segment %d: dead rows are not rows in order", s.Number)
		}
		if _, ok := s.Files[rowsFile(s.Number)]; !ok {
			return fmt.Errorf("segment %d lacks %s", s.Number, rowsFile(s.Number))
		}
		for name := range s.Files {
			if name != imageFile(s.Number) && name != textFile(s.Number) && name != rowsFile(s.Number) {
				return fmt.Errorf("segment %d names %q", s.Number, name)
			}
		}
		last = s.Number
	}
	return nil
}

func (s Space) check() error {
	if s.Dim < 1 {
		return fmt.Errorf("dimension %d", s.Dim)
	}
	if s.DType != Float16 && s.DType != Float32 {
		return fmt.Errorf("entries are %q, not float16 or float32", s.DType)
	}
	return nil
}

func writeMeta(dir string, m meta) error {
	return durable.WriteJSON(filepath.Join(dir, metaName), m)
}

// accepts says why vectors of another space don't belong into this one. An index that clip-retrieval made knows no
// fingerprint: it accepts whatever has its dimension.
func (s Space) accepts(dir string, other Space) error {
	switch {
	case s.Dim != other.Dim:
		return &MismatchError{dir, "dimension", strconv.Itoa(s.Dim), strconv.Itoa(other.Dim)}
	case s.Fingerprint != "" && s.Fingerprint != other.Fingerprint:
		return &MismatchError{dir, "vectors of model", s.Fingerprint, other.Fingerprint}
	case s.Fingerprint != "" && !sameJSON(s.Preprocess, other.Preprocess):
		return &MismatchError{dir, "preprocessing", string(compactJSON(s.Preprocess)), string(compactJSON(other.Preprocess))}
	case other.DType != "" && other.DType != s.DType:
		return &MismatchError{dir, "entries of", string(s.DType), string(other.DType)}
	}
	return nil
}

func sameJSON(a, b json.RawMessage) bool { return bytes.Equal(compactJSON(a), compactJSON(b)) }

func compactJSON(raw json.RawMessage) []byte {
	var b bytes.Buffer
	if len(raw) == 0 || json.Compact(&b, raw) != nil {
		return []byte("null")
	}
	return b.Bytes()
}
