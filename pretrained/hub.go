package pretrained

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"clipgo/internal/fault"
	"clipgo/internal/hub"
)

// Finder looks a model up by its name, with a file of weights where the name is that of a config.
type Finder func(ctx context.Context, name, pretrained string) (Source, error)

// Hub finds models on this machine and on the Hugging Face hub.
type Hub struct {
	Log *slog.Logger // nil: none
	// Progress sees how many bytes of a file have been downloaded; nil: nobody does.
	Progress func(file string, done, total int64)
	// Cached takes the hub's models from the cache alone: nothing is asked or downloaded.
	Cached bool
}

// Find finds a model by its name: a run or checkpoint directory, a folder of weights in any layout, a weights file, a config
// file or its name, or hf-hub:ORG/REPO[@REVISION], which is downloaded once into the cache that huggingface_hub shares.
// pretrained is a file of weights for a config, or one of open_clip's tags for a config's name; it may be empty.
func (h Hub) Find(ctx context.Context, name, pretrained string) (Source, error) {
	if strings.HasPrefix(pretrained, hub.Scheme) {
		return Source{}, fault.Setting("pretrained", "a folder of the hub contains its own config: give it as the model, %s", pretrained)
	}
	name, pretrained, err := h.resolve(name, pretrained)
	if err != nil {
		return Source{Name: name}, err
	}
	if !strings.HasPrefix(name, hub.Scheme) {
		return Find(name, pretrained)
	}
	dir, err := h.download(ctx, name)
	if err != nil {
		return Source{Name: name}, err
	}
	src, err := Find(dir, pretrained)
	src.Name = name
	return src, err
}

// resolve replaces a config's name with one of open_clip's pretrained tags by the hub's model.
func (h Hub) resolve(name, pretrained string) (string, string, error) {
	found, err := tagged(name, pretrained)
	if err != nil || found == "" {
		return name, pretrained, err
	}
	if h.Log != nil {
		h.Log.Info("open_clip's weights on the hub", "model", name, "tag", pretrained, "is", found)
	}
	return found, "", nil
}

// download gives the folder of a hub model in the cache, after downloading what it lacks.
func (h Hub) download(ctx context.Context, name string) (string, error) {
	repo, rev, err := hub.Parse(name)
	if err != nil {
		return "", fault.Setting("model", "%v", err)
	}
	client := hub.FromEnvironment()
	client.Offline = client.Offline || h.Cached
	if h.Log != nil {
		client.Log = h.Log
	}
	if h.Progress != nil {
		client.Progress = h.Progress
	}
	dir, err := client.Snapshot(ctx, repo, rev)
	if refused, ok := errors.AsType[*hub.RefusedError](err); ok {
		return "", fault.Modelf(name, "%s", refused.Reason)
	}
	return dir, err
}
