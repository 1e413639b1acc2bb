package curation

import (
	"strings"
	"testing"
)

// dropped are the rows that a result drops.
func dropped(r *Result) (out []int) {
	for i, d := range r.Decisions {
		if !d.Keep {
			out = append(out, i)
		}
	}
	return out
}

func TestDedupDropsAllButOneOfAGroup(t *testing.T) {
	c := clustered(100, 48)
	copy(c.Features[21*48:22*48], c.Features[20*48:21*48])
	c.Items[20].Hash, c.Items[21].Hash, c.Items[20].Size, c.Items[21].Size = "h", "h", 1, 2
	r, err := c.Dedup(t.Context(), 0.9999)
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Decisions[20]; d.Keep || d.Group != 1 || d.Reason != "same bytes as "+c.Items[21].Path || d.Score < 0.9999 {
		t.Errorf("the duplicate: %+v", d)
	}
	if got := dropped(r); len(got) != 1 || r.Kept != 99 || r.Groups != 1 || !r.Decisions[21].Keep {
		t.Errorf("dropped %v; %+v", got, r)
	}
}

func TestMethodsDropWhatTheySay(t *testing.T) {
	c := clustered(100, 48)
	c.Items[33].Path = "/p/7/33.jpg"
	test := clustered(100, 48).part([]int{50, 60})
	for name, want := range map[string]struct {
		run  func() (*Result, error)
		rows int
		has  int
	}{
		"outliers": {func() (*Result, error) { return c.Outliers(t.Context(), 7) }, 7, -1},
		"pairs":    {func() (*Result, error) { return c.Fit(t.Context(), 4) }, 4, -1},
		"leaks":    {func() (*Result, error) { return c.Leaks(t.Context(), test, 0.9999) }, 2, 60},
		"misfiled": {func() (*Result, error) { return c.Refile(t.Context(), 9) }, 1, 33},
		"diverse":  {func() (*Result, error) { return c.Spread(t.Context(), 10) }, 90, -1},
		"balance":  {func() (*Result, error) { return c.Balance(t.Context(), 4) }, 60, -1},
	} {
		r, err := want.run()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		rows := dropped(r)
		if len(rows) != want.rows || r.Kept != 100-want.rows || r.Method != name || len(r.Decisions) != 100 {
			t.Errorf("%s: dropped %v; %d kept, method %s", name, rows, r.Kept, r.Method)
		}
		if want.has >= 0 && (r.Decisions[want.has].Keep || r.Decisions[want.has].Reason == "") {
			t.Errorf("%s: %+v", name, r.Decisions[want.has])
		}
		if !strings.HasPrefix(r.Summary[0], "100 pictures, ") {
			t.Errorf("%s: %q", name, r.Summary)
		}
	}
}

func TestWhatAMethodNeedsIsSaid(t *testing.T) {
	c := clustered(20, 48)
	c.Captions = nil
	for i := range c.Items {
		c.Items[i].Path = "/p/" + c.Items[i].Caption
	}
	if _, err := c.Fit(t.Context(), 1); err == nil {
		t.Error("pairs without captions")
	}
	if _, err := c.Refile(t.Context(), 3); err == nil {
		t.Error("misfiled in one folder")
	}
	if _, err := c.Leaks(t.Context(), clustered(20, 32), 0.9); err == nil {
		t.Error("leaks of another dimension")
	}
}

func TestGroupsAreNumberedFromTheLargest(t *testing.T) {
	c := clustered(40, 48)
	k := &Clusters{Of: make([]int, 40), Scores: make([]float64, 40), Centers: [][]float32{c.Feature(0), c.Feature(10), c.Feature(20)}}
	for i := range k.Of {
		k.Of[i] = 1
	}
	k.Of[0], k.Of[1], k.Of[2], k.Of[3] = 2, 2, 0, -1
	r := c.Grouped(k, [][]string{{"a"}, {"b", "c"}, {"d"}})
	d := r.Decisions
	if d[9].Group != 1 || d[9].Reason != "b, c" || d[0].Group != 2 || d[3].Group != 0 || r.Groups != 3 {
		t.Errorf("%+v", r.Decisions[:10])
	}
}
