"""Reading what a model file says of itself, from files that may say anything."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_chatide.errors import InvalidRequestError
from jupyter_chatide.gateway.local.gguf import read_header
from tests.gateway.local.gguf_file import LLAMA, gguf, text
from tests.smollm import weights


def written(folder: Path, content: bytes) -> Path:
    path = folder / "model.gguf"
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(InvalidRequestError, match=r"^path: ") as caught:
        read_header(path)
    assert caught.value.hint
    return caught.value.message


def test_a_real_file_tells_its_name_licence_and_context() -> None:
    header = read_header(weights())
    assert header.architecture == "llama"
    assert header.context_window == 8192
    assert header.license == "apache-2.0"
    assert header.chat_template
    assert header.vocabulary == 49152
    assert header.file_size == weights().stat().st_size
    # 30 layers, 3 heads of 64 for keys and as many for values, 2 bytes each
    assert header.cache_per_token == 30 * 3 * (64 + 64) * 2


def test_heads_may_differ_from_layer_to_layer(tmp_path: Path) -> None:
    facts = {
        **LLAMA,
        "llama.attention.head_count_kv": [4, 1],
        "llama.attention.key_length": 32,
        "llama.attention.value_length": 16,
    }
    assert read_header(written(tmp_path, gguf(facts))).cache_per_token == 5 * (32 + 16) * 2


def test_a_header_that_says_little_is_enough(tmp_path: Path) -> None:
    facts = {"general.architecture": "new", "tokenizer.ggml.tokens": ["a"]}
    header = read_header(written(tmp_path, gguf(facts)))
    assert (header.name, header.license, header.context_window) == ("", "", None)
    assert not header.chat_template


def test_what_is_no_file_is_said(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.gguf"
    os.mkfifo(pipe)
    assert "not a regular file" in refusal(pipe)  # and does not wait for someone to write
    assert "not a regular file" in refusal(tmp_path)
    assert "not a regular file" in refusal(Path("/dev/zero"))
    assert "No such file" in refusal(tmp_path / "missing.gguf")
    assert "null byte" in refusal(tmp_path / "a\0b")


def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    loop = tmp_path / "loop.gguf"
    loop.symlink_to(loop)
    assert "cannot be read" in refusal(loop)


@pytest.mark.parametrize("content", [b"", b"GG", b"PK\3\4 a zip", b"<!DOCTYPE html>" * 100])
def test_another_kind_of_file_is_said(tmp_path: Path, content: bytes) -> None:
    assert "is not a GGUF file" in refusal(written(tmp_path, content))


def test_a_download_that_was_cut_off_is_said(tmp_path: Path) -> None:
    whole = gguf(LLAMA, tensors=3)
    assert read_header(written(tmp_path, whole)).file_size == len(whole)
    for end in (40, len(whole) // 2, len(whole) - 256):
        assert "not complete" in refusal(written(tmp_path, whole[:end]))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"general.architecture": "clip"}, "not a language model"),
        ({"general.type": "adapter"}, "not a language model"),
        ({"general.type": "mmproj"}, "not a language model"),
        ({"split.count": 3}, "one of several parts"),
    ],
)
def test_an_add_on_or_a_part_is_said(tmp_path: Path, facts: dict[str, object], words: str) -> None:
    assert words in refusal(written(tmp_path, gguf({**LLAMA, **facts})))


def test_a_vocabulary_alone_is_no_model(tmp_path: Path) -> None:
    assert "holds no weights" in refusal(written(tmp_path, gguf(LLAMA, tensors=0)))


@pytest.mark.parametrize("version", [1, 4, 3 << 24])
def test_a_version_that_we_cannot_read_is_said(tmp_path: Path, version: int) -> None:
    assert "version of GGUF" in refusal(written(tmp_path, gguf(LLAMA, version=version)))


@pytest.mark.parametrize(
    "rest",
    [
        struct.pack("<QQ", 2**63, 1),  # tensors
        struct.pack("<QQ", 1, 2**63),  # facts
        struct.pack("<QQQ", 1, 1, 2**62),  # a key's length
        struct.pack("<QQ", 1, 1) + text("k") + struct.pack("<IQ", 8, 2**62),  # a text's
        struct.pack("<QQ", 1, 1) + text("k") + struct.pack("<IIQ", 9, 8, 2**61),  # an array's
        struct.pack("<QQ", 1, 1) + text("k") + struct.pack("<IIQ", 9, 4, 2**61),
        struct.pack("<QQ", 1, 1) + text("k") + struct.pack("<IIQ", 9, 9, 1),  # arrays in arrays
        struct.pack("<QQ", 1, 1) + text("k") + struct.pack("<I", 77),  # an unknown type
        struct.pack("<QQ", 1, 0) + text("t") + struct.pack("<I", 2**31),  # dimensions
    ],
)
def test_a_header_that_lies_about_lengths_takes_no_memory(tmp_path: Path, rest: bytes) -> None:
    path = written(tmp_path, b"GGUF" + struct.pack("<I", 3) + rest + bytes(1000))
    assert "damaged" in refusal(path) or "not complete" in refusal(path)


@settings(max_examples=300, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=8),
    end=st.integers(0, 3000),
)
def test_whatever_a_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], end: int
) -> None:
    content = bytearray(gguf(LLAMA, tensors=2))
    for place, byte in changes:
        content[place % len(content)] = byte
    path = tmp_path_factory.getbasetemp() / "mutated.gguf"
    path.write_bytes(content[: end or None])
    try:
        read_header(path)
    except InvalidRequestError as error:
        assert error.message.startswith("path: ")
