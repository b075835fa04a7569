"""One way to ask, measured in a process of its own; prints what it found as JSON.

Run as ``python -m benchmarks.gateway.client WAY MEASURE PORT STREAMS TOKENS RATE``. The ways:

- ``httpx``: plain httpx, each event decoded with ``json`` (the least that any client does);
- ``direct``: the gateway's direct adapter;
- ``litellm``: litellm in this process, Anthropic's format;
- ``worker``: the gateway's litellm worker processes, Anthropic's format.

The measures: ``load`` streams to many readers at once, ``first`` times the first token of one
request after the other, ``stop`` times from closing an answer to the end of its connection.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

Ask = Callable[[str], AsyncIterator[str]]
PROBE = 0.005  # seconds between looks at the event loop's lag
PATIENCE = 60.0  # seconds


@asynccontextmanager
async def httpx_way(port: int) -> AsyncIterator[Ask]:
    import httpx

    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(limits=limits, timeout=None, trust_env=False) as client:

        async def ask(model: str) -> AsyncIterator[str]:
            url = f"http://127.0.0.1:{port}/v1/chat/completions"
            async with client.stream("POST", url, json={"model": model}) as response:
                async for line in response.aiter_lines():
                    if line.startswith("data: {"):
                        delta = json.loads(line[6:])["choices"][0]["delta"]
                        if text := delta.get("content"):
                            yield text

        yield ask


@asynccontextmanager
async def litellm_way(port: int) -> AsyncIterator[Ask]:
    os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}
    import litellm

    litellm.suppress_debug_info = True

    async def ask(model: str) -> AsyncIterator[str]:
        answer: Any = await litellm.acompletion(
            model=f"anthropic/{model}",
            messages=[{"role": "user", "content": "Go."}],
            api_base=f"http://127.0.0.1:{port}",
            api_key="none",
            stream=True,
        )
        try:
            async for chunk in answer:
                if text := chunk.choices[0].delta.content:
                    yield text
        finally:
            await answer.aclose()

    yield ask


@asynccontextmanager
async def gateway_way(port: int, adapter: str) -> AsyncIterator[Ask]:
    from jupyter_chatide.gateway import ChatMessage, Gateway, LLMRequest
    from jupyter_chatide.gateway.adapter import ProviderConfiguration
    from jupyter_chatide.gateway.messages import TextDelta
    from jupyter_chatide.gateway.settings import GatewaySettings

    url = f"http://127.0.0.1:{port}"
    if adapter == "direct":
        provider = ProviderConfiguration(
            id="bench", label="Bench", icon="", adapter="direct", base_url=f"{url}/v1"
        )
    else:
        provider = ProviderConfiguration(
            id="bench",
            label="Bench",
            icon="",
            adapter="litellm",
            base_url=url,
            models="none",
            litellm_prefix="anthropic",
        )
    with tempfile.TemporaryDirectory() as folder:
        settings = GatewaySettings(providers=(provider,), keys={"bench": "none"})
        async with Gateway(data_dir=Path(folder) / "chatide", settings=settings) as gateway:

            async def ask(model: str) -> AsyncIterator[str]:
                question = LLMRequest("bench", model, [ChatMessage("user", "Go.")], fallback=[])
                async with aclosing(gateway.stream(question)) as deltas:
                    async for delta in deltas:
                        if isinstance(delta, TextDelta):
                            yield delta.text

            yield ask


def way(name: str, port: int) -> AbstractAsyncContextManager[Ask]:
    """The way of that name, to the provider at that port."""
    if name == "httpx":
        return httpx_way(port)
    if name == "litellm":
        return litellm_way(port)
    return gateway_way(port, name)


async def load(ask: Ask, streams: int, tokens: int, rate: int) -> dict[str, Any]:
    """Read many answers at once."""
    lags: list[float] = []
    late: list[float] = []
    characters = 0

    async def probe() -> None:
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(PROBE)
            lags.append((time.perf_counter() - asked - PROBE) * 1e3)

    async def read(number: int) -> None:
        nonlocal characters
        await asyncio.sleep(number / streams)  # people do not begin all at once
        begun = time.perf_counter()
        first = 0.0
        async for text in ask(f"bench-{tokens}-{rate}"):
            first = first or time.perf_counter()
            characters += len(text)
        spent = time.perf_counter() - begun
        late.append((spent - (tokens - 1) / rate) * 1e3)

    # Warm: connections, imports and as many workers as this load will have.
    warm = asyncio.gather(*(read(number) for number in range(streams)))
    await asyncio.wait_for(warm, PATIENCE + 4 * tokens / rate)
    lags.clear(), late.clear()
    characters = 0
    probing = asyncio.create_task(probe())
    processor = time.process_time()
    children = children_time()
    await asyncio.gather(*(read(number) for number in range(streams)))
    processor = time.process_time() - processor
    children = {pid: spent - children.get(pid, 0.0) for pid, spent in children_time().items()}
    probing.cancel()
    chunks = streams * tokens
    assert characters == chunks * len(" token"), "some of the answer is missing"
    return {
        "processor": processor / chunks * 1e6,  # µs a chunk
        "children": sum(children.values()) / chunks * 1e6,
        "workers": len(children),
        "memory": [memory(pid) for pid in children],  # MB
        "lag_median": statistics.median(lags),
        "lag_p99": statistics.quantiles(lags, n=100)[98],
        "lag_worst": max(lags),
        "late_median": statistics.median(late),
        "late_worst": max(late),
    }


async def first(ask: Ask, streams: int, tokens: int, rate: int) -> dict[str, Any]:
    """Time the first token of one request after the other."""
    times = []
    for _ in range(streams):
        begun = time.perf_counter()
        came = 0.0
        async for _ in ask(f"bench-{tokens}-{rate}"):
            came = came or time.perf_counter()
        times.append((came - begun) * 1e3)
    times = times[3:]  # the first ones open connections and import
    return {"median": statistics.median(times), "worst": max(times)}


async def stop(ask: Ask, port: int, streams: int, tokens: int, rate: int) -> dict[str, Any]:
    """Time from closing an answer in its midst to the end of its connection, as upstream saw it."""
    import httpx

    stopped = {}
    for number in range(streams):
        model = f"bench-{number}-{tokens}-{rate}"
        # An async generator: closing it is what Stop does.
        async with aclosing(ask(model)) as answer:  # type: ignore[type-var]
            seen = 0
            async for _ in answer:
                seen += 1
                if seen == 3:
                    break
            stopped[model] = time.monotonic()
    await asyncio.sleep(0.5)
    async with httpx.AsyncClient(trust_env=False) as client:
        left = (await client.get(f"http://127.0.0.1:{port}/left")).json()
    times = [(left[model] - stopped[model]) * 1e3 for model in stopped]
    return {"median": statistics.median(times), "worst": max(times)}


def children_time() -> dict[int, float]:
    """Processor time in seconds of each child process."""
    found = {}
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        found[int(pid)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def memory(pid: int) -> float:
    """A process's proportional memory in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1e3
    return 0.0


async def main(name: str, measure: str, port: int, streams: int, tokens: int, rate: int) -> None:
    """Measure and print."""
    async with way(name, port) as ask:
        if measure == "stop":
            found = await stop(ask, port, streams, tokens, rate)
        else:
            found = await (load if measure == "load" else first)(ask, streams, tokens, rate)
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3], *map(int, sys.argv[3:])))  # type: ignore[arg-type]
