package check

import "math"

// Quantiles of the normal distribution: of the 95 % interval, and of a refusal that is wrong once in 100,000 times.
const (
	confident = 1.96
	certain   = 4.42
)

// wilson is the share of k out of n, with Wilson's interval, which is good for shares near 0 and 1 too. Of nothing, nothing is known.
func wilson(k, n int, z float64) Estimate {
	if n == 0 {
		return Estimate{0, 0, 1}
	}
	p, m := float64(k)/float64(n), float64(n)
	middle := (p + z*z/(2*m)) / (1 + z*z/m)
	reach := z / (1 + z*z/m) * math.Sqrt(p*(1-p)/m+z*z/(4*m*m))
	return Estimate{p, max(middle-reach, 0), min(middle+reach, 1)}
}

// counts are the numbers of samples from which the share of unusable ones is estimated.
type counts struct {
	present    int // in the source
	entries    int // read
	badEntries int // of them
	headers    int // read, of samples with a good entry
	badHeaders int
	decoded    int // of samples whose header is good or was not read
	badDecoded int
}

func (c counts) known() int { return c.badEntries + c.badHeaders + c.badDecoded }

// exact says whether every sample was looked at completely.
func (c counts) exact() bool { return c.entries == c.present && c.undecoded() == 0 }

// unheaded is the number of samples with a good entry whose header was not read, although those of others were.
func (c counts) unheaded() int {
	if c.headers == 0 {
		return 0
	}
	return c.entries - c.badEntries - c.headers
}

// undecoded is the number of samples of which nothing but a good entry, and perhaps a good header, is known.
func (c counts) undecoded() int {
	return c.entries - c.badEntries - c.badHeaders - c.decoded
}

// share estimates the share of unusable samples among all.
func (c counts) share(z float64) Estimate {
	if c.entries == 0 {
		return Estimate{0, 0, 1}
	}
	entries := Estimate{}
	if c.entries < c.present {
		entries = wilson(c.badEntries, c.entries, z)
	}
	headers, decoded := wilson(c.badHeaders, c.headers, z), wilson(c.badDecoded, c.decoded, z)
	if c.headers == 0 {
		headers = Estimate{}
	}
	of := func(which func(Estimate) float64) float64 {
		rest := float64(c.undecoded() - c.unheaded())
		bad := float64(c.known()) + rest*which(decoded)
		good := func(e Estimate) float64 { return 1 - which(e) }
		bad += float64(c.unheaded()) * (1 - good(headers)*good(decoded))
		unread := float64(c.present - c.entries)
		bad += unread * (1 - good(entries)*good(headers)*good(decoded))
		return bad / float64(c.present)
	}
	return Estimate{of(func(e Estimate) float64 { return e.Value }), of(func(e Estimate) float64 { return e.Low }),
		of(func(e Estimate) float64 { return e.High })}
}
