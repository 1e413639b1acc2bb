package eval_test

import (
	"context"
	"fmt"

	"clipgo/eval"
)

// letters embeds a caption as how often it has the letters a, e and i. A real program hands over a model.
type letters struct{}

func (letters) Dim() int { return 3 }

func (letters) EmbedTokens(_ context.Context, ids []int32, n int) ([]float32, error) {
	out := make([]float32, 3*n)
	for i, id := range ids {
		for k, letter := range "aei" {
			if id == letter {
				out[i/(len(ids)/n)*3+k]++
			}
		}
	}
	return out, nil
}

func (letters) EmbedImages(context.Context, []uint8, int) ([]float32, error) { return nil, nil }

// Class names become directions of the joint space; a picture's feature is ranked by its cosines with them.
func ExampleNewClassifier() {
	fill := func(ids []int32, text string) int {
		clear(ids)
		for i, r := range text {
			ids[i] = r
		}
		return len(text)
	}
	c, err := eval.NewClassifier(context.Background(), letters{}, eval.Prompts{
		Classes: []string{"bee", "cat", "pig"}, Templates: []string{"{c}", "my {c}"}, Fill: fill, ContextLength: 16,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ranked, err := c.Rank([]float32{0.1, 0.2, 0.9}, 2)
	fmt.Printf("%s %s %v\n", ranked[0].Label, ranked[1].Label, err)
	// Output: pig bee <nil>
}

// Each text asks for its image, each image for its text: the last two texts are nearer to each other's image.
func ExampleRetrieve() {
	images := []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}
	texts := []float32{1, 0, 0, 0, 0.1, 0.9, 0, 0.9, 0.1}
	r, err := eval.Retrieve(images, texts, 3, []int{0, 1, 2}, []int{1, 2})
	for i := range r.Image {
		fmt.Printf("among the first %d: %.2f of the images, %.2f of the texts\n", r.Image[i].K, r.Image[i].Value, r.Text[i].Value)
	}
	fmt.Println(err)
	// Output:
	// among the first 1: 0.33 of the images, 0.33 of the texts
	// among the first 2: 1.00 of the images, 1.00 of the texts
	// <nil>
}
