package hub

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWeightsOfTheBestForm(t *testing.T) {
	for _, test := range []struct{ has, want string }{
		{"open_clip_model.safetensors model.safetensors open_clip_pytorch_model.bin", "open_clip_model.safetensors"},
		{"open_clip_config.json open_clip_pytorch_model.bin model.safetensors", "open_clip_config.json model.safetensors"},
		{"config.json pytorch_model.bin model.safetensors tf_model.h5 flax_model.msgpack", "config.json model.safetensors"},
		{"model.safetensors.index.json model-00001-of-00002.safetensors pytorch_model.bin", "model.safetensors.index.json"},
		{"pytorch_model.bin pytorch_model.bin.index.json", "pytorch_model.bin"},
		{"ViT-B-32.pt", "ViT-B-32.pt"},
		{"b.pt one.safetensors", "one.safetensors"},
		{"one.safetensors two.safetensors", ""},
		{"sub/model.safetensors", ""},
		{"config.json merges.txt", ""},
	} {
		files := map[string]entry{}
		for name := range strings.FieldsSeq(test.has) {
			files[name] = entry{name: name}
		}
		var got []string
		wanted, _ := choose(files)
		for _, f := range wanted {
			got = append(got, f.name)
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("of %s: %v, want %s", test.has, got, test.want)
		}
	}
}

func TestNamesOfRepositories(t *testing.T) {
	for _, test := range []struct{ name, repo, rev string }{
		{"hf-hub:org/repo", "org/repo", "main"},
		{"hf-hub:gpt2", "gpt2", "main"},
		{"hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K@v1.0", "laion/CLIP-ViT-B-32-laion2B-s34B-b79K", "v1.0"},
		{"hf-hub:org/repo@refs/pr/1", "org/repo", "refs/pr/1"},
		{"hf-hub:org/repo@" + testCommit, "org/repo", testCommit},
		{"org/repo", "", ""}, {"hf-hub:", "", ""}, {"hf-hub:a/b/c", "", ""}, {"hf-hub:../b", "", ""}, {"hf-hub:a/..", "", ""},
		{"hf-hub:/a", "", ""},
		{"hf-hub:a/b@", "", ""}, {"hf-hub:a/b@../c", "", ""}, {"hf-hub:a/b@/c", "", ""}, {"hf-hub:a/b@x/../c", "", ""},
		{"hf-hub:a--b/c", "", ""},
		{"hf-hub:a/b?x", "", ""}, {"hf-hub:a/b.git", "", ""}, {"hf-hub:a/b c", "", ""},
	} {
		repo, rev, err := Parse(test.name)
		if test.repo == "" {
			if err == nil {
				t.Errorf("%s is taken for %s at %s", test.name, repo, rev)
			}
			continue
		}
		if err != nil || repo != test.repo || rev != test.rev {
			t.Errorf("%s: %q, %q, %v", test.name, repo, rev, err)
		}
	}
}

func TestEnvironmentIsReadAsHuggingFaceDoes(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "token"), []byte(" from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ env, cache, token string }{
		{"HOME=/h", "/h/.cache/huggingface/hub", ""},
		{"HOME=/h XDG_CACHE_HOME=/x", "/x/huggingface/hub", ""},
		{"HOME=/h XDG_CACHE_HOME=/x HF_HOME=" + home, home + "/hub", "from-file"},
		{"HOME=/h HF_HOME=~/a HF_HUB_CACHE=$HF_HOME/../c", "/h/c", ""},
		{"HOME=/h HF_HOME=" + home + " HF_TOKEN=from-env HF_HUB_CACHE=/c", "/c", "from-env"},
		{"HOME=/h HF_TOKEN_PATH=" + home + "/token HUGGINGFACE_HUB_CACHE=/old", "/old", "from-file"},
		{"HOME=/h HF_TOKEN=from-env HF_HUB_DISABLE_IMPLICIT_TOKEN=1", "/h/.cache/huggingface/hub", ""},
	} {
		t.Run(test.env, func(t *testing.T) {
			for _, name := range []string{"HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME", "HF_TOKEN",
				"HUGGING_FACE_HUB_TOKEN",
				"HF_TOKEN_PATH", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_ENDPOINT", "HF_HUB_DISABLE_IMPLICIT_TOKEN"} {
				t.Setenv(name, "")
			}
			for assignment := range strings.FieldsSeq(test.env) {
				name, value, _ := strings.Cut(assignment, "=")
				t.Setenv(name, value)
			}
			if c := FromEnvironment(); c.Cache != test.cache || c.Token != test.token || c.Offline {
				t.Errorf("cache %q, token %q, offline %v", c.Cache, c.Token, c.Offline)
			}
		})
	}
}
