package curation

import (
	"math"
	"slices"
	"testing"
)

func TestAMapKeepsNeighbours(t *testing.T) {
	c := clustered(300, 48)
	near, err := c.Neighbours(t.Context(), 15)
	if err != nil {
		t.Fatal(err)
	}
	place, err := c.Map(t.Context(), near, MapOptions{})
	if err != nil {
		t.Fatal(err)
	}
	flat, mapped := c.Trustworthiness(c.principal(2), 9), c.Trustworthiness(place, 9)
	if mapped < 0.97 || mapped <= flat {
		t.Errorf("trustworthiness %.4f, of the principal components %.4f", mapped, flat)
	}
	if apart := spread(place); apart < 5 {
		t.Errorf("the map is %v wide: nothing was pushed apart", apart)
	}
	again, err := c.Map(t.Context(), near, MapOptions{})
	if err != nil || !slices.Equal(place, again) {
		t.Errorf("the same seed gives another map: %v", err)
	}
}

// spread is the root mean square of the distances from the middle.
func spread(place []float64) float64 {
	var mean, all float64
	for axis := range 2 {
		mean = 0
		for i := axis; i < len(place); i += 2 {
			mean += place[i] * 2 / float64(len(place))
		}
		for i := axis; i < len(place); i += 2 {
			all += (place[i] - mean) * (place[i] - mean) * 2 / float64(len(place))
		}
	}
	return math.Sqrt(all)
}

// TestPrincipalComponentsHaveTheLargestVariance compares them with the axes.
func TestPrincipalComponentsHaveTheLargestVariance(t *testing.T) {
	c := clustered(200, 8)
	for i := range c.Len() { // one axis has nearly all of the variance, another most of the rest
		c.Features[i*8+3] = float32(i%2) * 5
		c.Features[i*8+6] = float32(i/2%2) * 3
	}
	place := c.principal(2)
	for i := range c.Len() {
		if want := 5*float64(i%2) - 2.5; math.Abs(place[2*i]-want) > 0.3 {
			t.Fatalf("row %d has %v, want %v", i, place[2*i], want)
		}
		if want := 3*float64(i/2%2) - 1.5; math.Abs(place[2*i+1]-want) > 0.5 {
			t.Fatalf("row %d has %v on the second axis, want %v", i, place[2*i+1], want)
		}
	}
}
