// Package ftfy repairs text that was damaged on its way: mojibake, which is UTF-8 decoded as another encoding, HTML
// entities in plain text, and characters that look like others.
//
// It follows the Python package ftfy 6.3 (https://ftfy.readthedocs.io), which CLIP's tokenizer applies to every caption.
// Entities, quotes, ligatures, widths and control characters come out as ftfy's. What is mojibake is a judgement: ftfy has
// a regular expression for it, this package a table of characters that real writing doesn't have beside each other
// (plausible.go). Both repair the 407 captions of the tokenizer's golden file that need it alike.
package ftfy
