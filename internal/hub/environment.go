package hub

import (
	"os"
	"path/filepath"
	"strings"

	"clipgo/internal/bounded"
)

// FromEnvironment returns a client with the settings of huggingface_hub's environment variables: HF_ENDPOINT; HF_TOKEN, or the file that
// `hf auth login` writes (HF_TOKEN_PATH); HF_HUB_CACHE, HF_HOME and XDG_CACHE_HOME; HF_HUB_OFFLINE.
func FromEnvironment() *Client {
	home := directory("HF_HOME", filepath.Join(directory("XDG_CACHE_HOME", "~/.cache"), "huggingface"))
	cache := directory("HUGGINGFACE_HUB_CACHE", filepath.Join(home, "hub"))
	return &Client{
		Endpoint: strings.TrimRight(os.Getenv("HF_ENDPOINT"), "/"),
		Token:    token(directory("HF_TOKEN_PATH", filepath.Join(home, "token"))),
		Cache:    directory("HF_HUB_CACHE", cache),
		Offline:  isTrue(first("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")),
	}
}

// token is the user's token; empty if there is none or the user has disabled sending it.
func token(path string) string {
	if isTrue(os.Getenv("HF_HUB_DISABLE_IMPLICIT_TOKEN")) {
		return ""
	}
	if t := clean(first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")); t != "" {
		return t
	}
	data, _ := bounded.ReadFile(path, bounded.CacheEntry) // most users have none
	return clean(string(data))
}

func clean(token string) string {
	return strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(token))
}

// directory is the value of an environment variable, with variables and ~ expanded.
func directory(name, otherwise string) string {
	dir := os.Getenv(name)
	if dir == "" {
		dir = otherwise
	}
	dir = os.ExpandEnv(dir)
	if rest, ok := strings.CutPrefix(dir, "~"); ok && (rest == "" || rest[0] == filepath.Separator) {
		home, err := os.UserHomeDir()
		if err != nil {
			home = os.TempDir()
		}
		dir = home + rest
	}
	return filepath.Clean(dir)
}

func first(names ...string) string {
	for _, n := range names {
		if v := os.Getenv(n); v != "" {
			return v
		}
	}
	return ""
}

func isTrue(value string) bool {
	switch strings.ToUpper(value) {
	case "1", "ON", "YES", "TRUE":
		return true
	}
	return false
}
