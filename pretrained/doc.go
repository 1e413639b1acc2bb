// Package pretrained says what the name of a model means, and turns it into an Embedder.
//
// A name is a run or checkpoint directory, a folder of weights in any of the layouts that weights reads, a file, the name of a
// config, or a model of the Hugging Face hub. Find decides by content and returns a Source: the config, how pictures are prepared, the
// tokenizer, the prompts, and where the weights are. Open makes an Embedder of it.
package pretrained
