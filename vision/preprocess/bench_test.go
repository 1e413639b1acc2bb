package preprocess

import "testing"

func benchmark(b *testing.B, c Config, transform func(dst []uint8, key uint64) error) {
	dst := make([]uint8, c.Size*c.Size*3)
	b.ReportAllocs()
	for key := uint64(0); b.Loop(); key++ {
		if err := transform(dst, key); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTrainCrop136x128To64(b *testing.B) {
	c, im := small(64), drawing(136, 128)
	benchmark(b, c, func(dst []uint8, key uint64) error { return c.Train(dst, im, DefaultAugment(), key) })
}

func BenchmarkTrainEverything136x128To64(b *testing.B) {
	c, im, a := small(64), drawing(136, 128), everything()
	benchmark(b, c, func(dst []uint8, key uint64) error { return c.Train(dst, im, a, key) })
}

func BenchmarkTrainCopy64(b *testing.B) {
	c, im, a := small(64), drawing(64, 64), Augment{Scale: [2]float64{1, 1}, Ratio: [2]float64{1, 1}}
	benchmark(b, c, func(dst []uint8, key uint64) error { return c.Train(dst, im, a, key) })
}

func BenchmarkApply500x375To224(b *testing.B) {
	c, im := small(224), drawing(500, 375)
	benchmark(b, c, func(dst []uint8, _ uint64) error { return c.Apply(dst, im) })
}

func BenchmarkApply2000x1500To224(b *testing.B) {
	c, im := small(224), drawing(2000, 1500)
	benchmark(b, c, func(dst []uint8, _ uint64) error { return c.Apply(dst, im) })
}
