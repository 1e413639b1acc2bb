package benchmark

import (
	"html/template"

	"clipgo/report"
)

// pageRoom is the number of bytes of pictures that a page holds. A picture that several models get wrong is in it once.
const pageRoom = 6 << 20

// embed fills in the small copies of pictures: the most confident mistake of each cell first, then the second of each, as long as there is
// room.
func (c *pageContent) embed(out string) {
	c.Pictures = map[string]template.URL{}
	refused := map[string]bool{}
	room := pageRoom
	for rank := range mistakes {
		for _, row := range c.Cells {
			for _, cell := range row {
				if cell == nil || rank >= len(cell.Mistakes) {
					continue
				}
				for _, name := range cell.Mistakes[rank].pictures() {
					if c.Pictures[name] != "" || refused[name] {
						continue
					}
					uri := report.DataURI(readPicture(out, name))
					if uri == "" || len(uri) > room {
						refused[name] = true
						continue
					}
					c.Pictures[name] = uri
					room -= len(uri)
				}
			}
		}
	}
	c.LeftOut = len(refused)
}

// pictures are the names of a mistake's small copies.
func (m Mistake) pictures() (names []string) {
	if m.Picture != "" {
		names = append(names, m.Picture)
	}
	if m.Answer != nil && m.Answer.Picture != "" {
		names = append(names, m.Answer.Picture)
	}
	return names
}
