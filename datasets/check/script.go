package check

import "unicode"

// family is a group of scripts that says in what languages a text may be.
type family struct {
	name   string
	tables []*unicode.RangeTable
}

// families are in the order in which a letter is looked up. Kana and Hangul distinguish Japanese and Korean from Chinese, whose
// characters both may use.
var families = []family{
	{"Latin", []*unicode.RangeTable{unicode.Latin}},
	{"Chinese", []*unicode.RangeTable{unicode.Han, unicode.Bopomofo}},
	{"Japanese", []*unicode.RangeTable{unicode.Hiragana, unicode.Katakana}},
	{"Korean", []*unicode.RangeTable{unicode.Hangul}},
	{"Cyrillic", []*unicode.RangeTable{unicode.Cyrillic}},
	{"Arabic", []*unicode.RangeTable{unicode.Arabic}},
	{"Greek", []*unicode.RangeTable{unicode.Greek}},
	{"Hebrew", []*unicode.RangeTable{unicode.Hebrew}},
	{"Thai", []*unicode.RangeTable{unicode.Thai}},
	{"Devanagari", []*unicode.RangeTable{unicode.Devanagari}},
	{"Indic", []*unicode.RangeTable{unicode.Bengali, unicode.Gurmukhi, unicode.Gujarati, unicode.Oriya, unicode.Tamil, unicode.Telugu,
		unicode.Kannada, unicode.Malayalam, unicode.Sinhala}},
	{"Georgian or Armenian", []*unicode.RangeTable{unicode.Georgian, unicode.Armenian}},
	{"Ethiopic", []*unicode.RangeTable{unicode.Ethiopic}},
	{"Southeast Asian", []*unicode.RangeTable{unicode.Khmer, unicode.Lao, unicode.Myanmar, unicode.Tibetan, unicode.Javanese}},
}

// The families by their position, and those that are none.
const (
	latin, chinese, japanese = 0, 1, 2

	otherFamily = "other scripts"
	noLetters   = "no letters"
)

// familyOf is the name of the family of most letters of a text.
func familyOf(text string) string {
	var seen [32]int
	others := len(families)
	letters := 0
	for _, r := range text {
		switch {
		case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
			seen[latin]++
		case r < 0x80 || !unicode.IsLetter(r):
			continue
		default:
			seen[familyOfLetter(r)]++
		}
		letters++
	}
	if letters == 0 {
		return noLetters
	}
	if seen[japanese] > 0 { // characters of Chinese origin beside kana are Japanese
		seen[japanese] += seen[chinese]
		seen[chinese] = 0
	}
	best := 0
	for i := range others + 1 {
		if seen[i] > seen[best] {
			best = i
		}
	}
	if best == others {
		return otherFamily
	}
	return families[best].name
}

// familyOfLetter is the position of a letter's family; their number if it is in none.
func familyOfLetter(r rune) int {
	for i, f := range families {
		if unicode.In(r, f.tables...) {
			return i
		}
	}
	return len(families)
}
