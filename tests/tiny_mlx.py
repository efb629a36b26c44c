"""A tiny random Qwen2 for mlx_lm, and two LoRA adapters that change what it says.

Run by a Python that has mlx-lm:

    python tests/tiny_mlx.py FOLDER     makes FOLDER/base, FOLDER/dev and FOLDER/test

Some 200 kB. Its tokens are the printable ASCII characters, so that whatever it says can be read.
"""

import json
import sys
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten, tree_map
from mlx_lm.models.qwen2 import Model, ModelArgs
from mlx_lm.tuner.utils import linear_to_lora_layers

CHARACTERS = [chr(code) for code in range(33, 127)]
END = "<|im_end|>"
VOCABULARY = {text: number for number, text in enumerate([*CHARACTERS, "Ġ", "Ċ", END])}
CONFIG = {
    "model_type": "qwen2",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 64,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-6,
    "vocab_size": len(VOCABULARY),
    "rope_theta": 10000.0,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
LORA = {"rank": 4, "scale": 20.0, "dropout": 0.0}
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


def write_base(folder: Path) -> Model:
    """Model, configuration and tokenizer, as mlx_lm loads them from a folder."""
    folder.mkdir(parents=True)
    mx.random.seed(1)
    model = Model(ModelArgs.from_dict(CONFIG))
    model.update(tree_map(lambda weights: mx.random.normal(weights.shape), model.parameters()))
    model.lm_head.weight[VOCABULARY[END]] = 0.0  # it is never the likeliest: no answer is empty
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())))
    (folder / "config.json").write_text(json.dumps(CONFIG | {"eos_token_id": VOCABULARY[END]}))
    tokenizer = {
        "version": "1.0",
        "added_tokens": [
            {
                "id": VOCABULARY[END],
                "content": END,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
        ],
        "pre_tokenizer": BYTES,
        "decoder": BYTES,
        "model": {"type": "BPE", "vocab": VOCABULARY, "merges": [], "byte_fallback": False},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    facts = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": END, "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(facts))
    return model


def write_adapter(folder: Path, seed: int) -> None:
    """An adapter of random weights; what comes of a training would begin with zeros and change nothing."""
    folder.mkdir()
    model = Model(ModelArgs.from_dict(CONFIG))
    model.freeze()
    linear_to_lora_layers(model, CONFIG["num_hidden_layers"], LORA)
    mx.random.seed(seed)
    weights = {name: mx.random.normal(old.shape) for name, old in tree_flatten(model.trainable_parameters())}
    mx.save_safetensors(str(folder / "adapters.safetensors"), weights)
    facts = {"fine_tune_type": "lora", "num_layers": CONFIG["num_hidden_layers"], "lora_parameters": LORA}
    (folder / "adapter_config.json").write_text(json.dumps(facts))


def main() -> None:
    """Base and adapters."""
    folder = Path(sys.argv[1])
    write_base(folder / "base")
    for seed, name in enumerate(("dev", "test"), start=2):
        write_adapter(folder / name, seed)


if __name__ == "__main__":
    main()
