// Package ftfy repairs damaged text: mojibake (UTF-8 that was decoded as another encoding), HTML entities in plain text, and characters
// that have a plain equivalent.
//
// It follows the Python package ftfy 6.3 (https://ftfy.readthedocs.io), which CLIP's tokenizer applies to every caption.
// Entities, quotes, ligatures, widths and control characters are treated as in ftfy. Mojibake is detected by a heuristic: ftfy has a
// regular expression, this package has a table of characters that don't occur next to each other in real text (plausible.go). Both
// give the same result for the 407 captions of the tokenizer's golden file that need a repair.
package ftfy
