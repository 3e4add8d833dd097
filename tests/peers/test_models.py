"""A gateway and a model server of others, asked by the app's assistant: LiteLLM's proxy and llama.cpp."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.settings.agents import AssistantAgent, Endpoint
from tests.agents.talk import Given, Page, make_host
from tests.peers.running import ROOT, free_port, running
from tests.rig import peers
from tests.standins.models_api import KEY, Answer, ModelsApi

pytestmark = [pytest.mark.peers, pytest.mark.slow]


def page(base: str, model: str, protocol: str, key: str | None = None) -> Page:
    """An assistant at this address."""
    endpoint = {"id": "peer", "base_url": base, "api": protocol, "needs_key": key is not None}
    given = Given(
        agents={"mine": AssistantAgent(id="mine", endpoint="peer", model=model)},
        endpoints={"peer": Endpoint.model_validate(endpoint)},
        keys={base: key} if key else {},
    )
    return Page(make_host(given), "mine")


# --- LiteLLM ----------------------------------------------------------------------------------


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[tuple[ModelsApi, str]]:
    """LiteLLM's proxy before the stand-in of OpenAI's API."""
    with ModelsApi() as api:
        model = {"model": "openai/gpt-4.1", "api_base": f"{api.base}/v1", "api_key": KEY}
        lost = {"model": "openai/gpt-gone", "api_base": f"{api.base}/v1", "api_key": KEY}
        config = tmp_path / "config.yaml"  # JSON is YAML
        listed = [{"model_name": "house", "litellm_params": model}, {"model_name": "lost", "litellm_params": lost}]
        config.write_text(json.dumps({"model_list": listed}), encoding="utf-8")
        port = free_port()
        words = [str(peers.script_of("litellm", "litellm")), "--config", str(config), "--host", "127.0.0.1"]
        local = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": "sk-of-the-gateway-0123"}
        with running([*words, "--port", str(port)], port, tmp_path / "litellm.log", **local):
            yield api, f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("protocol", ["responses", "chat_completions"])
def test_an_assistant_chats_through_the_gateway(gateway: tuple[ModelsApi, str], protocol: str) -> None:
    _, base = gateway
    mine = page(base, "house", protocol, "sk-of-the-gateway-0123")
    try:
        heard = mine.say("hello")
        assert heard.errors == []
        assert "You said: hello" in heard.said
        assert mine.say("more", heard.thread).errors == []
    finally:
        mine.host.close(20)


def test_what_goes_wrong_behind_the_gateway_comes_in_its_words(gateway: tuple[ModelsApi, str]) -> None:
    api, base = gateway
    mine = page(base, "lost", "chat_completions", "sk-of-the-gateway-0123")
    try:
        assert "gpt-gone" in mine.say("hello").errors[0]["message"] or "lost" in mine.say("hello").errors[0]["message"]
        api.always(Answer(status=500, error={"error": {"message": "model requires more system memory"}}))
        other = page(base, "house", "chat_completions", "sk-of-the-gateway-0123")
        try:
            assert "requires more system memory" in other.say("hello").errors[0]["message"]
        finally:
            other.host.close(20)
    finally:
        mine.host.close(20)


# --- llama.cpp --------------------------------------------------------------------------------


@pytest.fixture
def llama(tmp_path: Path) -> Iterator[str]:
    """llama.cpp's server with a model of random weights."""
    python = str(peers.python_of("llama"))
    model, port = tmp_path / "tiny.gguf", free_port()
    made = [python, "-m", "tests.peers.servers.tiny_model", str(model)]
    subprocess.run(made, check=True, timeout=600, env={**os.environ, "PYTHONPATH": str(ROOT)})
    words = [python, "-m", "llama_cpp.server", "--model", str(model), "--host", "127.0.0.1", "--port", str(port)]
    with running([*words, "--n_ctx", "2048"], port, tmp_path / "llama.log"):
        yield f"http://127.0.0.1:{port}"


def test_a_model_on_this_computer_answers_and_goes_on(llama: str) -> None:
    mine = page(llama, "tiny", "chat_completions")
    try:
        heard = mine.say("hello")
        assert heard.errors == []
        assert len(heard.done("assistant_message")) == 1
        assert mine.say("more", heard.thread).errors == []
    finally:
        mine.host.close(20)
