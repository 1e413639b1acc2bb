package probe

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
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
