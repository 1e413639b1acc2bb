package probe

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// BenchmarkSweep fits the whole path of C and measures each fit on validation data. scripts/sweep.py gives it data and compares it with
// scikit-learn.
func BenchmarkSweep(b *testing.B) {
	train, val := clusters(1, 4000, 64, 20, 2), clusters(2, 800, 64, 20, 2)
	classes, values := 20, 96
	if dir := os.Getenv("CLIPGO_SWEEP"); dir != "" {
		var dim int
		if _, err := fmt.Sscanf(os.Getenv("CLIPGO_SWEEP_SHAPE"), "%d,%d,%d", &dim, &classes, &values); err != nil {
			b.Fatal(err)
		}
		train, val = stored(b, dir, "train", dim), stored(b, dir, "val", dim)
	}
	b.ResetTimer()
	for range b.N {
		trials, best, err := sweep(context.Background(), train, val, classes, logarithmic(values))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(best.C, "C")
		if out := os.Getenv("CLIPGO_SWEEP_OUT"); out != "" {
			writeTrials(b, out, trials)
		}
	}
}

func writeTrials(b *testing.B, out string, trials []Trial) {
	f, err := os.Create(out)
	if err != nil {
		b.Fatal(err)
	}
	lines := json.NewEncoder(f)
	for _, t := range trials {
		if err := lines.Encode(t); err != nil {
			b.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// stored reads features (float32) and labels (int64) of a file each, little-endian.
func stored(b *testing.B, dir, name string, dim int) Set {
	s := Set{Dim: dim}
	for _, ext := range []string{".f32", ".i64"} {
		data, err := os.ReadFile(filepath.Join(dir, name+ext))
		if err != nil {
			b.Fatal(err)
		}
		if ext == ".i64" {
			for ; len(data) > 0; data = data[8:] {
				s.Labels = append(s.Labels, int(binary.LittleEndian.Uint64(data)))
			}
		}
		for ; len(data) > 0; data = data[4:] {
			s.Features = append(s.Features, math.Float32frombits(binary.LittleEndian.Uint32(data)))
		}
	}
	return s
}

// A share of the training data stands for validation data: the rest is trained on, the drawn rows are those of the whole, and a share
// that leaves nothing is refused.
func TestAShareIsHeldOut(t *testing.T) {
	s, test := clusters(1, 120, 8, 4, 2), clusters(2, 80, 8, 4, 2)
	p := Protocol{AdamW: CLIPBenchmark, Normalize: true, HeldOut: 0.25, Seed: 3}
	all, err := p.Measure(context.Background(), s, Set{}, test, 4)
	if err != nil || all.HeldOut != 30 || len(all.Search) == 0 || all.Train != 120 {
		t.Fatalf("%+v, %v", all, err)
	}
	p.Shots = 5
	few, err := p.Measure(context.Background(), s, Set{}, test, 4)
	if err != nil || few.Train != 20 || len(few.Rows) != 20 {
		t.Fatalf("%+v, %v", few, err)
	}
	_, val, _ := split(s, 30, p.Seed)
	drawn := map[int]int{}
	for _, row := range few.Rows {
		drawn[s.Labels[row]]++
		for j := range val.Len() {
			if slices.Equal(s.Row(row), val.Row(j)) {
				t.Errorf("row %d was trained on and held out", row)
			}
		}
	}
	if drawn[0] != 5 || len(drawn) != 4 {
		t.Errorf("samples per class: %v", drawn)
	}
	p.HeldOut = 0.001
	if _, err := p.Measure(context.Background(), s, Set{}, test, 4); err == nil || !strings.Contains(err.Error(), "120 training samples") {
		t.Errorf("%v", err)
	}
	for _, share := range []float64{-0.1, 1, math.NaN()} {
		if (Study{Protocol: Protocol{HeldOut: share}}).Check() == nil {
			t.Errorf("a share of %v passes", share)
		}
	}
}
