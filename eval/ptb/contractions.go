package ptb

import (
	"regexp"
	"strings"
	"unicode/utf8"
)

var (
	// contraction is an apostrophe with the rest of an auxiliary verb.
	contraction = regexp.MustCompile(`^['’](?i:[dsm]|re|ve|ll|n|till?|cause)`)
	negation    = regexp.MustCompile(`^(?i:([a-z]*[a-z])(n['’]t))`)
	alone       = regexp.MustCompile(`^(?i:n['’]t)`)
	assimilated = regexp.MustCompile(`^(?i:(can)(not)|(gon)(na)|(got)(ta)|(wan)(na)|(lem)(me)|(gim)(me)|(['’]t)(is|was))`)
	apocope     = regexp.MustCompile(`^(?i:y['’])`)
	lettersOnly = regexp.MustCompile(`^[A-Za-z]+$`)
	// A period before one of these marks belongs to the word.
	listed    = regexp.MustCompile(`^\.[,;:]`)
	wordOnly  = regexp.MustCompile(`^[\p{L}\p{M}][\p{L}\p{M}\p{Nd}]*$`)
	digitNext = regexp.MustCompile(`^\.\s?[0-9]`)
)

// joined are words that become two.
var joined = map[string]bool{"cannot": true, "gonna": true, "gotta": true, "wanna": true, "lemme": true, "gimme": true}

// assimilation are the two words that begin a text as one, such as cannot, and its length; 0 without one.
func assimilation(text string) (words []string, length int) {
	if !strings.ContainsRune("cCgGwWlL'’", first(text)) {
		return nil, 0
	}
	m := assimilated.FindStringSubmatch(text)
	if m == nil || followed(text[len(m[0]):]) || apostrophe(text[len(m[0]):]) {
		return nil, 0
	}
	for _, part := range m[1:] {
		if part != "" {
			words = append(words, spelled(part))
		}
	}
	return words, len(m[0])
}

// contracted are the words of a contraction that begins a text, and its length; 0 without one.
func contracted(text string) (words []string, length int) {
	if words, length = assimilation(text); length > 0 {
		return words, length
	}
	if chunk, _, _ := strings.Cut(text, " "); !strings.ContainsAny(chunk, "'’") {
		return nil, 0
	}
	if m := negation.FindStringSubmatch(text); m != nil && !followed(text[len(m[0]):]) {
		return []string{strings.ToLower(m[1]), spelled(m[2])}, len(m[0])
	}
	for _, re := range []*regexp.Regexp{alone, contraction} {
		if m := re.FindString(text); m != "" && !followed(text[len(m):]) {
			if again := token.FindString(text); len(again) > len(m) { // 'n'
				return []string{spelled(again)}, len(again)
			}
			return []string{spelled(m)}, len(m)
		}
	}
	if m := apocope.FindString(text); m != "" && followed(text[len(m):]) {
		return []string{spelled(m)}, len(m)
	}
	return nil, 0
}

func first(text string) rune {
	r, _ := utf8.DecodeRuneInString(text)
	return r
}

func apostrophe(text string) bool {
	return strings.HasPrefix(text, "'") || strings.HasPrefix(text, "’")
}

// spelled is a token with its apostrophe as ASCII has it.
func spelled(text string) string { return strings.ToLower(strings.ReplaceAll(text, "’", "'")) }

// ending corrects the end of a token for what follows: the rest of a verb is a token of its own, and the period of an abbreviation is part
// of it.
func ending(text, found string) string {
	if i := strings.IndexAny(found, "'’"); i > 0 {
		if m := contraction.FindString(text[i:]); m != "" && !followed(text[i+len(m):]) && !strings.EqualFold(found, "cap'n") {
			return text[:i]
		}
	}
	if listed.MatchString(text[len(found):]) && wordOnly.MatchString(found) {
		return text[:len(found)+1]
	}
	if !lettersOnly.MatchString(found) || !strings.HasPrefix(text[len(found):], ".") {
		return found
	}
	small := strings.ToLower(found)
	capital := found[0] != small[0]
	switch {
	case len(found) == 1, abbreviations[small], capital && capitalized[small],
		numbered[small] && digitNext.MatchString(text[len(found):]):
		return text[:len(found)+1]
	}
	return found
}

func setOf(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}

var (
	// abbreviations keep their period, capitalized only if they begin with a capital, numbered only before a number.
	abbreviations = setOf(`adj adm adv al ala alex apr ariz assn asst assoc atty attys aug ave bancorp bhd bldg blvd brig bros calif capt cf
		cie cmdr co col colo comdr conn corp cos cpl ct dak dec dept det dr drs elec ens esq est etc ext feb fla fri ft ga gen gov govs hon
		inc ind insp intl invt jan jos jr jul jun kan kans ky lieut lt ltd maj mar md messrs mfg mich minn mlle mme mo mon mont mr mrs ms
		msgr mt mtg natl neb nev nov oct okla penn pfc ph plc ppte ppty pres prof profs pte ptes pty ptys pvt rd rep reps rev rt sen sens
		sep sept seq sfc sgt spc sq sr st ste supt supts sys tel tenn thu thurs treas tue tues univ va vs vt wed wis wisc wm wyo`)
	capitalized = setOf("ark az del ill la mass miss ore pa tex wash")
	numbered    = setOf("ca no op pp art fig nos figs prop")
)
