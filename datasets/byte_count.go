package datasets

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"

	"clipgo/datasets/store"
	"clipgo/internal/fault"
)

// ByteCount is a number of bytes, as a number or with a unit: 500MB, 1.5TB, 64GiB.
type ByteCount int64

// units are the units of ByteCount, in bytes.
var units = map[string]float64{
	"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40,
	"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40,
}

const maxByteCount = 1 << 60

// ParseByteCount reads a number of bytes with or without a unit.
func ParseByteCount(text string) (ByteCount, error) {
	text = strings.TrimSpace(text)
	digits := strings.TrimRight(text, "BKMGTIbkmgti ")
	unit, known := units[strings.ToUpper(strings.TrimSpace(text[len(digits):]))]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !known || !(n >= 0 && n*unit <= maxByteCount) {
		return 0, fmt.Errorf("%q is no number of bytes, such as 500MB or 64GiB", text)
	}
	return ByteCount(n * unit), nil
}

// UnmarshalJSON takes a number, or text with a unit.
func (n *ByteCount) UnmarshalJSON(data []byte) error {
	text := string(data)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	v, err := ParseByteCount(text)
	if err == nil {
		*n = v
	}
	return err
}

// checkCache refuses settings of the cache that can't be meant.
func (o Options) checkCache() error {
	if o.DataCache == "" && o.DataCacheSize > 0 {
		return fault.Setting("data_cache_size", "it is the limit of data_cache, which is missing")
	}
	if st, err := os.Stat(o.DataCache); err == nil && !st.IsDir() {
		return fault.Setting("data_cache", "%s is a file; a directory is wanted", o.DataCache)
	}
	return nil
}

// store is the one that is given, or a new one that is closed with its source.
func (o Options) store() (s *store.Store, closeIt func() error) {
	if o.Store != nil {
		return o.Store, func() error { return nil }
	}
	s = o.NewStore(o.Log)
	return s, s.Close
}

// NewStore returns a store with the settings for data that is elsewhere. It has to be closed.
func (o Options) NewStore(log *slog.Logger) *store.Store {
	return store.New(store.Options{Cache: o.DataCache, CacheSize: int64(o.DataCacheSize), Log: log})
}
