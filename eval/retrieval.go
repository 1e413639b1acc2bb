package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Recall is the fraction of queries with a right answer among the first K. Chance is its expected value for a random order.
type Recall struct {
	K             int
	Value, Chance float64
}

// Retrieval holds the recall in both directions; its JSON has CLIP_benchmark's keys.
type Retrieval struct {
	Images, Texts int
	Image         []Recall // a text retrieves its image
	Text          []Recall // an image retrieves any of its texts
}

// Retrieve measures retrieval between images [n, dim] and texts [m, dim], given the image index of each text. An image without a text
// counts as a miss, as in CLIP_benchmark.
func Retrieve(images, texts []float32, dim int, textImage, ks []int) (Retrieval, error) {
	byText, byImage, err := RankPairs(images, texts, dim, textImage)
	if err != nil {
		return Retrieval{}, err
	}
	return NewRetrieval(byText, byImage, textImage, ks), nil
}

// NewRetrieval is the recall at each of ks of what RankPairs returned.
func NewRetrieval(byText, byImage *Ranking, textImage, ks []int) Retrieval {
	out := Retrieval{Images: byImage.Queries, Texts: byText.Queries}
	for _, k := range ks {
		out.Image = append(out.Image, Recall{k, byText.Recall(k), min(1, float64(k)/float64(out.Images))})
		out.Text = append(out.Text, Recall{k, byImage.Recall(k), textChance(out.Images, textImage, k)})
	}
	return out
}

// RecallChance is the recall at k of a random order: of images by texts, and of texts by images.
func RecallChance(images int, textImage []int, k int) (image, text float64) {
	return min(1, float64(k)/float64(images)), textChance(images, textImage, k)
}

// textChance is the mean probability that an image has one of its texts among the first k of all texts in a random order.
func textChance(images int, textImage []int, k int) float64 {
	own, with := make([]int, images), map[int]int{} // texts of each image; images with so many texts
	for _, i := range textImage {
		own[i]++
	}
	for _, n := range own {
		with[n]++
	}
	sum := 0.0
	for _, n := range slices.Sorted(maps.Keys(with)) {
		missed := 1.0
		for j := range min(k, len(textImage)) {
			missed *= max(0, float64(len(textImage)-n-j)) / float64(len(textImage)-j)
		}
		sum += float64(with[n]) * (1 - missed)
	}
	return sum / float64(images)
}

// MarshalJSON writes image_retrieval_recall@K and text_retrieval_recall@K for each K, and the counts.
func (r Retrieval) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"images":%d,"texts":%d`, r.Images, r.Texts)
	for i := range r.Image {
		for _, side := range []struct {
			key string
			Recall
		}{{"image", r.Image[i]}, {"text", r.Text[i]}} {
			value, err := json.Marshal(side.Value)
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(&b, `,"%s_retrieval_recall@%d":%s`, side.key, side.K, value)
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}
