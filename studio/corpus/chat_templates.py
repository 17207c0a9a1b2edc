"""Named chat templates: the wordings best-known chat models were trained with, each marking what the model learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_CHATML = (
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'assistant' -%}"
    "{{ '<|im_start|>assistant\n' }}"
    "{% generation %}{{ message['content'] + '<|im_end|>' }}{% endgeneration %}{{ '\n' }}"
    "{%- else -%}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)
_LLAMA3 = (
    "{{- bos_token -}}"
    "{%- for message in messages -%}"
    "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' }}"
    "{%- if message['role'] == 'assistant' -%}"
    "{% generation %}{{ message['content'] | trim + '<|eot_id|>' }}{% endgeneration %}"
    "{%- else -%}{{ message['content'] | trim + '<|eot_id|>' }}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif -%}"
)
_MISTRAL = (
    "{{- bos_token -}}"
    "{%- set system = messages[0]['content'] + '\n\n' if messages[0]['role'] == 'system' else '' -%}"
    "{%- set turns = messages[1:] if system else messages -%}"
    "{%- for message in turns -%}"
    "{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{%- endif -%}"
    "{%- if message['role'] == 'user' -%}"
    "{{ '[INST] ' + (system if loop.first else '') + message['content'] + ' [/INST]' }}"
    "{%- else -%}{{ ' ' }}{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{%- endif -%}"
    "{%- endfor -%}"
)
_ZEPHYR = (
    "{%- for message in messages -%}"
    "{{ '<|' + message['role'] + '|>\n' }}"
    "{%- if message['role'] == 'assistant' -%}"
    "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{{ '\n' }}"
    "{%- else -%}{{ message['content'] + eos_token + '\n' }}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|assistant|>\n' }}{%- endif -%}"
)
_ALPACA = (
    "{{- bos_token -}}"
    "{%- if messages[0]['role'] == 'system' -%}{{ messages[0]['content'] + '\n\n' }}"
    "{%- else -%}{{ 'Below is an instruction that describes a task. "
    "Write a response that appropriately completes the request.\n\n' }}{%- endif -%}"
    "{%- for message in messages -%}"
    "{%- if message['role'] == 'user' -%}{{ '### Instruction:\n' + message['content'] + '\n\n' }}"
    "{%- elif message['role'] == 'assistant' -%}{{ '### Response:\n' }}"
    "{% generation %}{{ message['content'] + eos_token }}{% endgeneration %}{{ '\n\n' if not loop.last else '' }}"
    "{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '### Response:\n' }}{%- endif -%}"
)


@dataclass(frozen=True)
class ChatTemplate:
    """A Jinja chat template, the values it is given (bos_token, eos_token), and its special tokens."""

    name: str
    title: str
    text: str
    values: Mapping[str, str] = field(default_factory=dict)
    specials: tuple[str, ...] = ()


_S = {"bos_token": "<s>", "eos_token": "</s>"}
TEMPLATES: tuple[ChatTemplate, ...] = (
    ChatTemplate("chatml", "ChatML (Qwen, Yi)", _CHATML, {}, ("<|im_start|>", "<|im_end|>")),
    ChatTemplate("llama3", "Llama 3", _LLAMA3, {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
                 ("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")),
    ChatTemplate("mistral", "Mistral", _MISTRAL, _S, ("<s>", "</s>", "[INST]", "[/INST]")),
    ChatTemplate("zephyr", "Zephyr", _ZEPHYR, _S, ("</s>", "<|system|>", "<|user|>", "<|assistant|>")),
    ChatTemplate("alpaca", "Alpaca", _ALPACA, _S, ("<s>", "</s>")),
)  # fmt: skip


def named_template(name: str) -> ChatTemplate | None:
    """The template of a name, or None."""
    return next((item for item in TEMPLATES if item.name == name), None)
