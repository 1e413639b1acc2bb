package weights

// hfCLIP maps the names of transformers' CLIPModel to those of open_clip's CLIP.
var hfCLIP = []row{
	{"logit_scale", "logit_scale", same},

	{"text_model.embeddings.token_embedding.weight", "token_embedding.weight", same},
	{"text_model.embeddings.position_embedding.weight", "positional_embedding", same},
	{"text_model.encoder.layers.#.layer_norm1.*", "transformer.resblocks.#.ln_1.*", same},
	{"text_model.encoder.layers.#.self_attn.{q,k,v}_proj.*", "transformer.resblocks.#.attn.in_proj_*", same},
	{"text_model.encoder.layers.#.self_attn.out_proj.*", "transformer.resblocks.#.attn.out_proj.*", same},
	{"text_model.encoder.layers.#.layer_norm2.*", "transformer.resblocks.#.ln_2.*", same},
	{"text_model.encoder.layers.#.mlp.fc1.*", "transformer.resblocks.#.mlp.c_fc.*", same},
	{"text_model.encoder.layers.#.mlp.fc2.*", "transformer.resblocks.#.mlp.c_proj.*", same},
	{"text_model.final_layer_norm.*", "ln_final.*", same},
	{"text_projection.weight", "text_projection", transposed},

	{"vision_model.embeddings.class_embedding", "visual.class_embedding", same},
	{"vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight", same},
	{"vision_model.embeddings.position_embedding.weight", "visual.positional_embedding", same},
	{"vision_model.pre_layrnorm.*", "visual.ln_pre.*", same}, // spelled so
	{"vision_model.encoder.layers.#.layer_norm1.*", "visual.transformer.resblocks.#.ln_1.*", same},
	{"vision_model.encoder.layers.#.self_attn.{q,k,v}_proj.*", "visual.transformer.resblocks.#.attn.in_proj_*", same},
	{"vision_model.encoder.layers.#.self_attn.out_proj.*", "visual.transformer.resblocks.#.attn.out_proj.*", same},
	{"vision_model.encoder.layers.#.layer_norm2.*", "visual.transformer.resblocks.#.ln_2.*", same},
	{"vision_model.encoder.layers.#.mlp.fc1.*", "visual.transformer.resblocks.#.mlp.c_fc.*", same},
	{"vision_model.encoder.layers.#.mlp.fc2.*", "visual.transformer.resblocks.#.mlp.c_proj.*", same},
	{"vision_model.post_layernorm.*", "visual.ln_post.*", same},
	{"visual_projection.weight", "visual.proj", transposed},

	{"text_model.embeddings.position_ids", "", ignored}, // of older files
	{"vision_model.embeddings.position_ids", "", ignored},
}
