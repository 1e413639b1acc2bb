package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"clipgo/contrastive"
	"clipgo/datasets"
	"clipgo/model"
	"clipgo/pretrained"
	"clipgo/text/bpe"
)

// wordsRun is a trained model with its head.
type wordsRun struct {
	model  *model.Model
	words  *contrastive.MaskedWords
	tokens *bpe.Tokenizer
}

func openWordsRun(t *testing.T, run string) wordsRun {
	t.Helper()
	dir := newest(t, run)
	src := pretrained.Source{Name: run, Config: runSettings(t, run).ModelCfg, Weights: filepath.Join(dir, pretrained.WeightsFile)}
	m, err := src.Build(t.Context(), model.On(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	w, err := contrastive.NewMaskedWords(t.Context(), m, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Free)
	if err := w.Read(t.Context(), filepath.Join(dir, headsFile)); err != nil {
		t.Fatal(err)
	}
	return wordsRun{m, w, bpe.New()}
}

// grammar is how often each caption is said, as ids without padding.
type grammar struct {
	captions [][]int32
	share    []float64
}

// grammarOf counts the captions of sources, each with its weight.
func grammarOf(t *testing.T, tokens *bpe.Tokenizer, sources map[string]float64) grammar {
	t.Helper()
	share := map[string]float64{}
	for source, weight := range sources {
		src, err := datasets.Open(t.Context(), source, datasets.Options{Need: datasets.NeedCaptions})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		for i := range src.Len() {
			e, err := src.Entry(t.Context(), i)
			if err != nil {
				t.Fatal(err)
			}
			captions := e.Captions
			for _, c := range captions { // one of them, with equal chances
				share[c] += weight / float64(len(captions)*src.Len())
			}
		}
	}
	var g grammar
	for caption, p := range share {
		ids := make([]int32, 16)
		n, _ := tokens.FillCut(ids, caption)
		g.captions, g.share = append(g.captions, ids[:n]), append(g.share, p)
	}
	return g
}

// rest tells how a word depends on the rest of its caption: how many words are possible there, and how often the most frequent
// one does.
func (g grammar) rest(caption []int32, at int) (choices int, best float64) {
	by, total := map[int32]float64{}, 0.0
	for i, c := range g.captions {
		if len(c) == len(caption) && slices.Equal(c[:at], caption[:at]) && slices.Equal(c[at+1:], caption[at+1:]) {
			by[c[at]] += g.share[i]
			total += g.share[i]
		}
	}
	for _, p := range by {
		best = max(best, p/total)
	}
	return len(by), best
}

// wordsTally counts how often one kind of word is restored, weighted by how often its caption is said.
type wordsTally struct{ right, n, bayes float64 }

func (a wordsTally) String() string {
	return fmt.Sprintf("%.1f %% restored, %.1f %% can be", 100*a.right/a.n, 100*a.bayes/a.n)
}

// ask hides each word of each caption that is said, one at a time. A word is fixed where the whole language has no other for its
// place; how often a free one can be restored is what the language knows.
func (g grammar) ask(t *testing.T, r wordsRun, language grammar) (fixed, free wordsTally) {
	t.Helper()
	const l = 16
	for i, caption := range g.captions {
		var h contrastive.MaskedBatch
		for at := 1; at < len(caption)-1; at++ {
			row := make([]int32, l)
			copy(row, caption)
			place := len(h.IDs) + at
			h.IDs, h.Lengths = append(h.IDs, row...), append(h.Lengths, len(caption))
			h.Hidden, h.Chosen, h.Targets = append(h.Hidden, place), append(h.Chosen, place), append(h.Targets, int64(caption[at]))
		}
		got, err := r.words.Restore(t.Context(), r.model, h)
		if err != nil {
			t.Fatal(err)
		}
		for k, id := range got {
			choices, bayes := language.rest(caption, k+1)
			kind := &fixed
			if choices > 1 {
				kind = &free
			}
			kind.n += g.share[i]
			kind.bayes += g.share[i] * bayes
			if int64(id) == h.Targets[k] {
				kind.right += g.share[i]
			}
		}
	}
	return fixed, free
}

// A model restores each masked word that the rest of its caption determines, and guesses the others as well as is possible.
// CLIPGO_WORDS_RUN names its run, trained on builtin:shapes with --mlm-weight. The reference is the language of all
// combinations. The combinations that training holds out determine more words than that: the test also logs what a reader who
// knows the held-out combinations could restore.
func TestWordsThatTheRestFixesAreRestored(t *testing.T) {
	run := os.Getenv("CLIPGO_WORDS_RUN")
	if run == "" {
		t.Skip("CLIPGO_WORDS_RUN names no run")
	}
	r := openWordsRun(t, run)
	const seen, novel = "builtin:shapes?n=20000", "builtin:shapes?split=novel&n=5000"
	said := grammarOf(t, r.tokens, map[string]float64{seen: 1})
	fixed, free := said.ask(t, r, grammarOf(t, r.tokens, map[string]float64{seen: 11. / 12, novel: 1. / 12}))
	t.Logf("%d captions; fixed by the rest: %s; free: %s", len(said.captions), fixed, free)
	knownFixed, knownFree := said.ask(t, r, said)
	t.Logf("to who knows what is held back, fixed: %s; free: %s", knownFixed, knownFree)
	if fixed.right < 0.95*fixed.n {
		t.Errorf("of what the rest fixes: %s", fixed)
	}
	if free.right < free.bayes-0.03*free.n {
		t.Errorf("of what is free: %s", free)
	}
}

// The hidden words are the same in each evaluation, and their share is among the measured values.
func TestMaskedWordsAreMeasured(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	r := must(t, tinyRun(tiny(t), run, "--mlm-weight", "1", "--steps", "20", "--lr", "1e-2", "--json")...)
	got := decodeJSON[map[string]any](t, r)
	if v, ok := got["masked_words_accuracy"].(float64); !ok || v < 0 || v > 1 {
		t.Errorf("%v", got)
	}
}
