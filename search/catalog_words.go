package search

import (
	"bytes"
	"runtime"
	"strings"
	"sync"
)

// Words returns the live rows that have each word of a text at the beginning of a word of their path below the root, and those that have
// them in their caption.
func (c *Catalog) Words(text string) (names, captions Set) {
	names, captions = NewSet(c.rows), NewSet(c.rows)
	words := strings.Fields(fold(text))
	if len(words) == 0 {
		return names, captions
	}
	probe := c.rarest(words)
	parts := min(runtime.GOMAXPROCS(0), c.rows/(64<<10)+1)
	each := (c.rows/parts + 64) &^ 63 // whole words of the sets, so that no two goroutines write one
	var all sync.WaitGroup
	for from := 0; from < c.rows; from += each {
		all.Go(func() { c.wordsIn(from, min(from+each, c.rows), probe, words, names, captions) })
	}
	all.Wait()
	return names, captions
}

// rarest is the word that the fewest of some rows have, and of equals the longest: rows without it need no further look.
func (c *Catalog) rarest(words []string) (probe []byte) {
	const sample = 64 << 10
	text := c.folded.text
	if from := len(text) / 2; len(text) > sample {
		text = text[from:min(from+sample, len(text))]
	}
	fewest := -1
	for _, w := range words {
		n := bytes.Count(text, []byte(w))
		if fewest < 0 || n < fewest || n == fewest && len(w) > len(probe) {
			fewest, probe = n, []byte(w)
		}
	}
	return probe
}

// wordsIn is Words for the rows from one to another.
func (c *Catalog) wordsIn(from, to int, probe []byte, words []string, names, captions Set) {
	for row := c.nextWith(probe, from, to); row < to; row = c.nextWith(probe, row+1, to) {
		if !c.live.Has(row) {
			continue
		}
		name, caption, _ := bytes.Cut(c.searched(row), []byte{0})
		if holdsAll(name, words, true) {
			names.Add(row)
		}
		if holdsAll(caption, words, true) {
			captions.Add(row)
		}
	}
}

// nextWith is the first row of those from one to another whose folded text has a word; to if there is none.
func (c *Catalog) nextWith(word []byte, row, to int) int {
	if row >= to {
		return to
	}
	from := 0
	if row > 0 {
		from = c.folded.ends[row-1]
	}
	at := bytes.Index(c.folded.text[from:c.folded.ends[to-1]], word)
	if at < 0 {
		return to
	}
	at += from
	step := 1 // the next row with a common word is near
	for row+step < to && c.folded.ends[row+step-1] <= at {
		row += step
		step *= 2
	}
	for step > 0 {
		if row+step <= to && c.folded.ends[row+step-1] <= at {
			row += step
		} else {
			step /= 2
		}
	}
	return row
}
