package eval

import (
	"cmp"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"

	"clipgo/internal/parallel"
	"clipgo/internal/vec"
)

// textBlock is the number of texts that are scored together: enough to use all cores, few enough to fit a cache.
const textBlock = 16

// RankPairs scores all texts against all images in one pass without storing the scores, and finds the ranks of all right answers: of each
// text's image among the images, and of each image's texts among the texts. textImage is the image of each text. Scores are float64; equal
// ones are ranked by row.
func RankPairs(images, texts []float32, dim int, textImage []int) (byText, byImage *Ranking, err error) {
	if err := checkPairs(images, texts, dim, textImage); err != nil {
		return nil, nil, err
	}
	p := &pairing{dim: dim, images: vec.Units(images, dim), texts: vec.Units(texts, dim), textImage: textImage}
	p.findOwn()
	blocks := (len(textImage) + textBlock - 1) / textBlock
	parallel.Workers(runtime.GOMAXPROCS(0), blocks, func(_ int, mine iter.Seq[int]) {
		before := make([]int64, len(p.before))
		for b := range mine {
			p.count(b*textBlock, before)
		}
		for i, n := range before {
			if n > 0 {
				atomic.AddInt64(&p.before[i], n)
			}
		}
	})
	byText, byImage = p.rankings()
	return byText, byImage, nil
}

func checkPairs(images, texts []float32, dim int, textImage []int) error {
	if err := checkRows("image features", images, dim); err != nil {
		return err
	}
	if err := checkRows("text features", texts, dim); err != nil {
		return err
	}
	if len(texts)/dim != len(textImage) {
		return fmt.Errorf("retrieval: %d texts, but %d texts' images", len(texts)/dim, len(textImage))
	}
	for t, i := range textImage {
		if i < 0 || i >= len(images)/dim {
			return fmt.Errorf("retrieval: text %d belongs to image %d of %d", t, i, len(images)/dim)
		}
	}
	return nil
}

type pairing struct {
	dim           int
	images, texts []float64
	textImage     []int
	own           []float64 // each text's score with its image
	perText       []int     // rank of the text's image among all images
	// sorted are the texts of image i, best first: sorted[from[i]:from[i+1]]. before[k] is the number of texts that rank between
	// sorted[k-1] and sorted[k], with sorted[k] itself, for their image.
	sorted []int
	from   []int
	before []int64
}

// findOwn scores the right pairs. It uses the same function as count, so that a pair's score is the same in both.
func (p *pairing) findOwn() {
	n := len(p.images) / p.dim
	p.own, p.perText = make([]float64, len(p.textImage)), make([]int, len(p.textImage))
	p.from, p.sorted, p.before = make([]int, n+1), make([]int, len(p.textImage)), make([]int64, len(p.textImage))
	for t, i := range p.textImage {
		vec.Dots(p.own[t:t+1], p.text(t), p.images[i*p.dim:(i+1)*p.dim])
		p.sorted[t] = t
	}
	slices.SortFunc(p.sorted, func(a, b int) int {
		return cmp.Or(cmp.Compare(p.textImage[a], p.textImage[b]), p.compare(a, p.own[b], b))
	})
	for k, t := range p.sorted {
		p.from[p.textImage[t]+1] = k + 1
	}
	for i := range n {
		p.from[i+1] = max(p.from[i+1], p.from[i]) // an image without texts
	}
}

func (p *pairing) text(t int) []float64 { return p.texts[t*p.dim : (t+1)*p.dim] }

// compare is negative if an own text ranks before another text with a score, 0 for itself.
func (p *pairing) compare(own int, score float64, text int) int {
	return cmp.Or(cmp.Compare(score, p.own[own]), cmp.Compare(own, text))
}

// count scores a block of texts with every image. It completes the texts' ranks and adds to what comes before the images' texts.
func (p *pairing) count(from int, before []int64) {
	const imageBlock = 64
	scores := make([]float64, imageBlock)
	n, to := len(p.from)-1, min(from+textBlock, len(p.textImage))
	for low := 0; low < n; low += imageBlock {
		high := min(low+imageBlock, n)
		for t := from; t < to; t++ {
			vec.Dots(scores[:high-low], p.text(t), p.images[low*p.dim:high*p.dim])
			p.place(t, low, scores[:high-low], before)
		}
	}
}

func (p *pairing) place(t, low int, scores []float64, before []int64) {
	own, image := p.own[t], p.textImage[t]
	for k, s := range scores {
		i := low + k
		if s > own || s == own && i < image {
			p.perText[t]++
		}
		first, end := p.from[i], p.from[i+1]
		if first == end || p.compare(p.sorted[end-1], s, t) < 0 {
			continue // it ranks behind all of the image's texts
		}
		at := first
		for p.compare(p.sorted[at], s, t) < 0 {
			at++
		}
		before[at]++
	}
}

// rankings make ranks of the counts.
func (p *pairing) rankings() (byText, byImage *Ranking) {
	texts, images := make([][]int, len(p.perText)), make([][]int, len(p.from)-1)
	for t := range texts {
		texts[t] = p.perText[t : t+1]
	}
	ranks := make([]int, len(p.before))
	for i := range images {
		sum := 0
		for k := p.from[i]; k < p.from[i+1]; k++ {
			sum += int(p.before[k])
			ranks[k] = sum - 1
		}
		images[i] = ranks[p.from[i]:p.from[i+1]]
	}
	return summarize(texts), summarize(images)
}
