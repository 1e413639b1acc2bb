package training_test

import (
	"fmt"

	"clipgo/training"
)

// The learning rate of a run is a function of the step: linear warm-up, then half a cosine down to 0.
func ExampleSchedule() {
	s := training.Schedule{Kind: training.Cosine, Warmup: 2, Steps: 10}
	for _, step := range []int{0, 1, 2, 6, 9} {
		fmt.Printf("step %d: %.6f\n", step, s.Rate(1e-3, step))
	}
	// Output:
	// step 0: 0.000500
	// step 1: 0.001000
	// step 2: 0.001000
	// step 6: 0.000500
	// step 9: 0.000038
}
