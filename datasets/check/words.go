package check

import (
	"clipgo/report"
	"fmt"
	"strconv"
)

// percent is a share in words: three digits, never rounded to 0 or 100.
func percent(share float64) string {
	v := 100 * share
	switch {
	case v == 0:
		return "0 %"
	case v < 0.01:
		return "below 0.01 %"
	case v > 99.9 && v < 100:
		return "above 99.9 %"
	}
	return strconv.FormatFloat(v, 'g', 3, 64) + " %"
}

// number is a count with its noun.
func number(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return report.Grouped(n) + " " + several
}

// byteSize is a number of bytes in words.
func byteSize(n int64) string {
	const step = 1000
	v, unit := float64(n), 0
	units := []string{"bytes", "kB", "MB", "GB", "TB", "PB"}
	for v >= step && unit < len(units)-1 {
		v, unit = v/step, unit+1
	}
	if unit == 0 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%.3g %s", v, units[unit])
}

// duration is a number of hours in words.
func duration(hours float64) string {
	switch seconds := hours * 3600; {
	case seconds < 1:
		return "under a second"
	case seconds < 100:
		return fmt.Sprintf("%.2g seconds", seconds)
	case seconds < 6000:
		return fmt.Sprintf("%.0f minutes", seconds/60)
	}
	return fmt.Sprintf("%.3g hours", hours)
}
