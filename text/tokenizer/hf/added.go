package hf

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"clipgo/text/tokenizer/sentencepiece"
	"clipgo/text/tokenizer/trie"
)

// addedToken is a string that has an id of its own wherever it occurs in a text.
type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // not inside of a word
	LeftStrip  bool   `json:"lstrip"`      // with the white space before it
	RightStrip bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"` // matched in the normalized text
	Special    bool   `json:"special"`
}

// addedTokens are the tokens that are matched at one point of the pipeline.
type addedTokens struct {
	list []addedToken
	find *trie.Trie
}

// add adds the file's added tokens.
func (t *Tokenizer) add(tokens []addedToken) error {
	t.raw, t.normalized = &addedTokens{find: trie.New()}, &addedTokens{find: trie.New()}
	t.ids, t.size = make(map[string]int32, len(tokens)), t.model.size()
	for _, a := range tokens {
		if a.Content == "" {
			continue
		}
		if id, ok := t.model.id(a.Content); ok && id != a.ID || a.ID < 0 || a.ID > maxID {
			return fmt.Errorf("added token %q has the id %d, the model gives it %d", a.Content, a.ID, id)
		}
		if _, ok := t.ids[a.Content]; ok {
			return fmt.Errorf("added token %q is there twice", a.Content)
		}
		t.ids[a.Content], t.size = a.ID, max(t.size, int(a.ID)+1)
		to, text := t.raw, a.Content
		if a.Normalized {
			to = t.normalized
			text, _ = t.normalize(text, true, sentencepiece.Longest(len(text)))
		}
		if text == "" {
			return fmt.Errorf("added token %q is normalized away", a.Content)
		}
		if !to.find.Add(text, int32(len(to.list))) {
			return errors.New("too many added tokens")
		}
		to.list = append(to.list, a)
	}
	return nil
}

// split splits a piece into added tokens and the text between them, and appends the parts.
func (a *addedTokens) split(dst []piece, p piece) []piece {
	if len(a.list) == 0 {
		return keep(dst, p)
	}
	done := 0
	for i := 0; i < len(p.text); {
		k, n := a.find.Longest(p.text[i:])
		if k == trie.None {
			i++
			continue
		}
		start, end := i, i+n
		i = end
		token := a.list[k]
		if token.SingleWord && (endsWithWord(p.text[:start]) || startsWithWord(p.text[end:])) {
			continue
		}
		if token.LeftStrip {
			start = max(done, len(strings.TrimRightFunc(p.text[:start], unicode.IsSpace)))
		}
		if token.RightStrip {
			end = len(p.text) - len(strings.TrimLeftFunc(p.text[end:], unicode.IsSpace))
		}
		if done < start {
			dst = p.slice(dst, done, start)
		}
		dst = append(dst, piece{id: token.ID})
		done = end
	}
	return p.slice(dst, done, len(p.text))
}

func endsWithWord(text string) bool {
	r, n := utf8.DecodeLastRuneInString(text)
	return n > 0 && inWord(r)
}

func startsWithWord(text string) bool {
	r, n := utf8.DecodeRuneInString(text)
	return n > 0 && inWord(r)
}

// inWord is \w of Unicode's TR18.
func inWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}
