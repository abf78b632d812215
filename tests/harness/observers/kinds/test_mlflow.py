"""Answers of the shapes that an MLflow server gives, from a stub of ours: no MLflow is asked here."""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.observers.fetch import Unseen
from harness.observers.kinds.mlflow import MlflowAlias


@contextlib.contextmanager
def answering(status, body):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.path)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def look(server, prefix=""):
    url = f"http://127.0.0.1:{server.server_address[1]}{prefix}"
    return MlflowAlias(url, "flat prices", "champion", 2.0).look()


def test_the_version_is_read_and_names_are_quoted():
    answer = {"model_version": {"name": "flat prices", "version": "7", "run_id": "", "aliases": ["champion"]}}
    with answering(200, answer) as server:
        assert (look(server), look(server, "/mlflow/")) == ("7", "7")
    route = "/api/2.0/mlflow/registered-models/alias?name=flat%20prices&alias=champion"
    assert server.asked == [route, f"/mlflow{route}"]


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (404, "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=flat prices not found"),
        (400, "INVALID_PARAMETER_VALUE", "Registered model alias champion not found."),
    ],
)
def test_no_model_and_no_alias_are_nothing(status, code, message):
    with answering(status, {"error_code": code, "message": message}) as server:
        assert look(server) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"<html>no such page</html>"),
        (400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "Missing value for required parameter"}),
        (500, {"error_code": "INTERNAL_ERROR", "message": ""}),
        (200, {}),
        (200, {"model_version": {"version": None}}),
    ],
)
def test_any_other_answer_is_unseen(status, body):
    with answering(status, body) as server, pytest.raises(Unseen):
        look(server)


def test_nobody_there_is_unseen():
    with answering(200, {}) as server:
        pass
    with pytest.raises(Unseen):
        look(server)
