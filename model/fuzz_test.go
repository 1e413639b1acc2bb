package model

import (
	"runtime"
	"testing"
)

// No config makes the parser panic, and none that it takes makes the declaration of its parameters take memory or count wrongly.
func FuzzParseConfig(f *testing.F) {
	for _, name := range []string{"ViT-B-32", "coca_ViT-B-32", "ViT-B-16-SigLIP", "ViT-S-32-alt"} {
		data, err := configFiles.ReadFile("configs/" + name + ".json")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"embed_dim": 65536, "vision_cfg": {"layers": 1024, "width": 65536, "mlp_ratio": 64},
		"text_cfg": {"vocab_size": 4194304}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if c, err := ParseConfig(data); err == nil {
			if c.Vision.Layers+c.Text.Layers > 64 { // each is declared: many of them only take time
				return
			}
			m := Declare(c)
			if n := m.ParameterCount(); n <= 0 || m.Bytes() != 4*n || c.FLOPs(c.Text.ContextLength) < 0 {
				t.Fatalf("%d parameters, %d bytes", n, m.Bytes())
			}
		}
		runtime.ReadMemStats(&after)
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 256 {
			t.Fatalf("%d MB", mb)
		}
	})
}
