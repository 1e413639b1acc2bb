package names

import "strings"

// vocabularies are the sets whose classes are words for what is in a picture: things and animals, scenes, dishes, flowers, textures.
var vocabularies = []string{imageNet, "sun397", "food101", "caltech101", "flowers", "dtd"}

// Vocabulary is a list of some thousand words for what pictures show, each once: the class names of public data sets.
func Vocabulary() (words []string) {
	have := map[string]bool{}
	for _, name := range vocabularies {
		set, _ := Find(name)
		for _, class := range set.Classes {
			word := strings.TrimSpace(strings.ReplaceAll(class, "_", " "))
			if key := strings.ToLower(word); word != "" && !have[key] {
				have[key] = true
				words = append(words, word)
			}
		}
	}
	return words
}
