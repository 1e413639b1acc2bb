package benchmark

import (
	"slices"
	"strings"
)

// Command is a task that a command measures for one model and one data set.
type Command struct {
	Name, Task, Short, Long, Example string
	Metric                           string   // that its data has; empty: any
	Without                          []string // settings that it has no use for
}

// Settings that only some tasks have a use for.
var (
	ofProbes     = strings.Fields("solver fewshot_k seeds normalize probe_c probe_search val_proportion fewshot_lr fewshot_epochs")
	ofNeighbours = []string{"knn_k", "knn_temperature"}

	noProbe = slices.Concat(ofProbes, ofNeighbours)
	onlyOne = slices.Concat(noProbe, []string{"per_class"})
	scores  = slices.Concat(onlyOne, []string{"errors"})
)

const classData = `DATA is a folder in CLIP_benchmark's layout, a folder with a subfolder for each class, shards with .cls members, or a
built-in set. A folder with splits is measured on test.`

// Commands are the tasks that have a command.
var Commands = []Command{
	{"zeroshot", ZeroShot, "Zero-shot classification: accuracy, classes, errors",
		`zeroshot measures how often the class whose prompt is nearest to a picture is the right one: acc1, acc5 (from five classes on),
the mean recall of the classes, and chance. It lists the classes most often confused and the most confident errors.
To label pictures, use clipgo zeroshot.

` + classData, "wds_cifar10", "", noProbe},
	{"multilabel", ZeroShot, "Zero-shot classification with several classes a picture: mean average precision",
		`multilabel ranks the pictures of each class by their cosine with the class. mean_average_precision is the mean over all
classes of the average precision; a class without pictures counts as 0, as in CLIP_benchmark. Pictures with equal scores keep
their order.

DATA is a folder in CLIP_benchmark's layout whose samples have .npy labels, a number for each class.`, "wds_voc2007_multilabel",
		"mean_average_precision", scores},
	{"linear-probe", LinearProbe, "Linear probe: a linear layer trained on the features",
		`linear-probe trains a linear layer on the features of the split train and measures it on test, as CLIP_benchmark does. With a split
val the weight decay is searched there. --solver logistic is OpenAI's recipe.

DATA is a folder in CLIP_benchmark's layout with the splits train and test.`, "wds_cifar10", "",
		slices.Concat(ofNeighbours, []string{"per_class"})},
	{"knn", Neighbours, "Nearest neighbours: classes by the features of training pictures",
		`knn gives each picture of test the class that has the most weight among its nearest pictures of train (--knn-k), each
weighted by exp(cosine / --knn-temperature).

DATA is a folder in CLIP_benchmark's layout with the splits train and test.`, "wds_cifar10", "",
		slices.Concat(ofProbes, []string{"per_class", "errors"})},
	{"choice", Selection, "Which caption belongs to the picture: SugarCrepe, Winoground, ARO, WinoGAViL",
		`choice asks for each sample which of its captions fits the picture best (text_acc), which picture fits the caption best
(image_acc), and for both (acc), as CLIP_benchmark's image_caption_selection does. For Winoground these are the text, image and
group score. Of equal scores the first counts; text_acc_strict among the details counts a tie as wrong, as papers do.

For WinoGAViL it chooses the pictures that belong to a cue (avg_jaccard_score).

DATA is SugarCrepe's folder or one of its files, Winoground's or WinoGAViL's folder (examples.jsonl and images), ARO's folder or
one of its files (visual_genome_relation.json, visual_genome_attribution.json), or pictures with several captions of which the
first is right.`,
		"sugar_crepe", "", onlyOne},
	{"calibration", Calibration, "How well the confidence of zero-shot classification fits its accuracy",
		`calibration compares the confidence of the classifier, the largest part of softmax(scale * cosine), with its accuracy: ECE and
MCE over 15 equal bins that include their upper end, ACE over 15 groups of equal size, Brier score and NLL. The scale is 100 as
in CLIP_benchmark's logits, then the one that the model has learned, then 100 / temperature. The temperature has the least NLL
on the split val; without that split none is fitted.

` + classData, "wds_cifar10", "", onlyOne},
}
