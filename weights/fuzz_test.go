package weights

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"clipgo/internal/golden"
)

// No config.json and preprocessor_config.json of transformers' makes the reader panic or run for long.
func FuzzConfigs(f *testing.F) {
	dir := golden.Dir(f, "model")
	for _, folder := range []string{"clip-gelu/hf", "clip-quickgelu/hf", "siglip-tiny"} {
		config, err1 := os.ReadFile(filepath.Join(dir, folder, hfConfigFile))
		processor, err2 := os.ReadFile(filepath.Join(dir, folder, preprocessorFile))
		if err1 == nil && err2 == nil {
			f.Add(config, processor)
		}
	}
	f.Add([]byte(`{"text_config": {"hidden_size": 1, "intermediate_size": 4194304}, "vision_config": {"hidden_act": "gelu"}}`),
		[]byte(`{"size": 1}`))
	f.Fuzz(func(t *testing.T, config, processor []byte) {
		var c hfConfig
		if json.Unmarshal(config, &c) != nil {
			return
		}
		for _, family := range families() {
			data, err := family.model(c)
			if err != nil {
				continue
			}
			var m modelConfig
			if err := json.Unmarshal(data, &m); err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			var p hfProcessor
			if json.Unmarshal(processor, &p) == nil {
				_, _ = family.preprocess(p, m.Vision.ImageSize)
			}
		}
	})
}
