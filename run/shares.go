package run

import (
	"bytes"
	"context"
	"encoding/gob"

	"clipgo/pretrained"
)

// A Helper does a piece of what process 0 works on. About is what process 0 says of the work.
type Helper func(ctx context.Context, about string, piece pretrained.Piece) (*pretrained.Share, error)

// errand is what the process that leads asks the others for.
type errand struct {
	About string
	Whole pretrained.Piece
}

// crew is the pretrained.Crew of the process that leads, within whileBusy.
func (v *voices) crew(about string) pretrained.Crew {
	return func(ctx context.Context, whole pretrained.Piece, own pretrained.Work) ([]*pretrained.Share, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if v.asks == nil { // the others are not there any more
			one, err := own(ctx, whole)
			return []*pretrained.Share{one}, err
		}
		var request bytes.Buffer
		if err := gob.NewEncoder(&request).Encode(errand{about, whole}); err != nil {
			return nil, err
		}
		answers, err := v.divided(request.Bytes(), func(ctx context.Context) ([]byte, error) {
			return v.shareOf(whole, func(piece pretrained.Piece) (*pretrained.Share, error) { return own(ctx, piece) })
		})
		if err != nil {
			return nil, err
		}
		shares := make([]*pretrained.Share, len(answers))
		for rank, answer := range answers {
			if shares[rank], err = pretrained.DecodeShare(answer); err != nil {
				return nil, err
			}
		}
		return shares, nil
	}
}

// helping makes a help of what does a piece.
func (v *voices) helping(do Helper) func(ctx context.Context, request []byte) ([]byte, error) {
	return func(ctx context.Context, request []byte) ([]byte, error) {
		var e errand
		if err := gob.NewDecoder(bytes.NewReader(request)).Decode(&e); err != nil {
			return nil, err
		}
		return v.shareOf(e.Whole, func(piece pretrained.Piece) (*pretrained.Share, error) { return do(ctx, e.About, piece) })
	}
}

// shareOf does this process's share of a piece.
func (v *voices) shareOf(whole pretrained.Piece, do func(pretrained.Piece) (*pretrained.Share, error)) ([]byte, error) {
	share := &pretrained.Share{}
	if piece := whole.Share(v.group.Rank(), v.group.World()); !piece.Empty() || whole.Empty() { // which tells of work to come
		var err error
		if share, err = do(piece); err != nil {
			return nil, err
		}
	}
	return share.Encode()
}
