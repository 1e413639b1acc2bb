package serve

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// How requests share a model. A request that finds the queue full is refused at once: it would wait for longer than its user does.
const (
	queueLength = 64
	batchLimit  = 32
	gatherTime  = 2 * time.Millisecond
	textCache   = 8 << 20 // bytes of features of texts
)

// errBusy is a full queue.
var errBusy = errors.New("too many requests at once; try again in a second")

// encoder embeds texts and pictures by a model that one goroutine owns. It is a search.Encoder.
type encoder struct {
	model   Model
	jobs    chan *job
	decodes chan struct{} // limits the pictures that are decoded at once
	texts   *lru[[]float32]
	stats   *stats
	done    chan struct{}
}

// job is one text, or one prepared picture.
type job struct {
	ctx     context.Context
	text    string
	picture []byte
	feature []float32
	err     error
	ready   chan struct{}
}

func newEncoder(ctx context.Context, m Model, st *stats) *encoder {
	e := &encoder{model: m, jobs: make(chan *job, queueLength), decodes: make(chan struct{}, runtime.GOMAXPROCS(0)),
		texts: newLRU[[]float32](textCache), stats: st, done: make(chan struct{})}
	go e.run(ctx)
	return e
}

// EncodeText embeds a text, or returns what it was embedded to before.
func (e *encoder) EncodeText(ctx context.Context, text string) ([]float32, error) {
	if v, ok := e.texts.get(text); ok {
		return v, nil
	}
	defer e.stats.since("text_clip_inference_time", time.Now())
	v, err := e.wait(&job{ctx: ctx, text: text})
	if err == nil {
		e.texts.put(text, v, len(text)+4*len(v))
	}
	return v, err
}

// EncodePicture embeds the picture in a file's content.
func (e *encoder) EncodePicture(ctx context.Context, file []byte) ([]float32, error) {
	prepared, err := e.prepare(ctx, file)
	if err != nil {
		return nil, err
	}
	defer e.stats.since("image_clip_inference_time", time.Now())
	return e.wait(&job{ctx: ctx, picture: prepared})
}

func (e *encoder) prepare(ctx context.Context, file []byte) ([]byte, error) {
	select {
	case e.decodes <- struct{}{}:
		defer func() { <-e.decodes }() // also after a panic
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	begun := time.Now()
	prepared, err := e.model.Prepare(file)
	if err != nil {
		return nil, &statusError{400, fmt.Sprintf("the picture can't be used: %v", err)}
	}
	e.stats.since("image_prepro_time", begun)
	return prepared, nil
}

func (e *encoder) wait(j *job) ([]float32, error) {
	j.ready = make(chan struct{})
	select {
	case e.jobs <- j:
	default:
		return nil, errBusy
	}
	select {
	case <-j.ready:
		return j.feature, j.err
	case <-j.ctx.Done():
		return nil, j.ctx.Err()
	case <-e.done:
		return nil, errBusy
	}
}

// run embeds what comes together until ctx is done.
func (e *encoder) run(ctx context.Context) {
	defer close(e.done)
	for {
		select {
		case <-ctx.Done():
			return
		case first := <-e.jobs:
			e.embed(ctx, e.gather(first))
		}
	}
}

// gather takes the jobs that come within a moment of the first. Those whose request has ended are dropped.
func (e *encoder) gather(first *job) (batch []*job) {
	timer := time.NewTimer(gatherTime)
	defer timer.Stop()
	for j := first; ; {
		if j.ctx.Err() == nil {
			batch = append(batch, j)
		}
		if len(batch) == batchLimit {
			return batch
		}
		select {
		case j = <-e.jobs: // one that is there comes along also when the moment is over
			continue
		default:
		}
		select {
		case j = <-e.jobs:
		case <-timer.C:
			return batch
		}
	}
}

// embed embeds a batch: equal texts once, and all pictures together.
func (e *encoder) embed(ctx context.Context, batch []*job) {
	if len(batch) == 0 {
		return
	}
	e.stats.batches.Add(1)
	e.stats.encoded.Add(int64(len(batch)))
	var texts []string
	var pixels []byte
	var pictures []*job
	at := map[string]int{}
	for _, j := range batch {
		if _, known := at[j.text]; j.picture == nil && !known {
			at[j.text] = len(texts)
			texts = append(texts, j.text)
		}
		if j.picture != nil {
			pixels, pictures = append(pixels, j.picture...), append(pictures, j)
		}
	}
	if len(texts) > 0 {
		rows, errs := eachRow(len(texts), func(from, to int) ([]float32, error) { return e.model.EmbedTexts(ctx, texts[from:to]) })
		for _, j := range batch {
			if j.picture == nil {
				j.answer(rows[at[j.text]], errs[at[j.text]])
			}
		}
	}
	if n := len(pictures); n > 0 {
		bytes := len(pixels) / n
		rows, errs := eachRow(n, func(from, to int) ([]float32, error) {
			return e.model.EmbedImages(ctx, pixels[from*bytes:to*bytes], to-from)
		})
		for i, j := range pictures {
			j.answer(rows[i], errs[i])
		}
	}
}

// eachRow embeds n things together. If the model panics, each is embedded by itself, so that only the requests for what it
// can't embed fail.
func eachRow(n int, embed func(from, to int) ([]float32, error)) (rows [][]float32, errs []error) {
	rows, errs = make([][]float32, n), make([]error, n)
	panicked := true
	run := func(from, to int) {
		var all []float32
		err := recovered(func() (err error) {
			all, err = embed(from, to)
			panicked = false
			return err
		})
		for i := from; i < to; i++ {
			dim := len(all) / (to - from)
			rows[i], errs[i] = all[(i-from)*dim:(i-from+1)*dim], err
		}
	}
	if run(0, n); !panicked || n == 1 {
		return rows, errs
	}
	for i := range n {
		run(i, i+1)
	}
	return rows, errs
}

// answer takes a feature, and wakes the request.
func (j *job) answer(row []float32, err error) {
	if j.err = err; err == nil {
		j.feature = slices.Clone(row)
	}
	close(j.ready)
}
