package benchmark

import "strings"

// dataCompSet is one of the 38 data sets of DataComp's average.
type dataCompSet struct {
	name   string   // as DataComp prints it
	keys   []string // the names that the set has in results, in lower case, with - for / and _
	metric string   // that stands for it
	group  string   // of DataComp's own averages; empty: only the average of all
}

// DataComp's groups.
const (
	shifts    = "ImageNet dist. shifts"
	vtabGroup = "VTAB"
	retrieved = "Retrieval"
)

// dataComp is the list of DataComp's average (Gadre et al., 2023; tasklist.yml and aggregate_scores.py of its repository). FairFace and
// UTKFace have no value that stands for them and are not part of it. A set without a metric here is measured by acc1.
var dataComp = []dataCompSet{
	{"Caltech-101", []string{"vtab-caltech101", "caltech101"}, perClass, vtabGroup},
	{"CIFAR-10", []string{"cifar10"}, "", ""},
	{"CIFAR-100", []string{"vtab-cifar100", "cifar100"}, "", vtabGroup},
	{"CLEVR Counts", []string{"vtab-clevr-count-all", "clevr-count-all"}, "", vtabGroup},
	{"CLEVR Distance", []string{"vtab-clevr-closest-object-distance", "clevr-closest-object-distance"}, "", vtabGroup},
	{"Country211", []string{"country211"}, "", ""},
	{"Describable Textures", []string{"vtab-dtd", "dtd"}, "", vtabGroup},
	{"EuroSAT", []string{"vtab-eurosat", "eurosat"}, "", vtabGroup},
	{"FGVC Aircraft", []string{"fgvc-aircraft"}, perClass, ""},
	{"Food-101", []string{"food101"}, "", ""},
	{"GTSRB", []string{"gtsrb"}, "", ""},
	{"ImageNet 1k", []string{"imagenet1k"}, "", "ImageNet"},
	{"ImageNet Sketch", []string{"imagenet-sketch"}, "", shifts},
	{"ImageNet v2", []string{"imagenetv2", "imagenet-v2"}, "", shifts},
	{"ImageNet-A", []string{"imagenet-a"}, "", shifts},
	{"ImageNet-O", []string{"imagenet-o"}, "", shifts},
	{"ImageNet-R", []string{"imagenet-r"}, "", shifts},
	{"KITTI Vehicle Distance", []string{"vtab-kitti-closest-vehicle-distance", "kitti-closest-vehicle-distance"}, "", vtabGroup},
	{"MNIST", []string{"mnist"}, "", ""},
	{"ObjectNet", []string{"objectnet"}, "", shifts},
	{"Oxford Flowers-102", []string{"vtab-flowers", "flowers"}, perClass, vtabGroup},
	{"Oxford-IIIT Pet", []string{"vtab-pets", "pets"}, perClass, vtabGroup},
	{"Pascal VOC 2007", []string{"voc2007"}, "", ""},
	{"PatchCamelyon", []string{"vtab-pcam", "pcam"}, "", vtabGroup},
	{"Rendered SST2", []string{"renderedsst2"}, "", ""},
	{"RESISC45", []string{"vtab-resisc45", "resisc45"}, "", vtabGroup},
	{"Stanford Cars", []string{"cars"}, "", ""},
	{"STL-10", []string{"stl10"}, "", ""},
	{"SUN397", []string{"sun397"}, "", vtabGroup},
	{"SVHN", []string{"vtab-svhn", "svhn"}, "", vtabGroup},
	{"Flickr", []string{"retrieval-flickr30k", "flickr30k"}, meanRecall, retrieved},
	{"MSCOCO", []string{
		"retrieval-mscoco-2014-5k-test-image-text-retrieval", "mscoco-2014-5k-test-image-text-retrieval", "mscoco-captions",
	}, meanRecall, retrieved},
	{"WinoGAViL", []string{"misc-winogavil", "winogavil"}, "jaccard_score_10-12", retrieved},
	{"iWildCam", []string{"wilds-iwildcam", "iwildcam", "wilds-iwildcam-test"}, macroF1, ""},
	{"Camelyon17", []string{"wilds-camelyon17", "camelyon17", "wilds-camelyon17-test"}, "", ""},
	{"FMoW", []string{"wilds-fmow", "fmow", "wilds-fmow-test"}, worstRegion, ""},
	{"Dollar Street", []string{"fairness-dollar-street", "dollar-street"}, worstTop5OfGroups, ""},
	{"GeoDE", []string{"fairness-geode", "geode"}, worstOfGroups, ""},
}

// Metrics of DataComp's list. The mean recall is that of both directions of a retrieval.
const (
	perClass   = "mean_per_class_recall"
	meanRecall = "mean_recall@1"
	macroF1    = "F1-macro_all"
	// The worst groups are those of the first property of a set, of all groups that occur; FMoW's region Other is one of them.
	worstRegion       = "acc_worst_region"
	worstOfGroups     = "acc_wg"
	worstTop5OfGroups = "acc_top5_wg"
)

// inDetails are the keys in a result's details of metrics that CLIP_benchmark's result doesn't have.
var inDetails = map[string]string{macroF1: "macro_f1", worstRegion: worstTop1, worstOfGroups: worstTop1, worstTop5OfGroups: worstTop5}

// dataCompKey is a data set's name as the list has it.
func dataCompKey(name string) string {
	name = strings.ToLower(name)
	if i := strings.LastIndex(name, "wds_"); i >= 0 {
		name = name[i+len("wds_"):]
	}
	return strings.NewReplacer("/", "-", "_", "-").Replace(strings.TrimPrefix(name, "wds/"))
}

// value is the value of an entry that stands for the set; ok is false if the entry doesn't have it.
func (d dataCompSet) value(e Entry) (v float64, ok bool) {
	read := func(key string) (float64, bool) {
		v, _ := e.Result.Value(key)
		f, ok := v.(float64)
		return f, ok && f == f
	}
	switch {
	case d.metric == meanRecall:
		texts, both := read("text_retrieval_recall@1")
		images, ok := read("image_retrieval_recall@1")
		return (texts + images) / 2, ok && both
	case d.metric == "":
		return read("acc1")
	}
	if v, ok := read(d.metric); ok {
		return v, ok
	}
	f, ok := e.Details.More[inDetails[d.metric]].(float64)
	return f, ok && e.Result.Task == ZeroShot
}
