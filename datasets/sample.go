package datasets

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"unicode/utf8"
)

// sample is the content of one slot before it is added to a batch. Its slices are reused.
type sample struct {
	slot int64
	place
	text    // ids has the full length [captions, ContextLength]
	entry   Entry
	pixels  []uint8
	known   *text      // the text, if a pool has tokenized it already; else nil
	given   *Reading   // the picture, if the source is read in sequence; else nil
	joined  []byte     // all its captions
	alike   uint64     // their digest
	drop    uint64     // key
	own     Slot       // of the slot's own sample
	skip    *Skip      // why the slot's own sample can't be used; nil if it can
	usable  bool       // the fields hold a sample: the slot's own or its replacement
	refused *DataError // why the data as a whole can't be used any more
	done    chan struct{}

	decoders chan struct{} // has room for as many goroutines as may decode at a time
}

// text is a sample's caption, or both captions of a pair, with their ids.
type text struct {
	ids     []int32
	caption string
	used    int  // ids
	cut     bool // the caption did not fit
}

func (l *Loader) newSample() *sample {
	pictures, captions := l.sides()
	s := &sample{pixels: make([]uint8, pictures*l.picture()), done: make(chan struct{}, 1)}
	if l.Tokens != nil {
		s.ids = make([]int32, captions*l.ContextLength)
	}
	return s
}

// fill reads, decodes and tokenizes a slot's sample or, where that can't be used, its replacement.
func (l *Loader) fill(ctx context.Context, s *sample) {
	err := l.read(ctx, s)
	s.skip, s.usable, s.refused = nil, err == nil, nil
	s.own.File, s.own.Used = s.entry.File, s.usable
	if s.usable || errors.As(err, &s.refused) {
		return
	}
	s.skip = &Skip{Source: l.sourceOf(s.own), Key: s.entry.Key, Offset: s.entry.Offset, Reason: err.Error()}
	if s.skip.Key == "" {
		s.skip.Key = fmt.Sprintf("sample %d", s.index)
	}
	if l.Order == Shuffled {
		l.replace(ctx, s)
	}
}

// obtain is the picture that a sample was given or, of a source with random access, the one that it reads.
func (l *Loader) obtain(ctx context.Context, s *sample) (Picture, error) {
	if s.given != nil {
		return s.given.Picture, s.given.Err
	}
	return l.Source.Picture(ctx, s.index)
}

// entry is the sample's description, which comes with its picture if nothing was known before.
func (l *Loader) entry(ctx context.Context, s *sample) (Entry, error) {
	if s.given != nil && s.given.entry != nil {
		return *s.given.entry, nil
	}
	return l.Source.Entry(ctx, s.index)
}

// replace fills the slot of an unusable sample with another one. A source that is read in sequence has none to give.
func (l *Loader) replace(ctx context.Context, s *sample) {
	if s.given != nil {
		return
	}
	unusable := s.place
	s.known = nil
	for try := 0; try < tries && ctx.Err() == nil; try++ {
		s.place = l.replacement(unusable, try)
		if s.index == unusable.index {
			continue
		}
		err := l.read(ctx, s)
		if s.usable = err == nil; s.usable {
			s.skip.ReplacedBy = s.entry.Key
		}
		if s.usable || errors.As(err, &s.refused) {
			return
		}
	}
}

// read fills in the sample of s.place. After an error s.entry is set too, unless Entry itself failed.
func (l *Loader) read(ctx context.Context, s *sample) (err error) {
	s.entry = Entry{}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.entry, err = l.entry(ctx, s); err != nil {
		return err
	}
	if s.entry.Bad != "" {
		return &unusable{s.entry.Bad}
	}
	picture, err := l.obtain(ctx, s)
	if err != nil {
		return err
	}
	s.decoders <- struct{}{}
	defer func() { <-s.decoders }()
	if err := l.Pixels(s.pixels[:l.picture()], picture, l.key(s, pixelsKey)); err != nil {
		return err
	}
	s.drop = l.key(s, dropKey)
	if err := l.readSecond(ctx, s); err != nil {
		return err
	}
	if s.known != nil {
		s.restore()
	} else {
		l.readText(s, s.entry)
	}
	if l.Pairs == nil {
		s.alike = s.digest(s.entry.Captions)
	}
	return nil
}

// readText chooses the caption, or takes both of a pair, and tokenizes it. The result depends on the sample's place alone.
func (l *Loader) readText(s *sample, e Entry) {
	s.used, s.cut = 0, false
	if l.Pairs == nil {
		l.tokenize(s, 0, l.caption(s, e))
		return
	}
	_, captions := l.sides()
	for i, caption := range e.Captions[:captions] {
		l.tokenize(s, i, caption)
	}
}

// keep is a copy of the text that doesn't change when the sample is reused. Its ids end with the last one that isn't 0.
func (t *text) keep() *text {
	out, n := *t, len(t.ids)
	for n > 0 && t.ids[n-1] == 0 {
		n--
	}
	out.ids = slices.Clone(t.ids[:n])
	return &out
}

// restore sets the text from a copy that keep made.
func (s *sample) restore() {
	ids := s.ids
	clear(ids[copy(ids, s.known.ids):])
	s.text = *s.known
	s.ids = ids
}

// digest is a hash of the captions in their order.
func (s *sample) digest(captions []string) uint64 {
	s.joined = s.joined[:0]
	for _, caption := range captions {
		s.joined = append(append(s.joined, caption...), 0)
	}
	h := fnv.New64a()
	_, _ = h.Write(s.joined)
	return h.Sum64()
}

// tokenize makes the ids of the i-th caption of a sample.
func (l *Loader) tokenize(s *sample, i int, caption string) {
	text, cut := boundCaption(caption)
	if i == 0 {
		s.caption = text
	}
	s.cut = s.cut || cut
	if l.Tokens != nil {
		n, cut := l.Tokens(s.ids[i*l.ContextLength:(i+1)*l.ContextLength], text)
		s.used, s.cut = max(s.used, n), s.cut || cut
	}
}

// unusable is an Entry.Bad as an error.
type unusable struct{ reason string }

func (u *unusable) Error() string { return u.reason }

func (l *Loader) key(s *sample, purpose uint64) uint64 {
	return mix(l.Seed^s.salt, s.epoch, uint64(s.index), purpose)
}

// caption chooses one of a sample's captions. It is empty if there are none, as in sets of classes.
func (l *Loader) caption(s *sample, e Entry) string {
	switch {
	case len(e.Captions) == 0:
		return ""
	case len(e.Captions) == 1 || l.Order == Sequential:
		return e.Captions[0]
	case len(e.Weights) == len(e.Captions):
		return e.Captions[weighted(e.Weights, l.key(s, captionKey))]
	}
	return e.Captions[l.key(s, captionKey)%uint64(len(e.Captions))]
}

// captionLimit is the maximum length of a caption in bytes, far more than any context length needs.
const captionLimit = 64 << 10

// boundCaption makes a caption valid UTF-8 of at most captionLimit bytes and reports whether it was cut.
func boundCaption(s string) (string, bool) {
	cut := len(s) > captionLimit
	if cut {
		end := captionLimit
		for end > captionLimit-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	return strings.ToValidUTF8(s, string(utf8.RuneError)), cut
}
