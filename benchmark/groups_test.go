package benchmark

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"clipgo/internal/golden"
)

// numbers is a .npy file of int64.
func numbers(values ...int) []byte {
	head := fmt.Sprintf("{'descr': '<i8', 'fortran_order': False, 'shape': (%d,), }", len(values))
	head += strings.Repeat(" ", 63-(10+len(head))%64) + "\n"
	out := append(binary.LittleEndian.AppendUint16([]byte("\x93NUMPY\x01\x00"), uint16(len(head))), head...)
	for _, v := range values {
		out = binary.LittleEndian.AppendUint64(out, uint64(v))
	}
	return out
}

// withGroups copies a set of the fixtures and puts the groups of sample i, counted over all shards, beside its class.
func withGroups(t *testing.T, set string, groups func(i int) []int) string {
	t.Helper()
	to, n := filepath.Join(t.TempDir(), filepath.Base(set)), 0
	if err := os.CopyFS(to, os.DirFS(set)); err != nil {
		t.Fatal(err)
	}
	shards, err := filepath.Glob(filepath.Join(to, TestSplit, "*.tar"))
	if err != nil || len(shards) == 0 || len(shards) > 10 {
		t.Fatal(shards, err)
	}
	for _, path := range shards { // in their order: their names have one digit
		var out bytes.Buffer
		r, w := tar.NewReader(bytes.NewReader(golden.Read(t, path))), tar.NewWriter(&out)
		for {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			err = errors.Join(err, w.WriteHeader(h))
			_, wrong := w.Write(content)
			if key, ok := strings.CutSuffix(h.Name, ".cls"); ok {
				data := numbers(groups(n)...)
				err = errors.Join(err, w.WriteHeader(&tar.Header{Name: key + ".npy", Mode: 0o600, Size: int64(len(data))}))
				_, wrong = w.Write(data)
				n++
			}
			if err := errors.Join(err, wrong); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.Close(), os.WriteFile(path, out.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// Groups beside the classes give accuracies of each group. The worst ones are DataComp's value of a set, its other numbers stay.
func TestGroupsAreMeasuredFromShardsToAverages(t *testing.T) {
	dir := golden.Dir(t, "benchmark")
	place := withGroups(t, filepath.Join(dir, "data", "wds_digits"), func(i int) []int { return []int{i % 3, 2000 + i/9} })
	s := smallSuite(t, t.TempDir())
	s.Tasks = []string{ZeroShot}
	s.Data = nil
	for _, name := range []string{"wds/fairness/dollar_street", "wds/fairness/geode", "wds/wilds/fmow"} {
		d, err := Open(name+"="+place, s.Settings.Data)
		if err != nil {
			t.Fatal(err)
		}
		s.Data = append(s.Data, d)
	}
	if err := s.Run(context.Background()); err != nil {
		t.Fatal(err)
	}
	stored := golden.Tensors(t, filepath.Join(dir, "details", "zs-digits.safetensors"))
	logits, labels := stored["logits"], stored["labels"].I64
	worst1, worst5 := worstOfThree(logits.F32, labels, logits.Shape[1])
	entries, err := Collect(s.Out)
	if err != nil || len(entries) != len(s.Data) {
		t.Fatalf("%d results, %v", len(entries), err)
	}
	for _, e := range entries {
		if len(e.Result.Metrics) != 3 || e.Details.Skipped > 0 {
			t.Errorf("%s: %v", e.Result.Dataset, e.Result.Metrics)
		}
		want, first := worst1, "region"
		if strings.Contains(e.Result.Dataset, "dollar") {
			want, first = worst5, "income_ds"
		}
		groups := e.Details.More["groups"].([]any)
		if name := groups[0].(map[string]any)["name"]; len(groups) != 2 || name != first {
			t.Errorf("%s: %d groups, %v", e.Result.Dataset, len(groups), name)
		}
		for _, d := range dataComp {
			if v, ok := d.find([]Entry{e}); ok {
				close6(t, d.name, v, want, 1e-9)
			}
		}
	}
	if a := Averages(entries)[0].Averages; a[len(a)-1].Sets != len(s.Data) {
		t.Errorf("%+v", a)
	}
}

// worstOfThree are the worst accuracies of the samples with the same rest of their number by 3.
func worstOfThree(logits []float32, labels []int64, classes int) (top1, top5 float64) {
	var hits1, hits5, n [3]float64
	for i, label := range labels {
		row, larger := logits[i*classes:(i+1)*classes], 0
		for _, v := range row {
			if v > row[label] {
				larger++
			}
		}
		if n[i%3]++; larger < 1 {
			hits1[i%3]++
		}
		if larger < 5 {
			hits5[i%3]++
		}
	}
	top1, top5 = 1, 1
	for g := range n {
		top1, top5 = min(top1, hits1[g]/n[g]), min(top5, hits5[g]/n[g])
	}
	return top1, top5
}

// Samples of which only some have groups have no accuracies of groups, and a note says so.
func TestGroupsOfSomeSamplesAreLeftOut(t *testing.T) {
	dir, s, m := openFixture(t)
	set := filepath.Join(dir, "data", "wds_digits")
	place := withGroups(t, set, func(i int) []int { return make([]int, 1+i%2) })
	got := measuredBy(t, s, m, place, ZeroShot)
	notes := strings.Join(got.Details.Notes, "\n")
	if got.Details.More["groups"] != nil || !strings.Contains(notes, "groups are left out") {
		t.Errorf("%v\n%s", got.Details.More["groups"], notes)
	}
	all := measuredBy(t, s, m, withGroups(t, set, func(i int) []int { return []int{i % 2} }), ZeroShot)
	if text := strings.Join(all.Lines("x"), "\n"); !strings.Contains(text, "worst group") || !strings.Contains(text, "group 0") {
		t.Errorf("%s", text)
	}
}
