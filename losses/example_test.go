package losses_test

import (
	"context"
	"fmt"

	"clipgo/internal/torch"
	"clipgo/losses"
)

// Three rows of logits over two classes. The last row has no target, so it doesn't count.
func ExampleCrossEntropy() {
	err := torch.Do(context.Background(), func(s *torch.Scope) error {
		logits := torch.From(s, []float32{0, 0, 2, 0, 5, 5}, 3, 2)
		fmt.Printf("%.4f\n", losses.CrossEntropy{}.Forward(logits, []int64{1, 0, losses.Ignore}).Item())
		return nil
	})
	fmt.Println(err)
	// Output:
	// 0.4100
	// <nil>
}

// A reward model's loss and its gradients: the reward of the preferred side should rise, that of the other side should fall.
func ExampleRanking() {
	err := torch.DoGrad(context.Background(), func(s *torch.Scope) error {
		preferred := torch.From(s, []float32{1, 0}, 2).Trainable()
		other := torch.From(s, []float32{0, 0}, 2).Trainable()
		loss := losses.Ranking(preferred, other, nil)
		loss.Backward()
		fmt.Printf("loss %.4f\n", loss.Item())
		fmt.Printf("gradients %.4f %.4f\n", preferred.Gradient(s).Float64s(), other.Gradient(s).Float64s())
		return nil
	})
	fmt.Println(err)
	// Output:
	// loss 0.5032
	// gradients [-0.1345 -0.2500] [0.1345 0.2500]
	// <nil>
}
