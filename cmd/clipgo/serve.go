package main

import (
	"context"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"clipgo/datasets"
	"clipgo/internal/cli"
	"clipgo/internal/config"
	"clipgo/internal/fault"
	"clipgo/pretrained"
	"clipgo/serve"
)

type serveOptions struct {
	pretrained.Settings
	databaseOptions
	Indexes   []string           `json:"index" flag:"index" repeat:"true" arg:"[name=]dir" help:"index directory, and its name in the page (repeated)"`
	Reviews   []string           `json:"review" flag:"review" repeat:"true" arg:"[name=]file" help:"list of dedup, outliers or curate to decide about in the page, and the index that has its pictures (repeated; default the first)"`
	ReviewDir string             `json:"review_dir" flag:"review-dir" arg:"dir" help:"directory of decisions about duplicates that the page finds, in NAME.duplicates.csv for each index (made if missing; default: they are not kept)"`
	Addr      string             `json:"addr" flag:"addr" arg:"host:port" help:"address to listen on (default 127.0.0.1:8808)"`
	Token     string             `json:"token" flag:"token" arg:"text" help:"secret that requests must have; made and printed if --addr isn't a loopback address"`
	Roots     []string           `json:"root" flag:"root" repeat:"true" arg:"dir" help:"folder whose pictures may be shown (repeated; default: the folder that holds all pictures of the index)"`
	Hosts     []string           `json:"host" flag:"host" repeat:"true" arg:"name" help:"further name of this server in requests, as behind a proxy (repeated)"`
	Origins   []string           `json:"cors" flag:"cors" repeat:"true" arg:"origin" help:"origin of another page that may ask, such as https://example.org (repeated)"`
	BasePath  string             `json:"base_path" flag:"base-path" arg:"path" help:"path that a proxy has in front of all others, such as /pictures"`
	Fetch     string             `json:"fetch" flag:"fetch" arg:"public|any" help:"fetch pictures at addresses that clients send (in the page, /api/pictures, image_url): at public ones, or in the own network too"`
	Proxies   []string           `json:"trusted_proxy" flag:"trusted-proxy" repeat:"true" arg:"addr" help:"address or range of a proxy whose X-Forwarded-For and X-Forwarded-Proto are believed (repeated)"`
	ShowPaths bool               `json:"show_paths" flag:"show-paths" help:"send the absolute paths of pictures, which are left out otherwise"`
	Queries   bool               `json:"log_queries" flag:"log-queries" help:"log what is searched for"`
	Thumbs    string             `json:"thumb_cache" flag:"thumb-cache" arg:"dir" help:"directory of small copies of pictures (default in the user's cache)"`
	ThumbSize datasets.ByteCount `json:"thumb_cache_size" flag:"thumb-cache-size" arg:"size" help:"maximum size of --thumb-cache (default 1GB)"`
}

func newServe(a *app) *cobra.Command {
	o := serveOptions{Settings: pretrained.DefaultSettings(), Addr: "127.0.0.1:8808", ThumbSize: 1 << 30}
	c := &cobra.Command{
		Use:   "serve --index [NAME=]DIR... [--addr HOST:PORT]",
		Short: "Search indexes in a browser, and over a JSON API",
		Long: `serve opens indexes and answers searches over HTTP until it is interrupted: a page for a browser, a JSON API that
/api/openapi.json describes, and the endpoints of clip-retrieval (/knn-service, /metadata, /indices-list, /metrics), so
that its client and its page work with it. When embed commits to an index, the server opens it again.
With --review FILE people decide in the page which pictures of a list stay. The decisions are written to a file beside it
(keep.csv: keep.reviewed.csv), which train, embed and pack take as --filter; the list and the pictures are never changed.
The page finds duplicates of an index without a list, too. With --review-dir the decisions about them are written there.
SIGINT and SIGTERM end it: requests that run have ten seconds, and the exit code is 0.

It listens on this machine only. Another --addr needs a token, which is printed once if none is given, and --root: pictures
outside of these folders are never sent. TLS is for a proxy in front; --host and --base-path name what it changes.

With --database the features are searched in PostgreSQL, where clipgo index sync or embed --database put them, and --index
names collections: the folders need not be here. Hits are those of the folder, exactly; from some 100,000 pictures on the
folder is faster. Requests are answered with 503 while the database is away.`,
		Example: `  clipgo serve --index pictures.index
  clipgo serve --index family=family.index --index work=work.index --addr 0.0.0.0:8808 --root ~/Pictures
  clipgo serve --index pictures.index --review keep.csv
  clipgo serve --index pictures.index --review-dir decisions
  curl "http://127.0.0.1:8808/api/search?q=a+red+heart&limit=3"`,
		Args: cobra.NoArgs,
	}
	b := cli.Bind(c, &o, "data")
	c.RunE = b.Runs(func(ctx context.Context, said config.Layer, _ []string) error { return o.run(ctx, a, said) })
	return c
}

