package eval

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The accuracies of groups are compared with a count from the definition: the label is among the k largest logits.
func TestGroupsAreMeasuredFromTheDefinition(t *testing.T) {
	const n, classes = 300, 7
	random := rand.New(rand.NewPCG(5, 1))
	logits, labels, groups := make([]float32, n*classes), make([]int, n), make([]int, n)
	hits, count := map[[2]int]int{}, map[int]int{}
	for i := range n {
		labels[i], groups[i] = random.IntN(classes), []int{-3, 0, 2, 90}[random.IntN(4)]
		row := logits[i*classes : (i+1)*classes]
		for j := range row {
			row[j] = random.Float32()
		}
		count[groups[i]]++
		larger := 0
		for _, v := range row {
			if v > row[labels[i]] {
				larger++
			}
		}
		for _, k := range []int{1, 5} {
			if larger < k {
				hits[[2]int{groups[i], k}]++
			}
		}
	}
	g, err := ByGroup("region", logits, labels, groups, classes)
	inOrder := slices.IsSortedFunc(g.Groups, func(a, b GroupResult) int { return a.Group - b.Group })
	if err != nil || len(g.Groups) != len(count) || !inOrder {
		t.Fatalf("%+v, %v", g, err)
	}
	worst1, worst5 := 1.0, 1.0
	for _, one := range g.Groups {
		top1 := float64(hits[[2]int{one.Group, 1}]) / float64(count[one.Group])
		top5 := float64(hits[[2]int{one.Group, 5}]) / float64(count[one.Group])
		worst1, worst5 = min(worst1, top1), min(worst5, top5)
		if one.N != count[one.Group] || one.Top1 != top1 || *one.Top5 != top5 {
			t.Errorf("%+v, want %v and %v of %d", one, top1, top5, count[one.Group])
		}
	}
	if g.WorstTop1 != worst1 || *g.WorstTop5 != worst5 {
		t.Errorf("the worst are %v and %v, want %v and %v", g.WorstTop1, *g.WorstTop5, worst1, worst5)
	}
	few, err := ByGroup("", []float32{1, 0, 1, 0}, []int{0, 1}, []int{1, 1}, 2)
	if err != nil || few.WorstTop5 != nil || few.WorstTop1 != 0.5 {
		t.Errorf("%+v, %v", few, err)
	}
	if _, err := ByGroup("", nil, []int{0}, nil, 2); err == nil {
		t.Error("labels without logits and groups pass")
	}
}
