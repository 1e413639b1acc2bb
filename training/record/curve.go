package record

// Curve describes a number of an objective for those who draw it.
type Curve struct {
	Key      string // its name in metrics.jsonl
	Chart    string // heading of the chart that it is a line of; the first curve of a chart describes the chart
	About    string // a sentence under the heading
	Fraction bool   // it is in [0, 1]: its axis begins at 0 and is in percent
}