func (o *serveOptions) run(ctx context.Context, a *app, said config.Layer) (err error) {
	switch {
	case len(o.Indexes) == 0 && o.Database != "" && o.Collection != "":
		o.Indexes = []string{o.Collection}
	case len(o.Indexes) == 0:
		return usagef("--index is missing: the directory that embed made")
	case len(o.Indexes) > 1 && o.Collection != "":
		return usagef("--collection names one index, and there are %d: leave it out, and each --index names its own", len(o.Indexes))
	}
	places, err := serve.Sources(o.Indexes)
	if err != nil {
		return err
	}
	pretrained.LoadLibtorch()
	var models []*pretrained.Embedder
	defer func() {
		for _, m := range models {
			m.Free()
		}
	}()
	var sources []serve.Source
	for _, place := range places {
		src, opened, err := o.open(ctx, a, said, place.Index, models)
		if err != nil {
			return err
		}
		src.Returned = place.Returned
		sources, models = append(sources, src), opened
	}
	if err := serve.KeepDecisions(o.ReviewDir, sources); err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return fault.Setting("addr", "%v", err)
	}
	defer l.Close()
	how, made := o.options(a, l.Addr())
	if how.Reviews, err = serve.OpenReviews(o.Reviews); err != nil {
		return err
	}
	s, err := serve.New(sources, how)
	if err != nil {
		return err
	}
	defer closeWith(&err, s)
	a.console.say("%s", serve.Address(l.Addr(), o.BasePath, made))
	return s.Serve(ctx, l)
}

// open opens an index and its model. Indexes of one model share it.
func (o *serveOptions) open(ctx context.Context, a *app, said config.Layer, arg string,
	models []*pretrained.Embedder) (serve.Source, []*pretrained.Embedder, error) {
	name, dir := serve.SplitSource(arg)
	ix, err := o.openServed(ctx, dir)
	if err != nil {
		return serve.Source{}, models, err
	}
	for _, m := range models {
		if acceptsModel(ix, m) == nil {
			return serve.Source{Name: name, Index: ix, Model: m}, models, nil
		}
	}
	settings := o.Settings
	m, err := openIndexModel(ctx, a, &settings, said, dir, ix.Info())
	if err != nil {
		return serve.Source{}, models, err
	}
	return serve.Source{Name: name, Index: ix, Model: m}, append(models, m), acceptsModel(ix, m)
}

// options are the server's; made is the token if it was made here.
func (o *serveOptions) options(a *app, at net.Addr) (how serve.Options, made string) {
	how = serve.Options{Addr: at.String(), Token: o.Token, Hosts: o.Hosts, Origins: o.Origins, Roots: o.Roots, ShowPaths: o.ShowPaths,
		Proxies: o.Proxies, Fetch: o.Fetch, BasePath: o.BasePath, Queries: o.Queries, ThumbDir: o.Thumbs, ThumbSize: int64(o.ThumbSize),
		Version: version, Log: a.console.log, Picture: serve.BuiltinPictures()}
	if how.ThumbDir == "" {
		if cache, err := os.UserCacheDir(); err == nil {
			how.ThumbDir = filepath.Join(cache, "clipgo", "thumbnails")
		}
	}
	if how.Token == "" && !serve.Loopback(o.Addr) {
		made = serve.NewToken()
		how.Token = made
	}
	return how, made
}
