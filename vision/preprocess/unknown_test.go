package preprocess

import (
	"strings"
	"testing"
)

func TestOnlyKnownTextsAreQuoted(t *testing.T) {
	for file, want := range map[string]string{
		"root:*:20228:0:99999:7:::": "it begins with the bytes 726f6f74", "": "the file is empty", "BM": "the bytes 424d",
		"version https://git-lfs.github.com/spec/v1": `"version https://"`,
		"secret <svg>": "the bytes 73656372",
	} {
		_, err := Decode([]byte(file), DefaultLimits())
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", file, err, want)
		}
	}
}
