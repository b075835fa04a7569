"""What a GGUF file says of itself: its header, read with bounds, as the file is not trusted.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import os
import stat
import struct
from pathlib import Path
from typing import BinaryIO

import msgspec

from ...errors import InvalidRequestError

_BINARY = getattr(os, "O_BINARY", 0)  # for Windows
_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MOST_ENTRIES = 100_000  # metadata, or tensors
_LONGEST_NAME = 65_535  # bytes of a key or a tensor's name: the format's own limit
_LONGEST_KEPT = 1_000_000  # bytes of a text that is kept
_LARGEST_HEADER = 256_000_000  # bytes

_UINT8, _INT8, _UINT16, _INT16, _UINT32, _INT32, _FLOAT32, _BOOL = range(8)
_STRING, _ARRAY, _UINT64, _INT64, _FLOAT64 = range(8, 13)
_FORMATS = {
    _UINT8: "<B",
    _INT8: "<b",
    _UINT16: "<H",
    _INT16: "<h",
    _UINT32: "<I",
    _INT32: "<i",
    _FLOAT32: "<f",
    _BOOL: "<?",
    _UINT64: "<Q",
    _INT64: "<q",
    _FLOAT64: "<d",
}
_NOT_CHAT = {"clip", "bert", "nomic-bert", "jina-bert-v2", "t5encoder", "wavtokenizer-dec"}

_Value = int | float | bool | str | list[int]


class Header(msgspec.Struct, frozen=True):
    """What is needed of a GGUF file's header.

    Args:
        architecture: e.g. ``llama``.
        name: the model's name; ``""`` where it has none.
        license: as the file states it; ``""`` where it does not.
        context_window: tokens that the model was made for; ``None`` is unknown.
        chat_template: whether it holds one.
        file_size: bytes.
        vocabulary: number of tokens that it knows.
        cache_per_token: bytes of memory that each token of a conversation takes, at most.
    """

    architecture: str
    name: str
    license: str
    context_window: int | None
    chat_template: bool
    file_size: int
    vocabulary: int
    cache_per_token: int


def read_header(path: Path) -> Header:
    """Read the header of a GGUF file that holds a language model.

    Raises:
        InvalidRequestError: the path names no readable regular file, or the file is no complete
            GGUF language model; the message begins with the field, ``path``.
    """
    try:
        # Without waiting: a FIFO would hold us until somebody writes to it.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "the path holds a null byte"
        raise InvalidRequestError(
            f"path: {path.name or path} cannot be read: {why}.", "Give the full path of a file."
        ) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise InvalidRequestError(
            f"path: {path.name or path} is not a regular file.",
            "Give the full path of a GGUF file.",
        )
    with os.fdopen(descriptor, "rb", buffering=1 << 20) as file:
        try:
            return _Reader(file, status.st_size).header()
        except _BadFileError as error:
            raise InvalidRequestError(f"path: {path.name} {error}.", error.hint) from None
        except OSError as error:
            raise InvalidRequestError(
                f"path: {path.name} cannot be read: {error.strerror}.", "Check the disk."
            ) from None


class _BadFileError(Exception):
    """What is wrong with the file, and what to do about it."""

    def __init__(self, message: str, hint: str = "Fetch the file again.") -> None:
        super().__init__(message)
        self.hint = hint


class _Reader:
    """Reads one header, and never more than the file, or than a header can hold."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size
        self._left = min(size, _LARGEST_HEADER)

    def header(self) -> Header:
        if self._size < len(_MAGIC) or self._bytes(4) != _MAGIC:
            raise _BadFileError("is not a GGUF file", "Give a file whose name ends in .gguf.")
        version = self._number(_UINT32)
        if version not in _VERSIONS:
            raise _BadFileError(
                "has a version of GGUF that cannot be read here", "Fetch a newer conversion of it."
            )
        tensors, entries = self._number(_UINT64), self._number(_UINT64)
        if tensors > _MOST_ENTRIES or entries > _MOST_ENTRIES:
            raise _BadFileError("has a damaged header")
        if not tensors:
            raise _BadFileError("holds no weights", "Give the file that holds the model itself.")
        facts: dict[str, _Value] = {}
        lengths: dict[str, int] = {}
        for _ in range(entries):
            key = self._text(_LONGEST_NAME)
            kind = self._number(_UINT32)
            if kind == _ARRAY:
                lengths[key], numbers = self._array()
                if numbers is not None:
                    facts[key] = numbers
            else:
                facts[key] = self._value(kind)
        self._check_complete(tensors, _integer(facts, "general.alignment") or 32)
        return self._summary(facts, lengths)

    def _summary(self, facts: dict[str, _Value], lengths: dict[str, int]) -> Header:
        architecture = _string(facts, "general.architecture")
        vocabulary = lengths.get("tokenizer.ggml.tokens", 0)
        kind = _string(facts, "general.type")
        if kind not in ("", "model") or architecture in _NOT_CHAT or not vocabulary:
            raise _BadFileError(
                "is not a language model", "Give the GGUF file of a chat model, not an add-on."
            )
        if (_integer(facts, "split.count") or 0) > 1:
            raise _BadFileError(
                "is one of several parts", "Merge them with llama-gguf-split --merge."
            )
        return Header(
            architecture=architecture,
            name=_string(facts, "general.name")[:200],
            license=_string(facts, "general.license")[:100],
            context_window=_integer(facts, f"{architecture}.context_length"),
            chat_template=bool(_string(facts, "tokenizer.chat_template")),
            file_size=self._size,
            vocabulary=vocabulary,
            cache_per_token=_cache_per_token(facts, architecture),
        )

    def _check_complete(self, tensors: int, alignment: int) -> None:
        """A download that was cut off has all of the header and not all of the weights."""
        last = 0
        for _ in range(tensors):
            self._text(_LONGEST_NAME)
            dimensions = self._number(_UINT32)
            if dimensions > 8:
                raise _BadFileError("has a damaged header")
            self._bytes(8 * dimensions + 4)
            last = max(last, self._number(_UINT64))
        begin = self._file.tell()
        if alignment > 0:
            begin += -begin % alignment
        if begin + last >= self._size:
            raise _BadFileError("is not complete")

    def _bytes(self, count: int) -> bytes:
        if count > self._left:
            raise _BadFileError("is not complete, or has a damaged header")
        self._left -= count
        read = self._file.read(count)
        if len(read) < count:
            raise _BadFileError("is not complete")
        return read

    def _skip(self, count: int) -> None:
        if count > self._left:
            raise _BadFileError("is not complete, or has a damaged header")
        self._left -= count
        self._file.seek(count, os.SEEK_CUR)

    def _number(self, kind: int) -> int:
        form = _FORMATS[kind]
        (value,) = struct.unpack(form, self._bytes(struct.calcsize(form)))
        assert isinstance(value, int)
        return value

    def _text(self, longest: int) -> str:
        length = self._number(_UINT64)
        if length > longest:
            raise _BadFileError("has a damaged header")
        return self._bytes(length).decode(errors="replace")

    def _value(self, kind: int) -> _Value:
        if kind == _STRING:
            length = self._number(_UINT64)
            if length <= _LONGEST_KEPT:
                return self._bytes(length).decode(errors="replace")
            self._skip(length)
            return ""
        form = _FORMATS.get(kind)
        if form is None:
            raise _BadFileError("has a damaged header")
        (value,) = struct.unpack(form, self._bytes(struct.calcsize(form)))
        assert isinstance(value, int | float)
        return value

    def _array(self) -> tuple[int, list[int] | None]:
        """An array's length, and its content where that is a short list of integers."""
        kind, count = self._number(_UINT32), self._number(_UINT64)
        if kind == _STRING:
            if count * 8 > self._left:
                raise _BadFileError("has a damaged header")
            for _ in range(count):
                self._skip(self._number(_UINT64))
            return count, None
        form = _FORMATS.get(kind)
        if form is None:  # arrays of arrays are in the format, and in no file
            raise _BadFileError("has a damaged header")
        size = struct.calcsize(form) * count
        if count > 4096 or kind in (_FLOAT32, _FLOAT64, _BOOL):
            self._skip(size)
            return count, None
        return count, list(struct.unpack(f"<{count}{form[1]}", self._bytes(size)))


def _string(facts: dict[str, _Value], key: str) -> str:
    value = facts.get(key)
    return value if isinstance(value, str) else ""


def _integer(facts: dict[str, _Value], key: str) -> int | None:
    value = facts.get(key)
    return value if isinstance(value, int) and 0 < value < 2**40 else None


def _cache_per_token(facts: dict[str, _Value], architecture: str) -> int:
    """Keys and values of all layers in 16 bits each: an upper bound, as windows are not counted."""

    def fact(name: str) -> int | None:
        return _integer(facts, f"{architecture}.{name}")

    layers = min(fact("block_count") or 0, 4096)
    heads = fact("attention.head_count") or 1
    per_head = (fact("embedding_length") or 0) // heads
    both = (fact("attention.key_length") or per_head) + (fact("attention.value_length") or per_head)
    shared = facts.get(f"{architecture}.attention.head_count_kv")
    if isinstance(shared, list):  # a number for each layer
        return sum(shared[:layers]) * both * 2
    return layers * (shared if isinstance(shared, int) and shared else heads) * both * 2
