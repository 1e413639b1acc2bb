// Package alignment trains on judgements. Preference trains a model, or a head on its features, to score which of two captions fits a
// picture better, or which of two pictures a caption (a reward model). PPO tunes a captioner against such a reward.
package alignment
