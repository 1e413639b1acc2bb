package eval

import (
	"fmt"
	"iter"
	"runtime"
	"sync/atomic"

	"clipgo/internal/parallel"
	"clipgo/internal/vec"
)

// never is the rank of a query without a right answer.
const never = int64(1) << 62

// ranks are the 0-based ranks of the best right answers, in both directions.
type ranks struct {
	perText  []int64 // rank of the text's image among all images
	perImage []int64 // rank of the image's best text among all texts; never for an image without a text
}

// textBlock is the number of texts that are scored together: enough to use all cores, few enough to fit a cache.
const textBlock = 16

// rankPairs scores all texts against all images in one pass without storing the scores, and counts the candidates that rank before each
// query's best right answer. textImage is the image of each text. Scores are float64; equal ones are ranked by row.
func rankPairs(images, texts []float32, dim int, textImage []int) (ranks, error) {
	if err := checkPairs(images, texts, dim, textImage); err != nil {
		return ranks{}, err
	}
	p := &pairing{dim: dim, images: vec.Units(images, dim), texts: vec.Units(texts, dim), textImage: textImage}
	p.findBest()
	blocks := (len(textImage) + textBlock - 1) / textBlock
	parallel.Workers(runtime.GOMAXPROCS(0), blocks, func(_ int, mine iter.Seq[int]) {
		before := make([]int64, len(p.bestText))
		for b := range mine {
			p.count(b*textBlock, before)
		}
		for i, n := range before {
			atomic.AddInt64(&p.perImage[i], n)
		}
	})
	return p.ranks, nil
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
	ranks
	dim           int
	images, texts []float64
	textImage     []int
	own           []float64 // each text's score with its image
	best          []float64 // each image's highest score with one of its texts
	bestText      []int     // index of that text; -1 without a text
}

// findBest scores the right pairs. It uses the same function as count, so that a pair's score is the same in both.
func (p *pairing) findBest() {
	n := len(p.images) / p.dim
	p.own, p.perText = make([]float64, len(p.textImage)), make([]int64, len(p.textImage))
	p.best, p.bestText, p.perImage = make([]float64, n), make([]int, n), make([]int64, n)
	for i := range p.bestText {
		p.bestText[i] = -1
	}
	for t, i := range p.textImage {
		vec.Dots(p.own[t:t+1], p.text(t), p.images[i*p.dim:(i+1)*p.dim])
		if p.bestText[i] < 0 || p.own[t] > p.best[i] {
			p.best[i], p.bestText[i] = p.own[t], t
		}
	}
	for i, t := range p.bestText {
		if t < 0 {
			p.perImage[i] = never
		}
	}
}

func (p *pairing) text(t int) []float64 { return p.texts[t*p.dim : (t+1)*p.dim] }

// count scores a block of texts with every image. It completes the texts' ranks and adds to the images' ranks.
func (p *pairing) count(from int, before []int64) {
	const imageBlock = 64
	scores := make([]float64, imageBlock)
	to := min(from+textBlock, len(p.textImage))
	for low := 0; low < len(p.bestText); low += imageBlock {
		high := min(low+imageBlock, len(p.bestText))
		for t := from; t < to; t++ {
			vec.Dots(scores[:high-low], p.text(t), p.images[low*p.dim:high*p.dim])
			p.compare(t, low, scores[:high-low], before)
		}
	}
}

func (p *pairing) compare(t, low int, scores []float64, before []int64) {
	own, image := p.own[t], p.textImage[t]
	for k, s := range scores {
		i := low + k
		if s > own || s == own && i < image {
			p.perText[t]++
		}
		if best := p.best[i]; s > best || s == best && t < p.bestText[i] {
			before[i]++
		}
	}
}
