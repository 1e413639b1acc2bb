package ptb

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The classes of characters in the patterns below: a letter, and a letter or digit.
const (
	letter = `[\p{L}\p{M}]`
	either = `[\p{L}\p{M}\p{Nd}]`
)

// token matches the longest token that begins a text, if it isn't a single mark. The alternatives are words, words joined by hyphens or
// underscores, by slashes, by ampersands; names such as o'neill and d'or; acronyms; fractions, telephone numbers and numbers; what stands
// for a currency; addresses of the web and of mail; tags of HTML; runs of marks.
var token = longest(
	letter+either+`*(?:[.!?]`+letter+either+`*)*`,
	either+`+(?:[-_]`+either+`+)*`,
	`[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*(?:/[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*)+`,
	`[A-Z]+(?:&[A-Z]+)+`,
	`[dDlLnNoO]['’]`+either+`{2,}(?:-`+either+`+)*`,
	`[A-Za-z][aeiouyAEIOUY]['’][aeiouAEIOU][A-Za-z]*`, `(?i:cap['’]n|c['’]mon|s['’]mores|e['’]er)`,
	`[A-Za-z](?:\.[A-Za-z])+\.(?:-`+either+`+)?`,
	`[0-9]{1,4} [0-9]{1,4}/[0-9]{1,4}`, `\([0-9]{3}\)[ -]?[0-9]{3}-[0-9]{4}`,
	`[-+]?(?:[0-9]*(?:[.,:][0-9]+)+|[0-9]+)`, `[0-9]+(?:[.,][0-9]+)+(?:-`+either+`+)+`,
	`['’][0-9]{2}s?`, `(?i:ph\.d\.)`, `_+`,
	`(?:US|A|C|HK|NZ|M)?\$`, `c\+\+`, `[cC]#`,
	`(?i:https?)://[^\s"<>|()]*[^\s"<>|().!?{},-]`, `[A-Za-z0-9._-]+@[^\s"<>|()]*[^\s"<>|().]`,
	`@[A-Za-z_][A-Za-z_0-9]*`, `#`+letter+`+`,
	`</?[A-Za-z][^<>]*>`, `&[#A-Za-z0-9]+;`, `\^_\^`,
	`['’](?i:em|n['’])`, `(?i:ol|[jdl])['’]`,
	`[!?]+`, `-{2,}`, `\.{2,}`,
)

// face matches a smiley. No letter or digit follows it.
var face = longest(`[<>]?[:;=][-o*']?[()DPdpO\\{@|\[\]]`)

// year matches a short year, or inches.
var year = regexp.MustCompile(`^['’][0-9]{2}$`)

func longest(alternatives ...string) *regexp.Regexp {
	re := regexp.MustCompile(`^(?:` + strings.Join(alternatives, "|") + `)`)
	re.Longest()
	return re
}

// Words are the words of a caption in lower case.
func Words(caption string) (out []string) {
	for rest := unescaped.Replace(caption); rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		if unicode.IsSpace(r) || r == '\u200b' || pause(rest) {
			rest = rest[size:]
			continue
		}
		n := plain(rest)
		if n == 0 {
			words, size := next(rest, r, size)
			out, rest = append(out, words...), rest[size:]
			continue
		}
		out, rest = append(out, strings.ToLower(rest[:n])), rest[n:]
	}
	return out
}

// unescaped writes an apostrophe as such, and leaves soft hyphens out.
var unescaped = strings.NewReplacer("&apos;", "'", "\u00ad", "")

// pause reports whether a text begins with a punctuation mark and a space, or ends with it.
func pause(text string) bool {
	return strings.IndexByte(",.;:", text[0]) >= 0 && (len(text) == 1 || text[1] == ' ')
}

// plain is the length of a word of ASCII letters that a space, a pause or the end follows; 0 for everything else.
func plain(text string) int {
	i := 0
	for i < len(text) && text[i]|0x20 >= 'a' && text[i]|0x20 <= 'z' {
		i++
	}
	rest := text[i:]
	if i == 0 || rest != "" && rest[0] != ' ' && !pause(rest) {
		return 0
	}
	word := strings.ToLower(text[:i])
	if joined[word] || strings.HasPrefix(rest, ".") && (i == 1 || abbreviations[word] || capitalized[word] || numbered[word]) {
		return 0
	}
	return i
}

// next is what the beginning of a text becomes, and its length. Marks that pycocoevalcap leaves out become nothing.
func next(text string, first rune, size int) (words []string, length int) {
	if words, length = contracted(text); length > 0 {
		return words, length
	}
	found := token.FindString(text)
	if f := face.FindString(text); len(f) > len(found) && !followed(text[len(f):]) {
		return []string{bracketed(strings.ToLower(f))}, len(f)
	}
	if found == "" {
		return mark(first), size
	}
	if year.MatchString(found) && strings.HasPrefix(text[len(found):], `"`) {
		return nil, size // feet and inches
	}
	if end := ending(text, found); end != found {
		return []string{strings.ToLower(end)}, len(end)
	}
	if words, marks := marks(found); marks {
		return words, len(found)
	}
	word := strings.Join(strings.FieldsFunc(found, unicode.IsSpace), inner)
	if found[0] == '(' {
		word = bracketed(word)
	}
	return []string{strings.ToLower(word)}, len(found)
}

// followed reports whether a text begins with a letter or digit.
func followed(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r))
}

// marks are the tokens of several marks. Runs of ! and ? stay, runs of dots and dashes are punctuation.
func marks(found string) (words []string, ok bool) {
	switch found[0] {
	case '!', '?':
		if len(found) == 1 {
			return nil, true
		}
		return []string{found}, true
	case '.':
		return nil, found[len(found)-1] == '.'
	case '-':
		if len(found) > 4 && found[len(found)-1] == '-' {
			return []string{found}, true
		}
		return nil, found[len(found)-1] == '-'
	case '&':
		entity, known := entities[found]
		return strings.Fields(entity), known
	}
	return nil, false
}

// entities are those of HTML that the tokenizer reads. Quotes are punctuation.
var entities = map[string]string{"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "", "&nbsp;": ""}

// single are marks with another spelling; an empty one is punctuation.
var single = map[rune]string{
	'(': "-lrb-", ')': "-rrb-", '[': "-lsb-", ']': "-rsb-", '{': "-lcb-", '}': "-rcb-", '€': "$", '£': "#", '¢': "cents", '½': "1/2",
	'¼': "1/4", '¾': "3/4", '.': "", ',': "", ':': "", ';': "", '-': "", '–': "", '—': "", '…': "", '"': "", '\'': "", '`': "", '‘': "",
	'’': "", '“': "", '”': "", '«': "", '»': "",
}

// mark is the token of a single character that no pattern has.
func mark(r rune) []string {
	if word, known := single[r]; known {
		return strings.Fields(word)
	}
	if r > 0xffff || r == utf8.RuneError || unicode.IsControl(r) {
		return nil // the tokenizer can't read it
	}
	return []string{string(r)}
}

// inner is the space within a word, such as 3 1/2.
const inner = "\u00a0"

// bracketed spells brackets within a word.
func bracketed(word string) string {
	return strings.NewReplacer("(", "-lrb-", ")", "-rrb-", "[", "-lsb-", "]", "-rsb-", "{", "-lcb-").Replace(word)
}
