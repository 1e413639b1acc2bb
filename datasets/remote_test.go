package datasets

import (
	"encoding/json"
	"testing"
)

func TestByteCountsHaveUnits(t *testing.T) {
	for text, want := range map[string]ByteCount{
		`5`: 5, `"5"`: 5, `1e3`: 1000, `"500MB"`: 500e6, `"1.5 TB"`: 15e11, `"64GiB"`: 64 << 30, `"2k"`: 2048, `"0"`: 0,
	} {
		var got ByteCount
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{`"GB"`, `"-5"`, `"5XB"`, `"five"`, `"NaN"`, `"1e30TB"`, `true`, `-1`, `""`} {
		var got ByteCount
		if err := json.Unmarshal([]byte(text), &got); err == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
}

func TestTheStoreHasTheSettings(t *testing.T) {
	s := Options{DataCache: t.TempDir(), DataCacheSize: 1 << 30}.NewStore(nil)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
