package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What comes while the model is busy goes through it together, and everybody gets the own feature.
func TestTextsThatComeTogetherAreEmbeddedTogether(t *testing.T) {
	m := &colours{gate: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	e := newEncoder(ctx, m, newStats())
	var wait sync.WaitGroup
	for i := range 21 {
		text := []string{"red", "green", "blue"}[i%3]
		wait.Go(func() {
			got, err := e.EncodeText(ctx, text)
			if err != nil || got[i%3] != 1 {
				t.Errorf("%s: %v, %v", text, got, err)
			}
		})
	}
	for e.stats.encoded.Load()+int64(len(e.jobs)) < 21 {
		time.Sleep(time.Millisecond)
	}
	close(m.gate)
	wait.Wait()
	if n := m.batches.Load(); n > 3 {
		t.Errorf("%d batches", n)
	}
	before := m.batches.Load()
	if got, err := e.EncodeText(ctx, "red"); err != nil || got[0] != 1 || m.batches.Load() != before {
		t.Errorf("a text of before: %v, %v, in %d batches", got, err, m.batches.Load()-before)
	}
	cancel()
	<-e.done
	if _, err := e.EncodeText(t.Context(), "new"); !errors.Is(err, errBusy) {
		t.Errorf("after the end: %v", err)
	}
}

// slow is the context of a request, and takes longer to ask than a batch is gathered.
type slow struct{ context.Context }

func (slow) Err() error {
	time.Sleep(gatherTime)
	return nil
}

// On a busy machine the time to gather a batch may be over before the queue is read: what waits there comes along.
func TestABatchHasAllThatWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &encoder{jobs: make(chan *job, queueLength)}
		for range 20 {
			e.jobs <- &job{ctx: slow{t.Context()}}
		}
		if n := len(e.gather(<-e.jobs)); n != 20 {
			t.Errorf("%d of 20 jobs are in the batch", n)
		}
	})
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	m := &colours{gate: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	e := newEncoder(ctx, m, newStats())
	gone, leave := context.WithCancel(ctx)
	var wait sync.WaitGroup
	for i := range batchLimit + queueLength { // the first are with the model
		wait.Go(func() { _, _ = e.EncodeText(gone, fmt.Sprint("text ", i)) })
		for int(e.stats.encoded.Load())+len(e.jobs) < 1 {
			time.Sleep(time.Millisecond)
		}
	}
	for len(e.jobs) < queueLength {
		wait.Go(func() { _, _ = e.EncodeText(gone, "more") })
		time.Sleep(time.Millisecond)
	}
	if _, err := e.EncodeText(ctx, "one more"); !errors.Is(err, errBusy) {
		t.Errorf("%v", err)
	}
	w := httptest.NewRecorder()
	if fail(w, errBusy); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	leave() // requests that have ended are not embedded
	wait.Wait()
	before := e.stats.encoded.Load()
	close(m.gate)
	got, err := e.EncodeText(ctx, "red")
	for errors.Is(err, errBusy) { // they leave the queue first
		got, err = e.EncodeText(ctx, "red")
	}
	if err != nil || got[0] != 1 {
		t.Errorf("after the rush: %v, %v", got, err)
	}
	if n := e.stats.encoded.Load() - before; n > 1 {
		t.Errorf("%d texts were embedded, but one is waited for", n)
	}
}

// brittle panics when a text of a batch is boom.
type brittle struct{ colours }

func (m *brittle) EmbedTexts(ctx context.Context, texts []string) ([]float32, error) {
	if slices.Contains(texts, "boom") {
		panic("boom in the model")
	}
	return m.colours.EmbedTexts(ctx, texts)
}

// A panic of the model costs the request that it embeds for: not the process, and not those of the same batch.
func TestAPanicOfTheModelCostsOneRequest(t *testing.T) {
	e := newEncoder(t.Context(), &brittle{}, newStats())
	batch := []*job{{text: "red"}, {text: "boom"}, {text: "green"}}
	for _, j := range batch {
		j.ctx, j.ready = t.Context(), make(chan struct{})
	}
	e.embed(t.Context(), batch)
	for i, j := range batch {
		if (j.err != nil) != (j.text == "boom") || j.err == nil && j.feature[i/2] != 1 {
			t.Errorf("%s: %v, %v", j.text, j.feature, j.err)
		}
	}
	if _, err := e.EncodeText(t.Context(), "boom"); err == nil {
		t.Error("a panic is no error")
	}
	if got, err := e.EncodeText(t.Context(), "blue"); err != nil || got[2] != 1 {
		t.Errorf("the next request: %v, %v", got, err)
	}
}
