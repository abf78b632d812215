"""The version that an alias of a registered model names, asked of an MLflow server by its REST interface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from harness.observers.fetch import Unseen, fetch

ROUTE = "/api/2.0/mlflow/registered-models/alias"
NO_MODEL, NO_ALIAS = (404, "RESOURCE_DOES_NOT_EXIST"), (400, "INVALID_PARAMETER_VALUE")
"""How a server says that there is no such model, or that the model has no such alias."""


class _Version(msgspec.Struct, frozen=True):
    version: str | int


class _Found(msgspec.Struct, frozen=True):
    model_version: _Version


class _Failed(msgspec.Struct, frozen=True):
    error_code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class MlflowAlias:
    """``alias`` of ``model`` at ``url``; an answer is waited for ``within_s`` at most."""

    url: str
    model: str
    alias: str
    within_s: float

    def look(self) -> str | None:
        """Give the version; None where there is no such model or alias."""
        query = urlencode({"name": self.model, "alias": self.alias}, quote_via=quote)
        prefix = urlsplit(self.url).path.rstrip("/")
        reply = fetch(self.url, f"{prefix}{ROUTE}?{query}", self.within_s)
        if reply.status == 200:
            return str(_decoded(reply.body, _Found).model_version.version)
        failed = _decoded(reply.body, _Failed)
        said = (reply.status, failed.error_code)
        if said == NO_MODEL or (said == NO_ALIAS and "not found" in failed.message):
            return None
        raise Unseen(f"status {reply.status} {failed.error_code}".strip())


_Answer = TypeVar("_Answer", _Found, _Failed)


def _decoded(body: bytes, kind: type[_Answer]) -> _Answer:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Unseen(f"an answer that is none of MLflow's: {error}") from error
