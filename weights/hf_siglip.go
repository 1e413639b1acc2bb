package weights

// hfSigLIP maps the names of transformers' SiglipModel to those of open_clip's SigLIP, whose image tower is timm's.
var hfSigLIP = []row{
	{"logit_scale", "logit_scale", scalar},
	{"logit_bias", "logit_bias", scalar},

	{"text_model.embeddings.token_embedding.weight", "text.token_embedding.weight", same},
	{"text_model.embeddings.position_embedding.weight", "text.positional_embedding", same},
	{"text_model.encoder.layers.#.layer_norm1.*", "text.transformer.resblocks.#.ln_1.*", same},
	{"text_model.encoder.layers.#.self_attn.{q,k,v}_proj.*", "text.transformer.resblocks.#.attn.in_proj_*", same},
	{"text_model.encoder.layers.#.self_attn.out_proj.*", "text.transformer.resblocks.#.attn.out_proj.*", same},
	{"text_model.encoder.layers.#.layer_norm2.*", "text.transformer.resblocks.#.ln_2.*", same},
	{"text_model.encoder.layers.#.mlp.fc1.*", "text.transformer.resblocks.#.mlp.c_fc.*", same},
	{"text_model.encoder.layers.#.mlp.fc2.*", "text.transformer.resblocks.#.mlp.c_proj.*", same},
	{"text_model.final_layer_norm.*", "text.ln_final.*", same},
	{"text_model.head.*", "text.text_projection.*", same},

	{"vision_model.embeddings.patch_embedding.*", "visual.trunk.patch_embed.proj.*", same},
	{"vision_model.embeddings.position_embedding.weight", "visual.trunk.pos_embed", batched},
	{"vision_model.encoder.layers.#.layer_norm1.*", "visual.trunk.blocks.#.norm1.*", same},
	{"vision_model.encoder.layers.#.self_attn.{q,k,v}_proj.*", "visual.trunk.blocks.#.attn.qkv.*", same},
	{"vision_model.encoder.layers.#.self_attn.out_proj.*", "visual.trunk.blocks.#.attn.proj.*", same},
	{"vision_model.encoder.layers.#.layer_norm2.*", "visual.trunk.blocks.#.norm2.*", same},
	{"vision_model.encoder.layers.#.mlp.fc1.*", "visual.trunk.blocks.#.mlp.fc1.*", same},
	{"vision_model.encoder.layers.#.mlp.fc2.*", "visual.trunk.blocks.#.mlp.fc2.*", same},
	{"vision_model.post_layernorm.*", "visual.trunk.norm.*", same},
	{"vision_model.head.probe", "visual.trunk.attn_pool.latent", same},
	{"vision_model.head.attention.in_proj_*", "visual.trunk.attn_pool.{q,kv}.*", same},
	{"vision_model.head.attention.out_proj.*", "visual.trunk.attn_pool.proj.*", same},
	{"vision_model.head.layernorm.*", "visual.trunk.attn_pool.norm.*", same},
	{"vision_model.head.mlp.fc1.*", "visual.trunk.attn_pool.mlp.fc1.*", same},
	{"vision_model.head.mlp.fc2.*", "visual.trunk.attn_pool.mlp.fc2.*", same},

	{"text_model.embeddings.position_ids", "", ignored}, // of older files
	{"vision_model.embeddings.position_ids", "", ignored},
}
