package ftfy

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// class groups the characters of single-byte encodings by their neighbors in real text. It is a bit set: a character can be in several
// classes, or in none if it gives no information (plain letters, digits, most punctuation).
type class uint32

const (
	space    class = 1 << iota
	letter         // A to Z in either case
	control        // C1, which no text has
	dash           // dashes and what else joins
	opening        // quotes and marks that begin something
	closing        // quotes and marks that end something
	currency       // money
	section        // paragraph and section signs
	odd            // rare, or never next to a letter
	degree         // the degree sign
	acute          // the free-standing accent
	math           // operators, fractions, superscripts
	relation       // of them, what doesn't follow a root
	afterA         // of them, what Indic scripts misread have behind an a with grave
	squared        // superscript 2 and 3
	times          // the multiplication sign
	root           // the square root, which begins Latin letters misread as Mac Roman
	almost         // the almost-equal sign, which does so for Central Europe
	upper          // accented capitals
	misread        // of them, the four that begin most UTF-8 misread as Windows-1252
	late           // letters that only Windows-1252 has in the C1 range
	lower          // accented small letters
	grave          // of them, the a with grave
	ligature       // oe
	foreign        // Greek and Cyrillic capitals
	small          // Greek and Cyrillic small letters
	quote          // of them, the one that begins quotes misread as Windows-1251
	dje            // the Cyrillic capital that is second then
	lead           // Greek and Cyrillic capitals that begin most UTF-8 misread as Windows-1253 and 1251
	micro          // the micro sign
	common         // accented letters that say little, but not beside lines
	box            // lines and blocks to draw with
)

// members lists the classes' characters beyond ASCII. A few accented letters are in none, since they give too little information.
var members = []struct {
	class   class
	members string
}{
	{dash, "\u00a0\u00ad\u00b7\u2013\u2014"},
	{opening, "\u00a1\u00a9\u00ab\u00bf\u0384\u0385\u2018\u201a\u201c\u201e\u2022\u2039\uf8ff"},
	{closing, "\u00ae\u00bb\u02dd\u201d\u203a\u2122"},
	{currency, "\u00a2\u00a3\u00a5\u20a7\u20ac"},
	{section, "\u00a7\u00b6"},
	{odd, "\u00a4\u00a6\u00a8\u00aa\u00ac\u00af\u00b8\u00ba\u0192\u02c6\u02c7\u02d8\u02db\u02dc" +
		"\u2020\u2021\u2030\u2310\u25ca"},
	{degree, "\u00b0"},
	{acute, "\u00b4"},
	{math, "\u00b1\u00b2\u00b3\u00b5\u00b9\u00bc\u00bd\u00be\u00d7\u00f7\u2044\u2116\u2202\u2206\u220f\u2211" +
		"\u221a\u221e\u2229\u222b\u2248\u2260\u2261\u2264\u2265"},
	{relation, "\u00b1\u00b5\u2202\u2260\u2264\u2265"},
	{afterA, "\u00b2\u00b5\u00b9\u00bc\u00bd\u00be"},
	{squared, "\u00b2\u00b3"},
	{times, "\u00d7"},
	{root, "\u221a"},
	{almost, "\u2248"},
	{upper, "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑØÜÝĀĂĄĆČĎĐĒĖĘĚĞĢĪİĶĹĻĽŁŃŅŇŒŘŚŞŠŢŤŮŰŸŹŻŽҐ"},
	{misread, "ÂÃÎÐ"},
	{late, "ŠšžŸ"},
	{lower, "ßàáâãäåæçèéêëìíîïðñüāăąćčďđēėęěğģīįķĺļľłŕśšşťźżžґ\ufb01\ufb02œ"},
	{grave, "à"},
	{ligature, "Œœ"},
	{foreign, "ΆΈΉΊΌΎΏΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΪΫЁЂЃЄЅІЇЈЉЊЋЌЎЏАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ"},
	{small, "άέήίΰαβγδεζηθικλμνξοπρςστυφχψωабвгдежзийклмнопрстуфхцчшщъыьэюяёђѓєѕіїјљњћќўџ"},
	{lead, "ΒΓΞΟВГРС"},
	{micro, "\u00b5"},
	{quote, "в"},
	{dje, "Ђ"},
	{common, "ÒÓÔÕÖÙÚÛòóôõöùúûŌŐŪŲø"},
	{box, "│┌┐┘├┤┬┼═║╒╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡╢╣╤╥╦╧╨╩╪╫╬▀▄█▌▐░▒▓"},
}

