"""The models that we recommend for laptops: all that is known of each, as one table.

Revisions, sizes and checksums are the hub's own, as several public projects pin them too
(among them LocalAI's gallery). What is left out is not permissively licensed, as the 3B size of
Qwen2.5-Coder.
"""

from __future__ import annotations

from .models import RecommendedModel

_HUB = "https://huggingface.co"

RECOMMENDED: tuple[RecommendedModel, ...] = (
    RecommendedModel(
        id="qwen2.5-coder-1.5b",
        label="Qwen2.5-Coder 1.5B: quick, for small steps",
        url=(
            f"{_HUB}/bartowski/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/"
            "1af47f78b1f9b0c242fabe43f7a365d5a67f3207/Qwen2.5-Coder-1.5B-Instruct-Q4_K_M.gguf"
        ),
        size=986_048_800,
        sha256="f530705d447660a4336c329981af164b471b60b974b1d808d57e8ec9fe23b239",
        license="Apache-2.0",
        context_window=32_768,
    ),
    RecommendedModel(
        id="qwen3-4b",
        label="Qwen3 4B Instruct: for most laptops",
        url=(
            f"{_HUB}/bartowski/Qwen_Qwen3-4B-Instruct-2507-GGUF/resolve/"
            "ae44f08e1392f39c0e474af10c3ff8355c8b6688/Qwen_Qwen3-4B-Instruct-2507-Q4_K_M.gguf"
        ),
        size=2_497_280_736,
        sha256="2fde00ce69dd4899c70d020845e2638353015bba0fdf161b3eb965f2bca4464e",
        license="Apache-2.0",
        context_window=262_144,
    ),
    RecommendedModel(
        id="qwen2.5-coder-7b",
        label="Qwen2.5-Coder 7B: better code, for 16 GB of memory",
        url=(
            f"{_HUB}/Qwen/Qwen2.5-Coder-7B-Instruct-GGUF/resolve/"
            "13fb94bfda8c8cf22497dc57b78f391a9acb426a/qwen2.5-coder-7b-instruct-q4_k_m.gguf"
        ),
        size=4_683_073_536,
        sha256="509287f78cb4d4cf6b3843734733b914b2c158e43e22a7f4bf5e963800894d3c",
        license="Apache-2.0",
        context_window=32_768,
    ),
    RecommendedModel(
        id="qwen2.5-coder-14b",
        label="Qwen2.5-Coder 14B: better still, for 24 GB of memory",
        url=(
            f"{_HUB}/Qwen/Qwen2.5-Coder-14B-Instruct-GGUF/resolve/"
            "d0a692ef765eefbf2fabb130b3cb2e8917e3d225/qwen2.5-coder-14b-instruct-q4_k_m.gguf"
        ),
        size=8_988_110_272,
        sha256="c1e659736d89ac1065fb495330fb824d94001974a4bfa78e7270e43476a8d940",
        license="Apache-2.0",
        context_window=32_768,
    ),
    RecommendedModel(
        id="gpt-oss-20b",
        label="gpt-oss 20B: reasons first, for 24 GB of memory",
        url=(
            f"{_HUB}/ggml-org/gpt-oss-20b-GGUF/resolve/"
            "e1dc459feff949ff451ce107337a2026daa80df8/gpt-oss-20b-mxfp4.gguf"
        ),
        size=12_109_566_560,
        sha256="be37a636aca0fc1aae0d32325f82f6b4d21495f06823b5fbc1898ae0303e9935",
        license="Apache-2.0",
        context_window=131_072,
    ),
)
