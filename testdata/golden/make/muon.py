"""Steps of PyTorch's Muon with its orthogonalization in float64: python muon.py OUT (../muon)."""

import sys
import types
from pathlib import Path

import torch
import torch.optim._muon as muon
from safetensors.torch import save_file

SHAPES = {"attn.in_proj_weight": (18, 6), "attn.out_proj.weight": (6, 6), "mlp.c_fc.weight": (9, 6), "mlp.c_proj.weight": (6, 9)}
STEPS = 5


class InFloat64(types.ModuleType):
    """torch with float64 for bfloat16, so that the reference has no rounding of its own."""

    bfloat16 = torch.float64

    def __getattr__(self, name):
        return getattr(torch, name)


def main():
    muon.torch = InFloat64("torch")
    torch.manual_seed(11)
    out, maps, gradients = {}, {}, {}
    for name, shape in SHAPES.items():
        start = torch.randn(shape, dtype=torch.float64).float().double()
        gradients[name] = torch.randn((STEPS, *shape), dtype=torch.float64).float().double()
        # queries, keys and values are matrices of their own
        maps[name] = [p.clone().requires_grad_() for p in start.chunk(3 if "in_proj" in name else 1)]
        out[name + ".start"], out[name + ".gradients"], out[name + ".after"] = start, gradients[name], []
    everything = [p for ps in maps.values() for p in ps]
    opt = torch.optim.Muon(everything, lr=0.02, weight_decay=0.2, adjust_lr_fn="match_rms_adamw")
    for step in range(STEPS):
        for name, ps in maps.items():
            for p, g in zip(ps, gradients[name][step].chunk(len(ps))):
                p.grad = g.clone()
        torch.nn.utils.clip_grad_norm_(everything, 1.0)
        opt.step()
        for name, ps in maps.items():
            out[name + ".after"].append(torch.cat([p.detach() for p in ps]))
    out = {k: (torch.stack(v) if isinstance(v, list) else v).float().contiguous() for k, v in out.items()}
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    save_file(out, folder / "steps.safetensors")


main()
