package search

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Catalog is what an index knows of its rows in addition to their features, in memory: a row is found by words of its path and caption,
// by folder, size and date without reading the files. A row takes about twice the bytes of its path and caption, and 90.
type Catalog struct {
	// Root is the folder that all files of live rows are in, and empty where there is none: pictures of a built-in set have no folder.
	Root string

	plain  arena // path and caption as they are
	folded arena // the same as fold has them
	split  []uint32
	named  []uint16 // bytes of each folded path that are not searched: the root
	size   []int64
	mtime  []int64
	hash   [][sha256.Size]byte
	odd    map[int]string // hashes that are not 64 hexadecimal digits
	byHash hashOrder
	byPath func() pathIndex
	newest []int // live rows, the latest first
	facts  factTable
	live   Set
	rows   int
}

// arena holds the texts of rows one after the other.
type arena struct {
	text []byte
	ends []int
}

func (a *arena) add(parts ...string) {
	for _, p := range parts {
		a.text = append(a.text, p...)
	}
	a.ends = append(a.ends, len(a.text))
}

func (a *arena) row(i int) []byte {
	from := 0
	if i > 0 {
		from = a.ends[i-1]
	}
	return a.text[from:a.ends[i]]
}

// Catalog reads the metadata of all rows.
func (ix *Folder) Catalog(ctx context.Context) (*Catalog, error) {
	c, err := CatalogOf(ix.rows, func(add func(Detail)) error {
		for _, p := range ix.parts {
			if p.details == nil { // of clip-retrieval's
				for range p.rows {
					add(Detail{Live: true})
				}
				continue
			}
			err := p.eachDetails(func(i int, d details) error {
				if i%1024 == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
				add(d.detail(!p.dead[i]))
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return c, err
}

// CatalogOf makes a catalog of an index with a number of rows. each adds what is known of every row, in order; of a row that isn't live
// that may be nothing.
func CatalogOf(rows int, each func(add func(Detail)) error) (*Catalog, error) {
	c := &Catalog{live: NewSet(rows), rows: rows, odd: map[int]string{}}
	first := true
	err := each(func(d Detail) {
		if c.add(d); !d.Live {
			return
		}
		c.live.Add(len(c.size) - 1)
		if dir := filepath.Dir(d.Path); filepath.IsAbs(d.Path) && first {
			c.Root, first = dir, false
		} else if filepath.IsAbs(d.Path) {
			c.Root = common(c.Root, dir)
		}
	})
	if err != nil {
		return nil, err
	}
	c.finish()
	return c, nil
}

// finish makes what finds rows, after the last one was added.
func (c *Catalog) finish() {
	c.SkipRoots([]string{c.Root})
	c.orderHashes()
	c.byPath = sync.OnceValue(c.orderPaths)
	c.orderTimes()
}

func (c *Catalog) add(d Detail) {
	c.plain.add(d.Path, d.Caption)
	c.split = append(c.split, uint32(len(d.Path)))
	c.folded.add(fold(d.Path), "\x00", fold(d.Caption))
	c.size, c.mtime = append(c.size, d.Size), append(c.mtime, d.MTime)
	hash, err := hex.DecodeString(d.Hash)
	if err != nil || len(hash) != sha256.Size || strings.ToLower(d.Hash) != d.Hash {
		c.odd[len(c.hash)] = d.Hash
		hash = make([]byte, sha256.Size)
	}
	c.facts.add(len(c.hash), d.Facts)
	c.hash = append(c.hash, [sha256.Size]byte(hash))
}

// common is the folder that holds two others.
func common(a, b string) string {
	for a != b && !strings.HasPrefix(b, strings.TrimSuffix(a, "/")+"/") {
		a = filepath.Dir(a)
	}
	return a
}

// fold makes texts that a person takes for the same equal: case, and how letters with accents are written.
func fold(s string) string {
	ascii := true
	for i := 0; i < len(s) && ascii; i++ {
		ascii = s[i] < utf8.RuneSelf
	}
	if !ascii {
		s = norm.NFKC.String(s)
	}
	return strings.ToLower(strings.ReplaceAll(s, "\x00", " "))
}

// SkipRoots leaves the folders that pictures are shown below out of what Words and Select search. A new catalog skips its Root.
func (c *Catalog) SkipRoots(roots []string) {
	var folded []string
	for _, root := range roots {
		if root != "" && root != "/" {
			folded = append(folded, fold(root)+"/")
		}
	}
	c.named = make([]uint16, c.rows)
	for i := range c.rows {
		for _, root := range folded {
			if bytes.HasPrefix(c.folded.row(i), []byte(root)) {
				c.named[i] = max(c.named[i], uint16(min(len(root), 1<<16-1)))
			}
		}
	}
}

// Detail is what the index knows of a row.
func (c *Catalog) Detail(row int) (Detail, error) {
	if row < 0 || row >= c.rows {
		return Detail{}, ErrNoRow
	}
	text, at := c.plain.row(row), c.split[row]
	return Detail{Path: string(text[:at]), Caption: string(text[at:]), Size: c.size[row], MTime: c.mtime[row], Hash: c.hashOf(row),
		Live: c.live.Has(row), Facts: c.facts.of(row)}, nil
}

func (c *Catalog) hashOf(row int) string {
	if h, ok := c.odd[row]; ok {
		return h
	}
	return hex.EncodeToString(c.hash[row][:])
}

// Selection says which rows a search is about. The zero value selects all live ones.
type Selection struct {
	Folders          []string // absolute: rows in and below any of them; none: all rows
	Text             string   // each word of it occurs in the path below the root, or in the caption
	MinSize, MaxSize int64    // bytes; 0: no limit
	After, Before    int64    // the file's time in nanoseconds since 1970, After included and Before not; 0: no limit

	// Of the facts: a row without them is in no such selection.
	Camera                  string
	TakenAfter, TakenBefore int64  // as After and Before
	Box                     Box    // the zero value: anywhere
	Near                    Circle // 0 kilometres: anywhere
}

// All reports whether a selection selects all live rows.
func (s Selection) All() bool {
	return len(s.Folders) == 0 && s.Text == "" && s.MinSize == 0 && s.MaxSize == 0 && s.After == 0 && s.Before == 0 &&
		!s.needsFacts()
}

// Select returns the live rows of a selection.
func (c *Catalog) Select(s Selection) Set {
	out, words := NewSet(c.rows), strings.Fields(fold(s.Text))
	var folders [][]byte
	for _, dir := range s.Folders {
		folders = append(folders, []byte(strings.TrimSuffix(path.Clean(dir), "/")+"/"))
	}
	asked := s.needsFacts()
	for row := range c.rows {
		size, mtime := c.size[row], c.mtime[row]
		if !c.live.Has(row) || size < s.MinSize || s.MaxSize > 0 && size > s.MaxSize || mtime < s.After && s.After != 0 ||
			s.Before != 0 && mtime >= s.Before || asked && !c.facts.has(row, s) {
			continue
		}
		file := c.plain.row(row)[:c.split[row]]
		if len(folders) > 0 && !slices.ContainsFunc(folders, func(dir []byte) bool { return bytes.HasPrefix(file, dir) }) {
			continue
		}
		if len(words) == 0 || holdsAll(c.searched(row), words, false) {
			out.Add(row)
		}
	}
	return out
}

// searched is the folded text of a row from below its root.
func (c *Catalog) searched(row int) []byte { return c.folded.row(row)[c.named[row]:] }

func holdsAll(text []byte, words []string, atStart bool) bool {
	for _, w := range words {
		if !holds(text, w, atStart) {
			return false
		}
	}
	return true
}

// holds finds a word in a text; atStart: only where no letter or digit precedes it.
func holds(text []byte, word string, atStart bool) bool {
	for from := 0; ; {
		at := bytes.Index(text[from:], []byte(word))
		if at < 0 {
			return false
		}
		before, _ := utf8.DecodeLastRune(text[:from+at])
		if !atStart || from+at == 0 || !unicode.IsLetter(before) && !unicode.IsDigit(before) {
			return true
		}
		from += at + 1
	}
}
