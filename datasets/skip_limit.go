package datasets

import (
	"fmt"
	"strings"
)

// SkipLimit counts the unusable samples of a stream of batches and ends it if there are too many. A Loader has one of its own; where
// several processes read the slots together, one SkipLimit counts what all of them skip.
type SkipLimit struct {
	source  string
	length  int // slots of an epoch
	share   float64
	epoch   int64
	skipped int      // in this epoch
	inRow   int      // since the last slot whose own sample was usable
	last    int64    // the latest slot that was skipped, plus 1
	reasons []string // the first few of this epoch
}

// SkipLimit is the limit that MaxSkip sets, before the first batch.
func (l *Loader) SkipLimit() SkipLimit {
	return SkipLimit{source: l.Source.Info().Name, length: l.Source.Len(), share: l.MaxSkip}
}

// Count enters the skip of a slot. Skips come in the order of their slots. It returns a *DataError once there are too many.
func (c *SkipLimit) Count(slot int64, s Skip) error {
	const most = 3 // reasons in the error
	if epoch := slot / int64(c.length); c.epoch != epoch {
		c.epoch, c.skipped, c.reasons = epoch, 0, nil
	}
	if slot != c.last {
		c.inRow = 0
	}
	c.last = slot + 1
	c.skipped++
	c.inRow++
	if len(c.reasons) < most {
		c.reasons = append(c.reasons, s.Key+": "+s.Reason)
	}
	if c.inRow >= c.length {
		return c.error(fmt.Sprintf("none of %d samples can be used", c.length))
	}
	if !TooMany(c.skipped, c.length, c.share) {
		return nil
	}
	return c.error(fmt.Sprintf("%d of %d samples can't be used, more than %.4g %%", c.skipped, c.length, 100*c.share))
}

func (c *SkipLimit) error(what string) error {
	return &DataError{Source: c.source, Reason: what + "; " + strings.Join(c.reasons, "; ")}
}

// TooMany reports whether the unusable samples are more than a share, 0 to 1, of all.
func TooMany(skipped, all int, share float64) bool {
	const roundoff = 1e-12 // 0.29 * 100 is less than 29 in float64
	return !(share >= 1 || float64(skipped) <= share*float64(all)*(1+roundoff))
}
