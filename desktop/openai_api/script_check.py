"""Checks whether ChatKit's script can be loaded. For `doctor`; never used to open a chat."""

from __future__ import annotations

from urllib.parse import urlsplit

from desktop.common.errors import AppError
from desktop.openai_api import errors_map
from desktop.openai_api.errors import ComponentUnreachable
from desktop.openai_api.fetch import get
from desktop.openai_api.transport import Endpoint, choose_proxy

FIRST_BYTES = 4096
WHOLE = 2.0
"""The whole check may take this many times the limit of one step."""


def reach(url: str, *, proxy: str = "", proxy_password: str = "", ca_file: str = "", timeout: float = 20.0) -> None:
    """Read the beginning of the script. Raises ComponentUnreachable, NetworkError, FileUnreadable.

    No key and no cookie is sent. A redirect counts as unreachable: the page's CSP would refuse its target.
    """
    import httpx

    endpoint = Endpoint(base=url, proxy=proxy, proxy_password=proxy_password, ca_file=ca_file, timeout=timeout)
    through = choose_proxy(endpoint)
    label = through.label if through else ""
    host = urlsplit(url).netloc
    failure: AppError | None = None
    try:
        got = get(endpoint, url, {}, most=FIRST_BYTES, limit=WHOLE * timeout)
        kind = got.headers.get("content-type", "")
        if got.status != httpx.codes.OK or "javascript" not in kind:
            raise ComponentUnreachable(f"{got.status} {kind}"[:200], host=host)
    except httpx.HTTPError as error:
        about = errors_map.About(
            host=host, path="", workflow="", thread="", proxy=label, seconds=timeout, secrets=(proxy_password,)
        )
        failure = errors_map.of_exception(error, about)
    if failure is not None:
        raise failure