const (
	signs   = currency | math
	accents = upper | lower
	anyMark = opening | closing | signs | section | odd
)

// unlikely lists for each class the classes that don't follow it in real text. Control characters are unlikely anywhere.
var unlikely = []struct{ class, next class }{
	{currency, opening | odd | accents | box},
	{math, opening | odd | accents | box},
	{times, squared},
	{root, acute | closing | relation},
	{almost, currency | degree},
	{opening, odd | box},
	{section, odd | box},
	{closing, currency | odd | accents | box},
	{odd, anyMark | accents | box},
	{upper, odd | section | degree | math | box},
	{misread, dash | opening | closing | currency | acute | ligature | late},
	{lower, currency | odd | upper | box},
	{grave, afterA},
	{small, upper},
	{quote, dje},
	{box, anyMark | accents | degree | common},
}

// trait holds a character's classes and the classes that are unlikely to follow it.
type trait struct{ is, not class }

var traits = sync.OnceValue(func() map[rune]trait {
	is := map[rune]class{' ': space}
	for r := 'a'; r <= 'z'; r++ {
		is[r], is[r-'a'+'A'] = letter, letter
	}
	for r := rune(0x80); r < 0xa0; r++ {
		is[r] = control
	}
	for _, m := range members {
		for _, r := range m.members {
			is[r] |= m.class
		}
	}
	table := make(map[rune]trait, len(is))
	for r, c := range is {
		not := control
		for _, u := range unlikely {
			if c&u.class != 0 {
				not |= u.next
			}
		}
		table[r] = trait{c, not}
	}
	return table
})

// suspicious reports whether a text has neighboring characters that don't occur in real text, so that it may be misread.
func suspicious(text string) bool {
	if strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return false
	}
	table := traits()
	var a, b trait // the two characters before
	for i, r := range text {
		c, known := table[r]
		if !known {
			c.not = control
		}
		if i > 0 && unlikelyPair(b, c) || unlikelyThree(a, b, c, r) {
			return true
		}
		a, b = b, c
	}
	return misquoted(text) || blankAfterTilde(text)
}

func unlikelyPair(b, c trait) bool {
	return b.not&c.is != 0 || b.is&control != 0 || b.is&ligature != 0 && c.is&letter == 0
}

// unlikelyThree checks pairs whose meaning depends on the character before them; r is the last of the three.
func unlikelyThree(a, b, c trait, r rune) bool {
	switch {
	case a.is&accents != 0 && b.is&(opening|closing) != 0:
		return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) || b.is&closing != 0 && c.is&opening != 0
	case a.is&letter != 0 && b.is&upper != 0:
		return c.is&(opening|currency) != 0
	case a.is&(space|dash) != 0 && b.is&upper != 0:
		return c.is&currency != 0
	case a.is&letter != 0 && b.is&(foreign|small) != 0:
		return c.is&odd != 0
	case a.is&lead != 0 && b.is&(opening|closing|currency|odd|degree|micro) != 0:
		return c.is&lead != 0
	}
	return false
}

// misquoted finds the quotes and dashes that were misread as Mac Roman and as Windows-1253.
func misquoted(text string) bool {
	for _, m := range [...]struct{ start, next string }{
		{"\u201a\u00c4", "\u00a2ìîïòôùúû\u03c0"},
		{"\u03b2\u20ac", "\u00a0\u00ad\u00ae\u00b0\u0386\u2122"},
	} {
		_, rest, found := strings.Cut(text, m.start)
		if r, _ := utf8.DecodeRuneInString(rest); found && strings.ContainsRune(m.next, r) {
			return true
		}
	}
	return false
}

// blankAfterTilde finds a single capital A with circumflex or tilde, at the start or after a small letter and an optional blank, but not at
// the end: half of a no-break space or of an a with grave.
func blankAfterTilde(text string) bool {
	for i, r := range text {
		if r != 'Â' && r != 'Ã' || !strings.HasPrefix(text[i+2:], " ") {
			continue
		}
		before := strings.TrimSuffix(text[:i], " ")
		if before == "" || 'a' <= before[len(before)-1] && before[len(before)-1] <= 'z' {
			return true
		}
	}
	return false
}
