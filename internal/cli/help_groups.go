package cli

import "strings"

// flagGroup is a heading of --help and the flags below it, in their order.
type flagGroup struct {
	title string
	flags []string
}

// A flag that no group has comes under "Flags", before the groups: it is special to its command.
var flagGroups = []flagGroup{
	{"Data", strings.Fields(`train-data train-data-upsampling-factors train-num-samples val-data data csv-img-key csv-caption-key
		csv-separator caption-key caption-key-weights exclude filter data-cache data-cache-size aug-cfg length-bucketing bucket-pool
		max-skip workers`)},
	{"Model", strings.Fields(`model pretrained lock-image lock-image-unlocked-groups lock-text lock-text-unlocked-layers force-image-size
		force-context-length force-patch-dropout ema-decay`)},
	{"Loss", strings.Fields(`objective siglip label-smoothing label-smoothing-form dedup-targets mlm-weight coca-contrastive-loss-weight
		coca-caption-loss-weight lock-logit-scale`)},
	{"Preferences", strings.Fields(`reward-head keep-near l2-sp`)},
	{"Reward and PPO", strings.Fields(`reward reward-model judge ppo-epochs minibatches max-length clip clip-value gamma lambda
		kl-coefficient kl-limit kl-fixed entropy-coefficient value-coefficient length-penalty repetition-penalty`)},
	{"Optimizer", strings.Fields(`batch-size accum-freq opt lr wd wd-exclude beta1 beta2 eps grad-clip-norm`)},
	{"Schedule", strings.Fields(`epochs steps warmup lr-scheduler epochs-cooldown stop-after`)},
	{"Checkpoints", strings.Fields(`out resume save-frequency keep allow-data-change discard-later`)},
	{"Evaluation", strings.Fields(`val-frequency zeroshot-frequency eval keep-best patience min-delta log-frequency`)},
	{"Machine", strings.Fields(`device precision threads seed grad-checkpointing shard-optimizer dist-timeout tf32`)},
	{"Settings and output", strings.Fields(`config set json quiet log-format help help-all`)},
}

// groupsOf are the groups of a command. One that trains nothing has no optimizer, no schedule and no checkpoints: what has the name of
// one of their flags there is special to the command, but for the batch size, which is a matter of the machine.
func groupsOf(trains bool) []flagGroup {
	if trains {
		return flagGroups
	}
	var out []flagGroup
	for _, g := range flagGroups {
		switch g.title {
		case "Machine":
			g.flags = append([]string{"batch-size"}, g.flags...)
		case "Data", "Model", "Settings and output":
		default:
			continue
		}
		out = append(out, g)
	}
	return out
}

// CommonFlags are the flags that --help of a command with many flags shows; --help-all shows all. Commands that are not here show all.
var CommonFlags = map[string][]string{
	"clipgo train": strings.Fields(`train-data val-data csv-img-key csv-caption-key model pretrained lock-image objective siglip batch-size
		accum-freq lr wd epochs steps warmup out resume save-frequency val-frequency eval
		keep-best patience device precision grad-checkpointing config set json quiet help help-all`),
	"clipgo align preference": strings.Fields(`train-data val-data model pretrained reward-head keep-near batch-size lr epochs steps
		out resume device precision config set json quiet help help-all`),
	"clipgo align ppo": strings.Fields(`train-data val-data model reward reward-model judge kl-coefficient kl-limit batch-size lr steps
		out resume device precision config set json quiet help help-all`),
}
