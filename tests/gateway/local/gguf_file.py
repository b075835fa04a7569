"""Writes GGUF headers for tests: right ones, and such as no program writes."""

from __future__ import annotations

import struct
from typing import Any

LLAMA: dict[str, Any] = {
    "general.architecture": "llama",
    "general.name": "Tiny",
    "general.license": "mit",
    "llama.context_length": 4096,
    "llama.block_count": 2,
    "llama.embedding_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "tokenizer.ggml.tokens": ["a", "b", "c"],
    "tokenizer.ggml.scores": [0.0, 0.5, 1.0],
    "tokenizer.chat_template": "{{ messages }}",
}


def text(value: str) -> bytes:
    encoded = value.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def value(content: Any) -> bytes:
    """A value with its type before it."""
    match content:
        case str():
            return struct.pack("<I", 8) + text(content)
        case bool():
            return struct.pack("<I?", 7, content)
        case int():
            return struct.pack("<IQ", 10, content)
        case float():
            return struct.pack("<If", 6, content)
        case [str(), *_]:
            return struct.pack("<IIQ", 9, 8, len(content)) + b"".join(map(text, content))
        case [float(), *_]:
            return struct.pack(f"<IIQ{len(content)}f", 9, 6, len(content), *content)
        case list():
            return struct.pack(f"<IIQ{len(content)}I", 9, 4, len(content), *content)
    raise TypeError(content)


def gguf(facts: dict[str, Any], *, tensors: int = 1, weights: int = 256, version: int = 3) -> bytes:
    """A file with these facts in its header, and ``weights`` bytes for each tensor."""
    made = b"GGUF" + struct.pack("<IQQ", version, tensors, len(facts))
    made += b"".join(text(key) + value(content) for key, content in facts.items())
    for number in range(tensors):
        made += text(f"tensor.{number}") + struct.pack("<IQIQ", 1, 64, 0, number * weights)
    return made + bytes(-len(made) % 32) + bytes(tensors * weights)
