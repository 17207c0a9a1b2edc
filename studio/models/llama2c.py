"""Small Llama-type models of llama2.c (version 0 files) as a folder that transformers loads.

`python -m studio.models.llama2c MODEL.bin TOKENIZER.bin FOLDER` writes config.json, model.safetensors and
tokenizer.json; the folder can then be named in STUDIO_LM.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np

from studio.errors import ModelError
from studio.records import Array

_HEADER = struct.Struct("<7i")  # dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len
_BYTES_FROM = 3  # <unk>, <s>, </s>, then the 256 bytes


def convert(weights: Path, vocabulary: Path, folder: Path) -> Path:
    """Write the folder; nothing is executed, only numbers and strings are read.

    Args:
        weights: a llama2.c model of version 0.
        vocabulary: its tokenizer.bin.
        folder: where to write; made if it is not there.

    Returns:
        The folder.

    Raises:
        ModelError: a file that is not what it should be.
    """
    from safetensors.numpy import save_file  # heavy: only workers and the command line come here

    facts, tensors = _weights(weights)
    pieces = _pieces(vocabulary, facts["vocab_size"])
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "bos_token_id": 1,
        "eos_token_id": 2,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0,
        "dtype": "float32",
        **facts,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    _tokenizer(pieces).save(str(folder / "tokenizer.json"))
    names = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "unk_token": "<unk>",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(names, indent=1), encoding="utf-8")
    return folder


def _weights(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """What config.json says, and the tensors under their names in transformers."""
    data = path.read_bytes()
    if len(data) < _HEADER.size:
        raise _strange(path, "it is too short")
    dim, hidden, layers, heads, kv_heads, vocab, length = _HEADER.unpack_from(data)
    own_head, vocab = vocab < 0, abs(vocab)
    sizes = (dim, hidden, layers, heads, kv_heads, vocab, length)
    if not all(0 < size <= 10**6 for size in sizes) or dim % heads or heads % kv_heads or (dim // heads) % 2:
        raise _strange(path, f"sizes {sizes}")
    kv = dim // heads * kv_heads
    shapes = [("embed", (vocab, dim)), ("norm_1", (layers, dim)), ("q", (layers, dim, dim)), ("k", (layers, kv, dim)),
              ("v", (layers, kv, dim)), ("o", (layers, dim, dim)), ("norm_2", (layers, dim)),
              ("gate", (layers, hidden, dim)), ("down", (layers, dim, hidden)), ("up", (layers, hidden, dim)),
              ("norm", (dim,)), ("rotary", (2, length, dim // heads // 2))]  # fmt: skip
    shapes += [("head", (vocab, dim))] if own_head else []
    numbers = np.frombuffer(data, dtype="<f4", offset=_HEADER.size)
    if len(numbers) != sum(int(np.prod(shape)) for _, shape in shapes):
        raise _strange(path, f"{len(numbers)} weights")
    parts, at = {}, 0
    for name, shape in shapes:
        size = int(np.prod(shape))
        parts[name] = numbers[at : at + size].reshape(shape)
        at += size
    facts = {"hidden_size": dim, "intermediate_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
             "num_key_value_heads": kv_heads, "vocab_size": vocab, "max_position_embeddings": length,
             "tie_word_embeddings": not own_head}  # fmt: skip
    return facts, _named(parts, heads, kv_heads)


def _named(parts: dict[str, Array], heads: int, kv_heads: int) -> dict[str, Array]:
    tensors = {"model.embed_tokens.weight": parts["embed"], "model.norm.weight": parts["norm"]}
    if "head" in parts:
        tensors["lm_head.weight"] = parts["head"]
    for i in range(len(parts["q"])):
        own = f"model.layers.{i}."
        tensors |= {
            own + "self_attn.q_proj.weight": _halves(parts["q"][i], heads),
            own + "self_attn.k_proj.weight": _halves(parts["k"][i], kv_heads),
            own + "self_attn.v_proj.weight": parts["v"][i],
            own + "self_attn.o_proj.weight": parts["o"][i],
            own + "mlp.gate_proj.weight": parts["gate"][i],
            own + "mlp.down_proj.weight": parts["down"][i],
            own + "mlp.up_proj.weight": parts["up"][i],
            own + "input_layernorm.weight": parts["norm_1"][i],
            own + "post_attention_layernorm.weight": parts["norm_2"][i],
        }
    return {name: np.ascontiguousarray(tensor, dtype=np.float32) for name, tensor in tensors.items()}


def _halves(weight: Array, heads: int) -> Array:
    """Rows reordered: llama2.c turns neighbouring pairs, transformers the two halves of a head."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).transpose(0, 2, 1, 3).reshape(rows, columns)


def _pieces(path: Path, vocab: int) -> list[tuple[str, float]]:
    """Every piece of the vocabulary with its score."""
    data, found, at = path.read_bytes(), [], 4  # the longest piece comes first and is not needed
    try:
        for _ in range(vocab):
            score, size = struct.unpack_from("<fi", data, at)
            raw = data[at + 8 : at + 8 + size]
            if size < 0 or len(raw) != size:
                raise _strange(path, f"{len(found)} of {vocab} pieces")
            found.append((raw.decode("utf-8"), score))
            at += 8 + size
    except (struct.error, UnicodeDecodeError) as error:
        raise _strange(path, f"{len(found)} of {vocab} pieces: {error}") from error
    return found


def _tokenizer(pieces: list[tuple[str, float]]) -> Any:
    """The pieces as a byte-pair tokenizer whose merges go by the pieces' scores, as llama2.c merges."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, processors

    vocab = {"<unk>": 0, "<s>": 1, "</s>": 2} | {f"<0x{byte:02X}>": _BYTES_FROM + byte for byte in range(256)}
    score_of = {piece: score for piece, score in pieces[_BYTES_FROM + 256 :]}
    vocab |= {piece: _BYTES_FROM + 256 + i for i, (piece, _) in enumerate(pieces[_BYTES_FROM + 256 :])}
    merges = [
        (piece[:cut], piece[cut:])
        for piece, _ in sorted(score_of.items(), key=lambda item: -item[1])
        for cut in range(1, len(piece))
        if piece[:cut] in score_of and piece[cut:] in score_of
    ]
    made = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in ("<unk>", "<s>", "</s>")])
    made.normalizer = normalizers.Prepend(" ")
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    made.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return made


def _strange(path: Path, why: str) -> ModelError:
    return ModelError("The file is not a llama2.c file of version 0", got=f"{path.name}: {why}",
                      fix="Choose the model's .bin file and its tokenizer's.")  # fmt: skip


def main(arguments: list[str]) -> int:
    """Convert from the command line."""
    if len(arguments) != 3:
        sys.stderr.write("usage: python -m studio.models.llama2c MODEL.bin TOKENIZER.bin FOLDER\n")
        return 2
    try:
        folder = convert(*(Path(argument) for argument in arguments))
    except (ModelError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
