package model_test

import (
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"clipgo/internal/durable"
	"clipgo/internal/torch"
	"clipgo/model"
	"clipgo/model/modeltest"
	"clipgo/weights"
)

// maxLightDistance is 1 - cosine of features with and without libtorch: rounding in float32 may move a byte of a row to its neighbour.
const maxLightDistance = 1e-5

// light opens the text tower of a model, whose weights it writes to a file, without libtorch. Forms named by keep stay in float32.
func light(t *testing.T, m *model.Model, threads int, keep func(name string) bool) (opened *model.Model, ok bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := durable.WriteFile(path, 0o644, func(w io.Writer) error { return m.WriteWeights(w) }); err != nil {
		t.Fatal(err)
	}
	set, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := model.CheckInt8(m.Config, set, model.TextTower, model.Int8{Forms: forms(t, m, keep), Sound: true})
	if err != nil {
		t.Fatal(err)
	}
	opened, ok = checked.OpenWords(threads)
	if !ok {
		checked.Close()
		return nil, false
	}
	t.Cleanup(opened.Free)
	return opened, true
}

// forms are the 8-bit forms of a model but for those that keep names.
func forms(t *testing.T, m *model.Model, keep func(name string) bool) model.Int8Forms {
	t.Helper()
	all, err := m.Quantize(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(all, func(name string, q *torch.Int8) bool {
		if keep(name) {
			q.Free()
		}
		return keep(name)
	})
	return all
}

func none(string) bool { return false }

// textsOf are random ones of the given numbers of tokens, and their ids. The last token is the largest id.
func textsOf(c model.Config, lengths []int) []int32 {
	rng := rand.New(rand.NewPCG(3, 4))
	var ids []int32
	for _, n := range lengths {
		row := make([]int32, c.Text.ContextLength)
		for i := range n - 1 {
			row[i] = int32(1 + rng.IntN(c.Text.VocabSize-2))
		}
		row[n-1] = int32(c.Text.VocabSize - 1)
		ids = append(ids, row...)
	}
	return ids
}

// sameFeatures compares the features of captions with those that libtorch computes from the same 8-bit forms.
func sameFeatures(t *testing.T, m *model.Model, lengths []int, keep func(name string) bool) {
	t.Helper()
	ids, n := textsOf(m.Config, lengths), len(lengths)
	q := forms(t, m, keep)
	defer q.Free()
	m.UseInt8(q)
	want, err := m.EmbedTokens(t.Context(), ids, n)
	m.UseInt8(nil)
	if err != nil {
		t.Fatal(err)
	}
	words, ok := light(t, m, 2, keep)
	if !ok {
		t.Fatal("the tower isn't computed without libtorch")
	}
	got, err := words.EmbedTokens(t.Context(), ids, n)
	if err != nil {
		t.Fatal(err)
	}
	e, worst := m.Dim(), 0.0
	for i, length := range lengths {
		distance := 1 - modeltest.Cosine(got[i*e:][:e], want[i*e:][:e])
		if worst = max(worst, distance); !(distance <= maxLightDistance) {
			t.Errorf("%d tokens: 1 - cosine is %g", length, distance)
		}
	}
	t.Logf("largest 1 - cosine of %d captions: %.2g", n, worst)
	alone(t, m, ids, got, keep)
}

// alone expects that captions have the same bits alone as in a batch, with other numbers of threads, too.
func alone(t *testing.T, m *model.Model, ids []int32, want []float32, keep func(name string) bool) {
	t.Helper()
	l, e := m.Config.Text.ContextLength, m.Dim()
	for _, threads := range []int{1, 3} {
		words, _ := light(t, m, threads, keep)
		whole, err := words.EmbedTokens(t.Context(), ids, len(ids)/l)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(ids) / l {
			one, err := words.EmbedTokens(t.Context(), ids[i*l:][:l], 1)
			if err != nil || !slices.Equal(one, whole[i*e:][:e]) {
				t.Fatalf("caption %d on %d threads has other bits alone, %v", i, threads, err)
			}
		}
		if !slices.Equal(whole, want) {
			t.Fatalf("the batch has other bits on %d threads", threads)
		}
	}
}

// counts are 1 to n.
func counts(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i + 1
	}
	return out
}

