"""The Files and Batch endpoints of the local server. A batch is done after a moment; some of its rows expire."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.judging.server import Server

_NUMBER = re.compile(r"question (\d+)\b")


class Batches:
    """Uploaded files, batches made of them, and their output and error files."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._files: dict[str, bytes] = {}
        self.made: list[dict[str, Any]] = []

    def route(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer to one request."""
        what = path.removeprefix("/v1/").split("/")
        match method, *what:
            case "POST", "files":
                return 200, self._upload(body)
            case "GET", "files", name, "content":
                return 200, self._files[name]
            case "POST", "batches":
                return 200, self._submit(json.loads(body))
            case "GET", "batches":
                return 200, json.dumps({"object": "list", "data": self.made[::-1], "has_more": False}).encode()
            case "GET", "batches", name:
                return 200, json.dumps(self._look(name)).encode()
        return 404, json.dumps({"error": {"message": f"no {method} {path}", "code": "unknown_url"}}).encode()

    def _upload(self, body: bytes) -> bytes:
        boundary = body.split(b"\r\n", 1)[0]
        parts = [part.partition(b"\r\n\r\n") for part in body.split(boundary)]
        content = next(text for head, _, text in parts if b'name="file"' in head).removesuffix(b"\r\n")
        return json.dumps(self._store(content)).encode()

    def _store(self, content: bytes) -> dict[str, Any]:
        name = f"file-{len(self._files)}"
        self._files[name] = content
        return {
            **{"id": name, "object": "file", "bytes": len(content), "created_at": int(time.time())},
            **{"filename": "batch.jsonl", "purpose": "batch", "status": "processed"},
        }

    def _submit(self, asked: dict[str, Any]) -> bytes:
        lines = [json.loads(line) for line in self._files[asked["input_file_id"]].splitlines()]
        batch = {
            **{"id": f"batch_{len(self.made)}", "object": "batch", "status": "in_progress"},
            **{"created_at": int(time.time()), "metadata": asked.get("metadata"), "errors": None},
            **{key: asked[key] for key in ("input_file_id", "endpoint", "completion_window")},
            **{"output_file_id": None, "error_file_id": None},
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }
        self.made.append(batch)
        for line in lines:
            self._server.asked[_number(line)] += 1
        self._server.counts["batched"] += len(lines)
        return json.dumps(batch).encode()

    def _look(self, name: str) -> dict[str, Any]:
        from benchmarks.judging.server import completion

        batch = next(one for one in self.made if one["id"] == name)
        done_at = batch["created_at"] + self._server.settings.batch_s
        if batch["status"] != "in_progress" or time.time() < done_at:
            return batch
        lines = [json.loads(line) for line in self._files[batch["input_file_id"]].splitlines()]
        # The last rows expire; the rest comes back in another order than it was sent.
        kept = len(lines) - round(len(lines) * self._server.settings.expired)
        done, missed = [], []
        for at, line in enumerate(reversed(lines)):
            same = {"id": f"r{at}", "custom_id": line["custom_id"]}
            if at >= len(lines) - kept:
                number = _number(line)
                self._server.answered[number] += 1
                body = json.loads(completion(number))
                done.append({**same, "response": {"status_code": 200, "request_id": "x", "body": body}, "error": None})
            else:
                failure = {"code": "batch_expired", "message": "This request could not be executed in time."}
                missed.append({**same, "response": None, "error": failure})
        for key, found in (("output_file_id", done), ("error_file_id", missed)):
            text = "".join(json.dumps(line) + "\n" for line in found).encode()
            batch[key] = self._store(text)["id"] if found else None
        batch["status"] = "expired" if missed else "completed"
        batch["request_counts"] = {"total": len(lines), "completed": len(done), "failed": len(missed)}
        return batch


def _number(line: dict[str, Any]) -> int:
    found = _NUMBER.search(line["body"]["messages"][-1]["content"])
    return int(found[1]) if found else -1
