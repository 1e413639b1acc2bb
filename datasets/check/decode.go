package check

import (
	"bytes"
	"cmp"
	"context"
	"hash/maphash"
	"image/jpeg"
	"slices"
	"time"

	"clipgo/datasets"
	"clipgo/vision/preprocess"
)

// mostRounds limits the pictures that are decoded to find out on which side of MaxSkip the share of unusable samples is, as a multiple of
// Sample.
const mostRounds = 16

// mostShown is the number of samples that a page shows.
const mostShown = 20

// decodeSample decodes the first samples of a random order. While the limit is within the interval of the estimate, it decodes as many
// again.
func (c *checker) decodeSample(ctx context.Context, order []int) error {
	for from := 0; from < min(len(order), mostRounds*c.Sample); {
		to := min(max(from, c.Sample)+from, len(order), mostRounds*c.Sample)
		part := make([]draw, to-from)
		for k := range part {
			part[k] = draw{order[from+k], from + k}
		}
		slices.SortFunc(part, func(a, b draw) int { return cmp.Compare(a.sample, b.sample) })
		if err := c.decode(ctx, len(part), func(k int) draw { return part[k] }); err != nil {
			return err
		}
		from = to
		if s := c.counts.share(confident); s.Low > c.MaxSkip || s.High <= c.MaxSkip {
			return nil
		}
	}
	return nil
}

// decodeAll decodes all pictures. Random ones are shown.
func (c *checker) decodeAll(ctx context.Context) error {
	ranks := map[int]int{}
	for rank, i := range newShuffle(c.source.Len(), c.Seed).take(mayShow, c.good) {
		ranks[i] = rank
	}
	return c.decode(ctx, c.source.Len(), func(k int) draw {
		if rank, ok := ranks[k]; ok {
			return draw{k, rank}
		}
		return draw{k, mayShow}
	})
}

// draw is a sample with its place in the random order. Those of the lowest ranks are shown: of the first mayShow those that can be.
type draw struct{ sample, rank int }

// mayShow is the number of samples that are prepared for the page, some of which may be unusable.
const mayShow = 3 * mostShown

// decode decodes n pictures; at gives the k-th, in the order of the source. Samples that are known to be unusable are passed over.
func (c *checker) decode(ctx context.Context, n int, at func(k int) draw) error {
	all := c.tallies()
	buffers := make([][]uint8, len(all))
	for w := range buffers {
		buffers[w] = make([]uint8, c.Preprocess.Size*c.Preprocess.Size*3)
	}
	c.next = 0
	begun := time.Now()
	err := c.each(ctx, "decoding pictures", n, func(worker, k int) error {
		one := c.take(ctx, k, at)
		if !one.wanted {
			return nil
		}
		return c.decodeOne(ctx, all[worker], buffers[worker], one)
	})
	c.seconds += time.Since(begun).Seconds()
	read, bad := c.joinTallies(all)
	c.counts.decoded, c.counts.badDecoded = c.counts.decoded+read, c.counts.badDecoded+bad
	slices.SortFunc(c.shown, func(a, b Shown) int { return cmp.Compare(a.rank, b.rank) })
	c.shown = c.shown[:min(len(c.shown), mostShown)]
	return err
}

// taken is a picture that was read.
type taken struct {
	draw
	wanted bool // it was read
	entry  datasets.Entry
	datasets.Picture
	err error
}

// take reads the k-th picture. Of a source that is read in sequence it is the next one, since workers may come in another order.
func (c *checker) take(ctx context.Context, k int, at func(k int) draw) (t taken) {
	if c.sequence != nil {
		c.sequence.Lock()
		defer c.sequence.Unlock()
		k, c.next = c.next, c.next+1
	}
	t.draw = at(k)
	if t.wanted = c.good(t.sample); t.wanted {
		t.entry, t.Picture, t.err = c.picture(ctx, t.sample)
	}
	return t
}

// decodeOne decodes a picture as training does.
func (c *checker) decodeOne(ctx context.Context, t *lookTally, dst []uint8, one taken) error {
	i, e, p, err := one.sample, one.entry, one.Picture, one.err
	if err == nil {
		err = c.transform(t, dst, i, p)
	}
	if used, end := c.took(ctx, t, i, e, p, err); !used {
		return end
	}
	if c.counts.headers == 0 { // else it was counted then
		if h, err := headerOf(p, c.Limits); err == nil {
			t.pictures.add(i, e, h)
		}
		t.files = append(t.files, c.fileMark(i, e, p, true))
	}
	if one.rank < mayShow {
		t.shown = append(t.shown, c.show(dst, i, one.rank, e))
	}
	return nil
}

// transform fills dst as the loader of a training does, and marks the decoded pixels.
func (c *checker) transform(t *lookTally, dst []uint8, i int, p datasets.Picture) (err error) {
	defer caught(&err)
	key := c.random(i)
	if p.File == nil {
		return c.Preprocess.Train(dst, preprocess.FromRGB(p.RGB, p.Width, p.Height), c.Augment, key)
	}
	r := c.reader()
	r.Decoded = func(pixels []uint8, width, height int) {
		var h maphash.Hash
		h.SetSeed(c.seed)
		maphash.WriteComparable(&h, [2]int{width, height})
		_, _ = h.Write(pixels) // never fails
		t.pixels = append(t.pixels, mark{hash: h.Sum64(), at: uint32(i)})
	}
	return r.Train(dst, p.File, c.Augment, key)
}

// random is the random number of a sample.
func (c *checker) random(i int) uint64 {
	x := c.Seed + uint64(i+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	return x ^ x>>27
}

// show keeps a sample for the page.
func (c *checker) show(pixels []uint8, i, rank int, e datasets.Entry) Shown {
	s := Shown{Key: e.Key, rank: rank}
	if n := len(e.Captions); n > 0 {
		s.Caption = e.Captions[c.random(i)>>1%uint64(n)]
	}
	if c.Tokens != nil && s.Caption != "" {
		ids := make([]int32, c.ContextLength)
		s.Tokens, s.Cut = c.Tokens(ids, s.Caption)
		if c.Text != nil {
			s.Text = c.Text(ids[:s.Tokens])
		}
	}
	s.Caption = short(s.Caption)
	const quality = 85
	var b bytes.Buffer
	size := c.Preprocess.Size
	if err := jpeg.Encode(&b, preprocess.Opaque(pixels, size, size), &jpeg.Options{Quality: quality}); err == nil {
		s.picture = b.Bytes()
	}
	return s
}