// TestGoldenWordsWithoutLibtorch: the towers of all kinds of models have their features in 8 bits without libtorch, too.
func TestGoldenWordsWithoutLibtorch(t *testing.T) {
	half := func(name string) bool { return strings.Contains(name, "c_fc") || strings.Contains(name, ".1.attn.") }
	check := func(t *testing.T, x modeltest.Fixture) {
		sameFeatures(t, x.Model, counts(x.Model.Config.Text.ContextLength), none)
		sameFeatures(t, x.Model, counts(x.Model.Config.Text.ContextLength), half)
	}
	modeltest.PlainCLIPs(t, torch.Float32, check)
	modeltest.SigLIPs(t, torch.Float32, "tanh", check)
}

// TestWordsOfALargeTowerWithoutLibtorch is that of ViT-B-32, with fresh weights. Where one matrix is in 8 bits, the features
// agree. Where all are, a byte that rounding moves in one block moves others in the blocks behind it, and the features with and without
// libtorch differ by less than either does from float32.
func TestWordsOfALargeTowerWithoutLibtorch(t *testing.T) {
	c, err := model.NamedConfig("ViT-B-32")
	if err != nil {
		t.Fatal(err)
	}
	c.Vision.Layers, c.Text.Layers = 1, 4
	m, lengths := modeltest.New(t, c, model.On()), []int{1, 2, 5, 8, 15, 16, 17, 33, 77, 4, 4}
	sameFeatures(t, m, lengths, func(name string) bool { return name != "transformer.resblocks.0.attn.in_proj_weight" })
	ids, n, e := textsOf(c, lengths), len(lengths), m.Dim()
	embed := func(m *model.Model) []float32 {
		out, err := m.EmbedTokens(t.Context(), ids, n)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	exact := embed(m)
	q := forms(t, m, none)
	defer q.Free()
	m.UseInt8(q)
	with := embed(m)
	m.UseInt8(nil)
	words, _ := light(t, m, 2, none)
	without := embed(words)
	var between, ofWith, ofWithout float64
	for i := 0; i < len(exact); i += e {
		between = max(between, 1-modeltest.Cosine(with[i:i+e], without[i:i+e]))
		ofWith = max(ofWith, 1-modeltest.Cosine(with[i:i+e], exact[i:i+e]))
		ofWithout = max(ofWithout, 1-modeltest.Cosine(without[i:i+e], exact[i:i+e]))
	}
	t.Logf("largest 1 - cosine: %.2g with and without libtorch, %.2g and %.2g to float32", between, ofWith, ofWithout)
	if !(between < ofWith) || !(ofWithout < 1.5*ofWith) {
		t.Errorf("1 - cosine: %g with and without libtorch, to float32 %g and %g", between, ofWith, ofWithout)
	}
}

// TestWordsWithOtherInstructions: so they do with the instructions of lesser CPUs.
func TestWordsWithOtherInstructions(t *testing.T) {
	if testing.Short() {
		t.Skip("runs tests in other processes")
	}
	for _, capability := range []string{"avx2", "default"} {
		again := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestGoldenWordsWithoutLibtorch$", "-test.v")
		again.Env = append(os.Environ(), "ATEN_CPU_CAPABILITY="+capability)
		if out, err := again.CombinedOutput(); err != nil {
			t.Errorf("ATEN_CPU_CAPABILITY=%s: %v\n%s", capability, err, out)
		}
	}
}

// TestWordsThatNeedLibtorch: a tower with a class token is left to libtorch, and its weights stay open for that.
func TestWordsThatNeedLibtorch(t *testing.T) {
	m := modeltest.New(t, modeltest.TinyCoCaConfig(), model.On())
	if _, ok := light(t, m, 1, none); ok {
		t.Error("a tower with a class token is computed without it")
	}
	if _, ok := light(t, modeltest.NewTiny(t, modeltest.Unchanged), 1, func(string) bool { return true }); ok {
		t.Error("a model without 8-bit forms is computed in 8 bits")
	}
}
