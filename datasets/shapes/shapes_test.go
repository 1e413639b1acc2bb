package shapes

import (
	"bytes"
	"hash/crc32"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestASceneDependsOnSeedSplitAndIndexAlone(t *testing.T) {
	set := New(Config{N: 100, Seed: 7})
	for i := range 100 {
		longer := New(Config{N: 1e6, Seed: 7, LabelNoise: 0.5})
		if !bytes.Equal(set.Draw(i), longer.Draw(i)) || set.Combination(i) != longer.Combination(i) {
			t.Errorf("scene %d changes with the number of scenes or the captions' noise", i)
		}
		for what, other := range map[string][]uint8{
			"seed":  New(Config{N: 100, Seed: 8}).Draw(i),
			"split": New(Config{N: 100, Seed: 7, Split: Val}).Draw(i),
			"index": set.Draw(i + 100),
		} {
			if bytes.Equal(set.Draw(i), other) {
				t.Errorf("scene %d does not change with the %s", i, what)
			}
		}
	}
}

func TestScenesMayBeDrawnAtTheSameTime(t *testing.T) {
	set := New(Config{N: 64})
	var wg sync.WaitGroup
	drawn := make([][]uint8, 64)
	for i := range drawn {
		wg.Go(func() { drawn[i] = set.Draw(i) })
	}
	wg.Wait()
	for i := range drawn {
		if !bytes.Equal(drawn[i], set.Draw(i)) {
			t.Errorf("scene %d", i)
		}
	}
}

// Runs name their data by Version: whoever changes a scene or a caption changes it, and then this number.
func TestVersionStandsForTheseScenes(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("elsewhere a compiler may fuse multiplications, which moves a colour by one step")
	}
	sum := crc32.NewIEEE()
	for _, split := range []Split{Train, Val, Novel} {
		set := New(Config{N: 300, Seed: 1, Split: split, LabelNoise: 0.1})
		for i := range set.Len() {
			sum.Write(set.Draw(i))
			sum.Write([]byte(strings.Join(set.Captions(i), "\n")))
		}
	}
	if got := sum.Sum32(); Version != 2 || got != 0xa952ae71 {
		t.Errorf("version %d, scenes %#x", Version, got)
	}
}

func TestSplitsShowTheirCombinationsEquallyOften(t *testing.T) {
	for _, split := range []Split{Train, Val, Novel} {
		set := New(Config{N: 48_000, Split: split})
		seen := map[Combination]int{}
		for i := range set.Len() {
			c := set.Combination(i)
			seen[c]++
			if c.Novel() != (split == Novel) {
				t.Fatalf("%s shows %s", split, c.Caption())
			}
		}
		kinds := map[Split]int{Train: 264, Val: 264, Novel: 24}[split]
		mean := float64(set.Len()) / float64(kinds)
		if len(seen) != kinds {
			t.Errorf("%s shows %d combinations", split, len(seen))
		}
		for c, n := range seen {
			if math.Abs(float64(n)-mean) > 5*math.Sqrt(mean) { // five standard deviations
				t.Errorf("%s shows %s %d times, not about %.0f", split, c.Caption(), n, mean)
			}
		}
	}
}

func TestLabelNoiseGivesItsShareTheCaptionsOfOthers(t *testing.T) {
	const n = 20_000
	for _, split := range []Split{Train, Novel} {
		for _, share := range []float64{0, 0.1, 0.5, 1} {
			set := New(Config{N: n, Split: split, LabelNoise: share})
			wrong := 0
			for i := range n {
				said := Combination(slices.Index(classes, set.Captions(i)[0]))
				if said != set.Combination(i) {
					wrong++
				}
				if said.Novel() != (split == Novel) {
					t.Fatalf("%s describes %s", split, said.Caption())
				}
			}
			sigma := math.Sqrt(share * (1 - share) / n)
			if got := float64(wrong) / n; math.Abs(got-share) > 4*sigma {
				t.Errorf("%s with noise %g has %g wrong", split, share, got)
			}
		}
	}
}

// Read is the checker of captions; it finds a count wherever one is named.
func TestTheShareUncountedNamesNoCount(t *testing.T) {
	const n = 20_000
	for _, split := range []Split{Train, Novel} {
		for _, share := range []float64{0, 0.2, 0.8, 1} {
			set := New(Config{N: n, Split: split, Uncounted: share})
			without := 0
			for i := range n {
				captions, want := set.Captions(i), set.Combination(i).Said()
				if Read(captions[0]).Count == "" {
					without++
					want.Count = ""
				}
				for _, caption := range captions {
					if got := Read(caption); got != want {
						t.Fatalf("%q says %+v, want %+v", caption, got, want)
					}
				}
			}
			sigma := math.Sqrt(share * (1 - share) / n)
			if got := float64(without) / n; math.Abs(got-share) > 4*sigma {
				t.Errorf("%s with share %g: %g name no count", split, share, got)
			}
		}
	}
}

var classes = Classes()

func TestKeysNameSplitAndIndex(t *testing.T) {
	for want, got := range map[string]string{
		"shapes/train/000123":  New(Config{N: 200}).Key(123),
		"shapes/val/000000":    New(Config{N: 200, Split: Val}).Key(0),
		"shapes/novel/1234567": New(Config{N: 2e6, Split: Novel}).Key(1234567),
	} {
		if got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}

func BenchmarkDraw(b *testing.B) {
	set := New(Config{N: 1000})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		set.Draw(i % 1000)
	}
}
