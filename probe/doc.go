// Package probe trains linear classifiers on frozen features and measures them.
//
// [Logistic] is multinomial logistic regression as OpenAI's CLIP uses it: the minimum of C * sum(-log p(y|x)) + |W|^2 / 2 with a free
// intercept. The minimum is unique, so results agree with scikit-learn's LogisticRegression up to rounding. [Path] fits it for many values
// of C. [AdamW] is the probe of CLIP_benchmark: a linear layer trained for some epochs, with [SearchDecay] for its weight decay. [KNN]
// needs no training. [Protocol] puts them together: few-shot samples, search on validation data, final fit, metrics.
//
// Features are row-major float32 [n, dim]. Results depend on the inputs and seeds alone.
package probe
