"""A model server as one finds them: FastAPI, one record a call, a model by the alias of a registry.

Nothing here knows of a test harness. ``uvicorn server:app --port 8000``; REGISTRY names the folder of the
registry: ``champion`` holds the name of a version, ``VERSION.json`` its weights. The alias is looked at again
every half second.
"""

import asyncio
import contextlib
import json
import math
import os
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI
from pydantic import BaseModel

REGISTRY = Path(os.environ.get("REGISTRY", Path(__file__).parent / "registry"))
RELOAD_S = 0.5


class Flat(BaseModel):
    """What a price is asked for."""

    square_meters: float
    rooms: int
    district: str


class Model:
    """Weights of one version."""

    def __init__(self) -> None:
        self.version, self.weights = "", {}

    def reload(self) -> None:
        """Load the version that the alias names, if it is another."""
        version = (REGISTRY / "champion").read_text().strip()
        if version != self.version:
            self.weights = json.loads((REGISTRY / f"{version}.json").read_text())
            self.version = version

    def price(self, flat: Flat) -> float:
        """The price in euros."""
        w = self.weights
        area = w["per_square_meter"] * flat.square_meters + w["per_room"] * flat.rooms
        return round(w["base"] + area * math.exp(w["districts"].get(flat.district, 0.0)), 2)


model = Model()


async def follow_the_alias() -> None:
    """Reload for ever."""
    while True:
        await asyncio.sleep(RELOAD_S)
        model.reload()


@contextlib.asynccontextmanager
async def life(_: FastAPI) -> AsyncIterator[None]:
    """Load before the first request."""
    model.reload()
    following = asyncio.create_task(follow_the_alias())
    yield
    following.cancel()


app = FastAPI(lifespan=life)


@app.get("/ping")
async def ping() -> dict[str, str]:
    """Who serves."""
    return {"status": "ok", "version": model.version}


@app.post("/predict")
async def predict(flat: Flat) -> dict[str, object]:
    """A price for one flat."""
    return {"price": model.price(flat), "model": {"version": model.version}}
