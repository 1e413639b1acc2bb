// Package ptb splits captions into words as pycocoevalcap does: with the rules of Stanford's PTBTokenizer 3.4.1 (-preserveLines
// -lowerCase), without the tokens that pycocoevalcap leaves out as punctuation.
//
// The rules were found by asking that program for its words of some million short texts; no code of it is used. [Words] agrees with it on
// captions in English and on words of other languages. It departs where that program looks at the next sentence or caption to tell
// whether a period ends a sentence, and in runs of marks without a space that no caption has.
package ptb
