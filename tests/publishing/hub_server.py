"""A small Hugging Face Hub on 127.0.0.1, in a process of its own, that keeps everything on disk and fails on demand.

    python hub_server.py FOLDER TOKEN       prints its port, then serves until it is killed

It speaks the part of the Hub's HTTP interface that uploads and downloads need, and lets nobody in without the
token. Faults are rules (JSON lines in FOLDER/faults.jsonl, read at each request): the first rule that fits a
request's method and path, and has `times` left, decides what is `do`ne: a status ("500", "429"), "break" (the
connection is cut in the middle of the body), "hang before" and "hang after" (no answer, before or after the
request was acted on), "hang half" (in the middle of the body) or "garble" (the bytes stored are others).
Every request leaves a line in FOLDER/requests.jsonl.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from huggingface_hub import ModelCard

LFS = re.compile(r"\.(safetensors|png|bin)$|(^|/)tokenizer\.json$")
LOCK = threading.Lock()


class CutError(Exception):
    """The connection ends here."""


class Hub:
    """Repositories below `folder`: `name/head.json`, `name/commits/OID.json`, `blobs/HASH` for the bytes of all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "blobs").mkdir(parents=True, exist_ok=True)

    def head(self, name: str) -> dict[str, Any]:
        return json.loads((self.folder / name / "head.json").read_text("utf-8"))

    def exists(self, name: str) -> bool:
        return (self.folder / name / "head.json").is_file()

    def save(self, name: str, head: dict[str, Any]) -> None:
        file = self.folder / name / "head.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_suffix(".new").write_text(json.dumps(head), "utf-8")
        file.with_suffix(".new").replace(file)

    def tree(self, name: str, revision: str) -> tuple[str, dict[str, Any]]:
        head = self.head(name)
        commit = {"main": head["main"], **head["tags"]}.get(revision, revision)
        return commit, json.loads((self.folder / name / "commits" / f"{commit}.json").read_text("utf-8"))

    def create(self, name: str, private: bool) -> None:
        content = b"*.safetensors filter=lfs\n"
        first = self.commit(name, {".gitattributes": self.small(content)})
        self.save(name, {"main": first, "tags": {}, "private": private})

    def commit(self, name: str, tree: dict[str, Any]) -> str:
        text = json.dumps(tree, sort_keys=True)
        oid = hashlib.sha1(f"{text}{time.time()}".encode()).hexdigest()
        file = self.folder / name / "commits" / f"{oid}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
        return oid

    def small(self, content: bytes) -> dict[str, Any]:
        oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.blob(oid).write_bytes(content)
        return {"oid": oid, "size": len(content)}

    def large(self, sha256: str, size: int) -> dict[str, Any]:
        if not self.blob(sha256).is_file():
            raise LookupError(f"no such LFS object: {sha256}")
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
        return {**self.small(pointer), "size": size, "lfs": {"oid": sha256, "size": size, "pointerSize": len(pointer)}}

    def blob(self, key: str) -> Path:
        return self.folder / "blobs" / key


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub
    token: str

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""

    def _serve(self) -> None:
        path = unquote(urlsplit(self.path).path)
        with LOCK:
            fault = self._fault(path)
        done: dict[str, Any] = {"method": self.command, "path": path, "fault": fault, "received": 0}
        try:
            if fault in ("break", "hang half"):
                done["received"] = len(self.rfile.read(int(self.headers.get("content-length", 0)) // 2))
            if fault == "break":
                raise CutError
            if fault in ("hang before", "hang half"):
                self._hang(done)
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            done["received"] = len(body)
            if fault and fault.isdigit():
                wait = {"retry-after": "0"} if fault == "429" else {}
                self._answer(int(fault), {"error": "try later"}, wait)
            elif self.headers.get("authorization") != f"Bearer {self.token}" and "/lfs-put/" not in path:
                self._answer(401, {"error": "Invalid credentials in Authorization header"})
            else:
                with LOCK:
                    status, answer, headers = self._act(path, body, fault)
                if fault == "hang after":
                    self._hang(done)
                self._answer(status, answer, headers)
                done["status"] = status
        except (CutError, ConnectionError):
            self.close_connection = True
            self.connection.close()
        finally:
            self._note(done)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815

    def _fault(self, path: str) -> str | None:
        file = self.hub.folder / "faults.jsonl"
        rules = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.is_file() else []
        for rule in rules:
            if rule["times"] and re.match(rule["method"], self.command) and re.search(rule["path"], path):
                rule["times"] -= 1
                file.write_text("".join(json.dumps(one) + "\n" for one in rules), "utf-8")
                return str(rule["do"])
        return None

    def _hang(self, done: dict[str, Any]) -> None:
        self._note(done | {"hangs": True})
        self.connection.settimeout(60)
        while self.connection.recv(65536):  # until the client is dead
            pass
        raise CutError

    def _note(self, done: dict[str, Any]) -> None:
        with LOCK, (self.hub.folder / "requests.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(done) + "\n")

    def _answer(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        if "content-length" not in (headers or {}):
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _act(self, path: str, body: bytes, fault: str | None) -> tuple[int, Any, dict[str, str]]:
        for method, pattern, act in ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                name = found.groupdict().get("name")
                if name and act is not Handler._create and not self.hub.exists(name):
                    return 404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"}
                return act(self, body, fault, **found.groupdict())
        return 404, {"error": f"no such path: {path}"}, {}

    def _create(self, body: bytes, fault: str | None) -> tuple[int, Any, dict[str, str]]:
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        if self.hub.exists(name):
            return 409, {"error": "You already created this model repo", "url": name}, {}
        self.hub.create(name, asked.get("visibility") == "private")
        return 200, {"url": f"{self._url()}/{name}", "name": name}, {}

    def _validate(self, body: bytes, fault: str | None) -> tuple[int, Any, dict[str, str]]:
        """What the Hub checks of a card: its YAML, the model index, the licence and the base model's name."""
        try:
            data = ModelCard(json.loads(body)["content"], ignore_metadata_errors=False).data.to_dict()
            errors = [] if re.fullmatch(r"[a-z0-9.-]+", str(data.get("license"))) else ["license must be an identifier"]
            if not re.fullmatch(r"[\w.-]+/[\w.-]+", str(data.get("base_model"))):
                errors.append("base_model must be a model id")
            if data.get("library_name") == "transformers" and not data.get("model-index"):
                errors.append("no model-index")
        except ValueError as error:
            errors = [str(error)]
        return (400 if errors else 200), {"errors": [{"message": one} for one in errors], "warnings": []}, {}

    def _info(self, body: bytes, fault: str | None, name: str, revision: str = "main") -> tuple[int, Any, dict]:
        commit, tree = self.hub.tree(name, revision)
        private = self.hub.head(name)["private"]
        siblings = [{"rfilename": path} for path in tree]
        return 200, {"id": name, "sha": commit, "private": private, "siblings": siblings, "tags": []}, {}

    def _tree(self, body: bytes, fault: str | None, name: str, revision: str) -> tuple[int, Any, dict[str, str]]:
        _, tree = self.hub.tree(name, revision)
        return 200, [{"type": "file", "path": path, **entry} for path, entry in tree.items()], {}

    def _refs(self, body: bytes, fault: str | None, name: str) -> tuple[int, Any, dict[str, str]]:
        head = self.hub.head(name)
        tags = [{"name": t, "ref": f"refs/tags/{t}", "targetCommit": oid} for t, oid in head["tags"].items()]
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": head["main"]}
        return 200, {"branches": [main], "converts": [], "tags": tags}, {}

    def _tag(self, body: bytes, fault: str | None, name: str, revision: str) -> tuple[int, Any, dict[str, str]]:
        head = self.hub.head(name)
        if self.command == "DELETE":
            del head["tags"][revision]
        elif (tag := json.loads(body)["tag"]) in head["tags"]:
            return 409, {"error": "Tag already exists"}, {}
        else:
            head["tags"][tag] = self.hub.tree(name, revision)[0]
        self.hub.save(name, head)
        return 200, {}, {}

    def _preupload(self, body: bytes, fault: str | None, name: str) -> tuple[int, Any, dict[str, str]]:
        _, tree = self.hub.tree(name, "main")
        told = []
        for file in json.loads(body)["files"]:
            entry = tree.get(file["path"], {})
            mode = "lfs" if LFS.search(file["path"]) else "regular"
            oid = entry.get("lfs", entry).get("oid")
            told.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return 200, {"files": told}, {}

    def _batch(self, body: bytes, fault: str | None, name: str) -> tuple[int, Any, dict[str, str]]:
        objects = []
        for one in json.loads(body)["objects"]:
            there = self.hub.blob(one["oid"]).is_file()
            upload = {"href": f"{self._url()}/lfs-put/{one['oid']}?signature=s3cr3t-s1gnature"}
            verify = {"href": f"{self._url()}/lfs-verify/{one['oid']}"}
            objects.append({**one, **({} if there else {"actions": {"upload": upload, "verify": verify}})})
        return 200, {"transfer": "basic", "objects": objects}, {}

    def _put(self, body: bytes, fault: str | None, oid: str) -> tuple[int, Any, dict[str, str]]:
        if hashlib.sha256(body).hexdigest() != oid:
            return 400, {"error": "other bytes than announced"}, {}
        self.hub.blob(oid).write_bytes(body)
        return 200, {}, {}

    def _verified(self, body: bytes, fault: str | None, oid: str) -> tuple[int, Any, dict[str, str]]:
        return (200 if self.hub.blob(oid).is_file() else 404), {}, {}

    def _commit(self, body: bytes, fault: str | None, name: str) -> tuple[int, Any, dict[str, str]]:
        _, tree = self.hub.tree(name, "main")
        for line in body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                content = base64.b64decode(value["content"])
                tree[value["path"]] = self.hub.small(content + b"\n" if fault == "garble" else content)
            elif item["key"] == "lfsFile":
                tree[value["path"]] = self.hub.large(value["oid"], value["size"])
            elif item["key"] == "deletedFile":
                del tree[value["path"]]
        head = self.hub.head(name) | {"main": self.hub.commit(name, tree)}
        self.hub.save(name, head)
        return 200, {"commitUrl": f"{self._url()}/{name}/commit/{head['main']}", "commitOid": head["main"]}, {}

    def _resolve(self, body: bytes, fault: str | None, name: str, revision: str, file: str) -> tuple[int, Any, dict]:
        commit, tree = self.hub.tree(name, revision)
        entry = tree[file]
        oid = entry.get("lfs", entry)["oid"]
        content = self.hub.blob(oid).read_bytes()
        headers = {"x-repo-commit": commit, "etag": f'"{oid}"', "content-length": str(len(content))}
        return 200, content, headers

    def _url(self) -> str:
        return f"http://{self.headers['host']}"


NAME = r"(?P<name>[^/]+/[^/]+)"
ROUTES = [
    ("POST", r"/api/repos/create", Handler._create),
    ("POST", r"/api/validate-yaml", Handler._validate),
    ("POST", rf"/api/models/{NAME}/preupload/main", Handler._preupload),
    ("POST", rf"/api/models/{NAME}/commit/main", Handler._commit),
    ("POST DELETE", rf"/api/models/{NAME}/tag/(?P<revision>[^/]+)", Handler._tag),
    ("POST", rf"/{NAME}\.git/info/lfs/objects/batch", Handler._batch),
    ("PUT", r"/lfs-put/(?P<oid>\w+)", Handler._put),
    ("POST", r"/lfs-verify/(?P<oid>\w+)", Handler._verified),
    ("GET", rf"/api/models/{NAME}/tree/(?P<revision>[^/]+)", Handler._tree),
    ("GET", rf"/api/models/{NAME}/revision/(?P<revision>[^/]+)", Handler._info),
    ("GET", rf"/api/models/{NAME}/refs", Handler._refs),
    ("GET", rf"/api/models/{NAME}", Handler._info),
    ("GET HEAD", rf"/{NAME}/resolve/(?P<revision>[^/]+)/(?P<file>.+)", Handler._resolve),
]


def main(folder: Path, token: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    Handler.hub, Handler.token = Hub(folder), token
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
