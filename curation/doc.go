// Package curation finds what to look at in a collection of pictures with their features: near-duplicates, outliers, groups,
// pictures in the wrong folder, captions that don't fit, a diverse part, and a map in two dimensions. It changes no picture: the result of
// each method is a list of decisions, a row for each picture, which training, embedding and packing take as a keep list.
//
// Every method is deterministic and exact unless its documentation says otherwise. Features are unit rows; similarity is their inner
// product, the cosine.
package curation
