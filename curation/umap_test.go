package curation

import (
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
	again, err := c.Map(t.Context(), near, MapOptions{})
	if err != nil || !slices.Equal(place, again) {
		t.Errorf("the same seed gives another map: %v", err)
	}
}
