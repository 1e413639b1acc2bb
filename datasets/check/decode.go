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
		part := order[from:to]
		place := func(k int) (sample, rank int) { return part[k], from + k }
		if err := c.decode(ctx, len(part), place); err != nil {
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
	for rank, i := range newShuffle(c.source.Len(), c.Seed).take(2*mostShown, c.good) {
		ranks[i] = rank
	}
	return c.decode(ctx, c.source.Len(), func(k int) (sample, rank int) {
		if rank, ok := ranks[k]; ok {
			return k, rank
		}
		return k, unranked
	})
}

// unranked is the rank of samples that aren't shown.
const unranked = -1

// decode decodes n pictures; place gives the number of the k-th sample, and its rank among those that are shown: the lowest are. Samples
// that are known to be unusable are passed over.
func (c *checker) decode(ctx context.Context, n int, place func(k int) (sample, rank int)) error {
	all := c.tallies()
	buffers := make([][]uint8, len(all))
	for w := range buffers {
		buffers[w] = make([]uint8, c.Preprocess.Size*c.Preprocess.Size*3)
	}
	begun := time.Now()
	err := c.each(ctx, "decoding pictures", n, func(worker, k int) error {
		i, rank := place(k)
		if !c.good(i) {
			return nil
		}
		return c.decodeOne(ctx, all[worker], buffers[worker], i, rank)
	})
	c.seconds += time.Since(begun).Seconds()
	read, bad := c.joinTallies(all)
	c.counts.decoded, c.counts.badDecoded = c.counts.decoded+read, c.counts.badDecoded+bad
	slices.SortFunc(c.shown, func(a, b Shown) int { return cmp.Compare(a.rank, b.rank) })
	c.shown = c.shown[:min(len(c.shown), mostShown)]
	return err
}

// decodeOne reads a picture as training does.
func (c *checker) decodeOne(ctx context.Context, t *lookTally, dst []uint8, i, rank int) error {
	e, p, err := c.picture(ctx, i)
	if err == nil {
		err = c.transform(t, dst, i, p)
	}
	if err != nil && fatal(ctx, err) != nil {
		return err
	}
	t.read++
	if err != nil {
		t.bad++
		c.refuse(t.problems, kindOf(err, p), i, e, err.Error())
		return nil
	}
	if c.counts.headers == 0 { // else it was counted then
		if h, err := headerOf(p, c.Limits); err == nil {
			t.pictures.add(i, e, h)
		}
		t.files = append(t.files, c.fileMark(i, e, p, true))
	}
	if rank != unranked && len(t.shown) < mostShown { // ranks rise
		t.shown = append(t.shown, c.show(dst, i, rank, e))
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
