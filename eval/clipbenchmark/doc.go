// Package clipbenchmark reads and writes the files of CLIP_benchmark 1.6: a JSON object for each result and the CSV that its command build
// makes of them, to the key and the byte.
package clipbenchmark
