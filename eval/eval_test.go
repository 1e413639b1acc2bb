package eval

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
)

func TestOpenAITemplatesAreEightyDifferentOnes(t *testing.T) {
	list := OpenAITemplates()
	seen := map[string]bool{}
	for _, template := range list {
		seen[template] = true
		if strings.Count(template, "{}") != 1 {
			t.Errorf("template %q", template)
		}
	}
	if len(list) != 80 || len(seen) != 80 || list[0] != "a bad photo of a {}." {
		t.Errorf("%d templates, %d different, first %q", len(list), len(seen), list[0])
	}
}

func TestTemplatesTakeBothPlaceholders(t *testing.T) {
	got, err := ReadTemplates(strings.NewReader("\ufeffa photo of a {}.\r\n\n  the {c}, a {c}  \n"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []string{"a photo of a {}.", "the {c}, a {c}"}) {
		t.Errorf("read %q", got)
	}
	if p := Prompt(got[1], "cat {}"); p != "the cat {}, a cat {}" {
		t.Errorf("prompt %q", p)
	}
	for _, bad := range []string{"", "a {}\nno place\n"} {
		if _, err := ReadTemplates(strings.NewReader(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestBelowFiveClassesTopFiveIsNull(t *testing.T) {
	a := NewAccuracy(2)
	if err := a.Add([]float32{1, 0, 0.5, 0.5, 0, 1}, []int{0, 1, 1}); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(a.Result())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"top1":0.6666666666666666,"top5":null,"mean_per_class_recall":0.75,"n":3,"classes":2,"chance":0.5}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAbsentClassesDontCountInMeanRecall(t *testing.T) {
	a := NewAccuracy(6)
	if err := a.Add([]float32{9, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0}, []int{0, 5}); err != nil {
		t.Fatal(err)
	}
	r := a.Result()
	if r.MeanPerClassRecall != 0.5 || r.Top1 != 0.5 || *r.Top5 != 0.5 {
		t.Errorf("%+v, top 5 %v", r, *r.Top5)
	}
	if c := a.ByClass(make([]string, 6)); *c[0].Recall != 1 || *c[5].Recall != 0 || c[1].Recall != nil {
		t.Errorf("recall of classes %+v", c)
	}
}

func TestBadInputIsAnError(t *testing.T) {
	nan := float32(math.NaN())
	a := NewAccuracy(2)
	c := &Classifier{Classes: []string{"a"}, Dim: 2, Weights: []float32{1, 0}}
	for name, err := range map[string]error{
		"label out of range": a.Add([]float32{1, 2}, []int{2}),
		"NaN logit":          a.Add([]float32{1, nan}, []int{0}),
		"too few logits":     a.Add([]float32{1}, []int{0}),
		"NaN feature":        second(c.Logits([]float32{nan, 1})),
		"torn row":           second(c.Logits([]float32{1, 1, 1})),
		"rank of two":        second(c.Rank([]float32{1, 1, 1, 1}, 1)),
		"text of no image":   second(Retrieve([]float32{1}, []float32{1}, 1, []int{1}, []int{1})),
		"odd targets":        second(RankLabels([]float32{1, 2}, []bool{true}, 1)),
		"NaN score":          second(RankLabels([]float32{1, nan}, []bool{true, false}, 1)),
	} {
		if err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestRankGivesProbabilitiesBestFirst(t *testing.T) {
	c := &Classifier{Classes: []string{"x", "y", "z"}, Dim: 2, Weights: []float32{0.8, 0.6, 1, 0, 0, 1}}
	got, err := c.Rank([]float32{5, 0}, 2)
	if err != nil {
		t.Fatal(err)
	}
	p := math.Exp(-20) // cosines 0.8, 1 and 0, times 100
	if len(got) != 2 || got[0].Label != "y" || got[1].Label != "x" || math.Abs(got[1].Score/(p/(1+p))-1) > 1e-5 {
		t.Errorf("%+v", got)
	}
}

// The oracle sorts every query's scores; the code counts without holding them.
func TestRetrievalEqualsSorting(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const images, texts, dim = 37, 95, 5
	im, tx, owner := normal(r, images*dim), normal(r, texts*dim), make([]int, texts)
	for i := range owner {
		owner[i] = r.IntN(images - 3) // the last three images have no text
	}
	copy(im[dim:2*dim], im[:dim]) // equal rows: ties by number
	copy(tx[dim:2*dim], tx[:dim])
	got, err := Retrieve(im, tx, dim, owner, []int{1, 5, 10, 1000})
	if err != nil {
		t.Fatal(err)
	}
	for n, k := range []int{1, 5, 10, 1000} {
		forText, forImage := 0, 0
		for q := range texts {
			if slices.Contains(nearest(tx[q*dim:(q+1)*dim], im, k), owner[q]) {
				forText++
			}
		}
		for q := range images {
			if slices.ContainsFunc(nearest(im[q*dim:(q+1)*dim], tx, k), func(t int) bool { return owner[t] == q }) {
				forImage++
			}
		}
		if got.Image[n].Value != float64(forText)/texts || got.Text[n].Value != float64(forImage)/images {
			t.Errorf("k=%d: got %v and %v, want %v and %v of %d and %d", k, got.Image[n].Value, got.Text[n].Value, forText, forImage,
				texts, images)
		}
	}
}

func nearest(query, rows []float32, k int) []int {
	dim := len(query)
	score := make([]float64, len(rows)/dim)
	order := make([]int, len(score))
	for i := range score {
		var dot, norm float64
		for j, v := range rows[i*dim : (i+1)*dim] {
			dot += float64(query[j]) * float64(v)
			norm += float64(v) * float64(v)
		}
		score[i], order[i] = dot/math.Sqrt(norm), i
	}
	sort.SliceStable(order, func(a, b int) bool { return score[order[a]] > score[order[b]] })
	return order[:min(k, len(order))]
}

func normal(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

func BenchmarkRetrieve(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	const images, texts, dim = 1000, 5000, 512 // a 25th of COCO's test pairs
	im, tx, owner := normal(r, images*dim), normal(r, texts*dim), make([]int, texts)
	for i := range owner {
		owner[i] = i / 5
	}
	for b.Loop() {
		if _, err := Retrieve(im, tx, dim, owner, []int{1, 5, 10}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(images*texts*dim*2)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
