"""How long a conversation fits into the machine's memory."""

from __future__ import annotations

import pytest

from jupyter_chatide.gateway.local.gguf import Header
from jupyter_chatide.gateway.local.memory import available_memory, plan

GB = 10**9

# As their headers say: Qwen2.5-Coder 7B and Qwen3 4B, both quantised to about 4 bits a weight.
CODER_7B = Header("qwen2", "", "", 32_768, True, 4_683_073_536, 152_064, 28 * 4 * 256 * 2)
QWEN_4B = Header("qwen3", "", "", 262_144, True, 2_497_280_736, 151_936, 36 * 8 * 256 * 2)


def test_a_small_machine_gets_no_model_that_it_cannot_hold() -> None:
    assert not plan(CODER_7B, 4 * GB).fits
    assert not plan(CODER_7B, int(5.5 * GB)).fits
    assert plan(CODER_7B, 6 * GB).fits
    assert plan(CODER_7B, 4 * GB).needed == pytest.approx(5.8 * GB, rel=0.02)


def test_more_memory_gives_longer_conversations_up_to_what_the_model_can() -> None:
    contexts = [plan(CODER_7B, size * GB).context for size in (6, 7, 8, 12, 32)]
    assert contexts == sorted(contexts)
    assert contexts[0] >= 2048
    assert contexts[-1] == 32_768


def test_a_conversation_takes_no_more_than_a_quarter_of_the_memory() -> None:
    for size in (8, 16, 32):
        chosen = plan(QWEN_4B, size * GB)
        assert chosen.context * QWEN_4B.cache_per_token <= size * GB / 4
        assert chosen.fits


def test_what_fits_leaves_something_for_the_rest() -> None:
    for size in range(4, 20):
        for header in (CODER_7B, QWEN_4B):
            chosen = plan(header, size * GB)
            if chosen.fits:
                weights_and_context = header.file_size + chosen.context * header.cache_per_token
                assert weights_and_context < size * GB - GB // 2


def test_an_unknown_memory_is_taken_for_enough() -> None:
    chosen = plan(CODER_7B, None)
    assert chosen.fits
    assert chosen.context == 8192


def test_this_machine_tells_its_memory() -> None:
    available = available_memory()
    assert available is not None
    assert 10**7 < available < 10**15
