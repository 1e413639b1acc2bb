package eval

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
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
	r, err := rankPairs(images, texts, dim, textImage)
	if err != nil {
		return Retrieval{}, err
	}
	out := Retrieval{Images: len(r.perImage), Texts: len(r.perText)}
	for _, k := range ks {
		out.Image = append(out.Image, Recall{k, within(r.perText, k), min(1, float64(k)/float64(out.Images))})
		out.Text = append(out.Text, Recall{k, within(r.perImage, k), textChance(out.Images, textImage, k)})
	}
	return out, nil
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

// ClipMetrics are open_clip's validation metrics: image i belongs to text i, and ranks count from 1.
type ClipMetrics struct {
	ImageToTextMeanRank   float64 `json:"image_to_text_mean_rank"`
	ImageToTextMedianRank float64 `json:"image_to_text_median_rank"`
	ImageToTextR1         float64 `json:"image_to_text_R@1"`
	ImageToTextR5         float64 `json:"image_to_text_R@5"`
	ImageToTextR10        float64 `json:"image_to_text_R@10"`
	TextToImageMeanRank   float64 `json:"text_to_image_mean_rank"`
	TextToImageMedianRank float64 `json:"text_to_image_median_rank"`
	TextToImageR1         float64 `json:"text_to_image_R@1"`
	TextToImageR5         float64 `json:"text_to_image_R@5"`
	TextToImageR10        float64 `json:"text_to_image_R@10"`
}

// NewClipMetrics is open_clip's get_clip_metrics for images and texts [n, dim].
func NewClipMetrics(images, texts []float32, dim int) (ClipMetrics, error) {
	if len(images) != len(texts) || len(images) == 0 {
		return ClipMetrics{}, fmt.Errorf("clip metrics: %d image values and %d text values", len(images), len(texts))
	}
	same := make([]int, len(images)/max(dim, 1))
	for i := range same {
		same[i] = i
	}
	r, err := rankPairs(images, texts, dim, same)
	if err != nil {
		return ClipMetrics{}, err
	}
	i, t := r.perImage, r.perText
	return ClipMetrics{
		ImageToTextMeanRank: meanRank(i), ImageToTextMedianRank: medianRank(i),
		ImageToTextR1: within(i, 1), ImageToTextR5: within(i, 5), ImageToTextR10: within(i, 10),
		TextToImageMeanRank: meanRank(t), TextToImageMedianRank: medianRank(t),
		TextToImageR1: within(t, 1), TextToImageR5: within(t, 5), TextToImageR10: within(t, 10),
	}, nil
}

// within is the fraction of ranks below k; 0 without ranks.
func within(ranks []int64, k int) float64 {
	hits := 0
	for _, r := range ranks {
		if r < int64(k) {
			hits++
		}
	}
	return float64(hits) / float64(max(len(ranks), 1))
}

func meanRank(ranks []int64) float64 {
	var sum int64
	for _, r := range ranks {
		sum += r
	}
	return float64(sum)/float64(len(ranks)) + 1
}

// medianRank rounds the median of the 0-based ranks down and adds 1, as open_clip does.
func medianRank(ranks []int64) float64 {
	sorted := slices.Sorted(slices.Values(ranks))
	n := len(sorted)
	return math.Floor(float64(sorted[(n-1)/2]+sorted[n/2])/2) + 1
}
