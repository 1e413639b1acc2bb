package search

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"clipgo/internal/bounded"
	"clipgo/internal/durable"
	"clipgo/internal/fault"
)

const (
	metaName      = "meta.json"
	formatVersion = 1
)

// meta is meta.json: what of the folder is part of the index. A segment file that it doesn't name is not.
type meta struct {
	Format int `json:"format_version"`
	Space
	Next     int      `json:"next_segment"`
	Segments segments `json:"segments"`
	Sum      string   `json:"sha256,omitempty"` // as digest makes it; indexes of before don't have it
}

// digest is the SHA-256 of all that meta.json says, but for itself. Spaces and line breaks don't count.
func (m meta) digest() (string, error) {
	m.Sum = ""
	data, err := json.Marshal(m)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// segments are in the order of their numbers.
type segments []segment

// UnmarshalJSON reads one segment after the other and ends at the first that can't be one: a list of a million empty ones costs
// no memory.
func (l *segments) UnmarshalJSON(data []byte) error {
	*l = nil
	d := json.NewDecoder(bytes.NewReader(data))
	if open, err := d.Token(); err != nil || open == nil {
		return err
	} else if open != json.Delim('[') {
		return errors.New("segments are not a list")
	}
	*l = segments{}
	for last := -1; d.More(); last = (*l)[len(*l)-1].Number {
		var s segment
		if err := d.Decode(&s); err != nil {
			return err
		}
		if err := s.check(last); err != nil {
			return err
		}
		*l = append(*l, s)
	}
	return nil
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
		if refused := (*bounded.Error)(nil); errors.As(err, &refused) {
			return meta{}, nil, &CorruptError{File: path, Reason: refused.Reason}
		}
		return meta{}, nil, err
	}
	if m, err = parseMeta(data); err != nil {
		return meta{}, nil, &CorruptError{File: path, Reason: err.Error()}
	}
	if m.Format != formatVersion {
		return meta{}, nil, &MismatchError{Dir: dir, What: "format version", Have: strconv.Itoa(m.Format),
			Want: strconv.Itoa(formatVersion)}
	}
	return m, data, nil
}

// parseMeta reads and checks the content of meta.json; of another format it is the version alone.
func parseMeta(data []byte) (m meta, err error) {
	var version struct {
		Format int `json:"format_version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return meta{}, fault.JSON(err)
	}
	if version.Format != formatVersion {
		return meta{Format: version.Format}, nil
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return meta{}, fault.JSON(err)
	}
	return m, m.check()
}

func (m meta) check() error {
	if err := m.Space.check(); err != nil {
		return err
	}
	if n := len(m.Segments); n > 0 && m.Segments[n-1].Number >= m.Next {
		return fmt.Errorf("segment %d is there, but the next is to be %d", m.Segments[n-1].Number, m.Next)
	}
	if sum, err := m.digest(); err != nil || m.Sum != "" && m.Sum != sum {
		return errors.Join(err, errors.New("its own SHA-256 is not the one that it has: something changed it"))
	}
	return nil
}

// check judges a segment that follows the one of the number last.
func (s segment) check(last int) error {
	switch {
	case s.Number <= last:
		return fmt.Errorf("segment %d follows %d", s.Number, last)
	case s.Rows <= 0:
		return fmt.Errorf("segment %d has %d rows", s.Number, s.Rows)
	case len(s.Dead) > 0 && (s.Dead[0] < 0 || s.Dead[len(s.Dead)-1] >= s.Rows):
		return fmt.Errorf("segment %d: dead rows are not rows of it", s.Number)
	}
	for i := range s.Dead {
		if i > 0 && s.Dead[i] <= s.Dead[i-1] {
			return fmt.Errorf("segment %d: dead rows are not in order", s.Number)
		}
	}
	tables := 0
	for name := range s.Files {
		switch name {
		case imageFile(s.Number), textFile(s.Number):
			tables++
		case rowsFile(s.Number):
		default:
			return fmt.Errorf("segment %d names %q", s.Number, name)
		}
	}
	if _, ok := s.Files[rowsFile(s.Number)]; !ok || tables == 0 {
		return fmt.Errorf("segment %d lacks %s or a table of features", s.Number, rowsFile(s.Number))
	}
	return nil
}

// encode is the content of meta.json. What could not be read again is an error.
func (m meta) encode() (_ []byte, err error) {
	if m.Sum, err = m.digest(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := durable.EncodeJSON(&b, m); err != nil {
		return nil, err
	}
	if int64(b.Len()) > bounded.IndexMeta.Limit {
		return nil, fmt.Errorf("%s would have %d bytes, more than %d: too many rows of it were removed; embed into a new index", metaName,
			b.Len(), bounded.IndexMeta.Limit)
	}
	return b.Bytes(), nil
}
