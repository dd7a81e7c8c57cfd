"""As much of S3 as Arrow and Lance ask for, on a loopback port: objects, listings, parts, conditional writes.

Signatures are not checked. A condition that does not hold is answered as Amazon answers it (412), under one lock.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

Objects = dict[str, tuple[bytes, float]]


class S3(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.objects: Objects = {}
        self.parts: dict[str, dict[int, bytes]] = {}
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()
        self.clock = time.time  # of what is put; listings and answers tell whole seconds of it

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: S3

    def log_message(self, *_: Any) -> None: ...

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(6, 1, 1)  # TCP_NODELAY

    @property
    def asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        return unquote(parts.path).strip("/") if not parts.path.endswith("/") else unquote(parts.path)[1:], query

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            data = self.rfile.read(int(self.headers.get("content-length") or 0))
        if "aws-chunked" not in (self.headers.get("content-encoding") or ""):
            return data
        made = b""
        while data:  # size in hexadecimal;signature CRLF bytes CRLF, the last of size 0
            head, _, data = data.partition(b"\r\n")
            size = int(head.split(b";")[0], 16)
            if size == 0:
                return made
            made, data = made + data[:size], data[size + 2 :]
        return made

    def answer(self, status: int, data: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def refuse(self, status: int, code: str) -> None:
        self.answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode())

    def put(self, key: str, data: bytes) -> None:
        with self.server.lock:
            old = self.server.objects.get(key)
            wanted = self.headers.get("if-match")
            if (self.headers.get("if-none-match") == "*" and old) or (wanted and (not old or wanted != etag(old[0]))):
                self.refuse(412, "PreconditionFailed")
                return
            self.server.objects[key] = data, self.server.clock()
        if self.command == "POST":
            made = f"<CompleteMultipartUploadResult><ETag>{etag(data)}</ETag></CompleteMultipartUploadResult>"
            self.answer(200, made.encode())
        else:
            self.answer(200, ETag=etag(data))

    def do_PUT(self) -> None:
        (key, query), data = self.asked, self.body()
        if "partNumber" in query:
            self.server.parts[query["uploadId"]][int(query["partNumber"])] = data
            self.answer(200, ETag=etag(data))
        elif source := self.headers.get("x-amz-copy-source"):
            data = self.server.objects[unquote(source).strip("/")][0]
            self.server.objects[key] = data, self.server.clock()
            self.answer(200, f"<CopyObjectResult><ETag>{etag(data)}</ETag></CopyObjectResult>".encode())
        else:
            self.put(key, data)

    def do_POST(self) -> None:
        (key, query), data = self.asked, self.body()
        if "uploads" in query:
            upload = str(next(self.server.numbers))
            self.server.parts[upload] = {}
            made = f"<UploadId>{upload}</UploadId>"
            self.answer(200, f"<InitiateMultipartUploadResult>{made}</InitiateMultipartUploadResult>".encode())
        elif "uploadId" in query:
            parts = self.server.parts.pop(query["uploadId"])
            self.put(key, b"".join(parts[number] for number in sorted(parts)))
        elif "delete" in query:
            for name in re.findall(r"<Key>(.*?)</Key>", data.decode()):
                self.server.objects.pop(f"{key.strip('/')}/{name}", None)
            self.answer(200, b"<DeleteResult></DeleteResult>")

    def do_DELETE(self) -> None:
        key, query = self.asked
        if "uploadId" in query:
            self.server.parts.pop(query["uploadId"], None)
        else:
            self.server.objects.pop(key, None)
        self.answer(204)

    def do_GET(self) -> None:
        key, query = self.asked
        if "list-type" in query or "/" not in key.strip("/"):
            self.list(key.strip("/"), query)
            return
        found = self.server.objects.get(key)
        if found is None:
            self.refuse(404, "NoSuchKey")
            return
        data, changed = found
        facts = {"ETag": etag(data), "Last_Modified": formatdate(changed, usegmt=True), "Accept_Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("range") or "")
        if asked is None:
            self.answer(200, data, **facts, Content_Length=str(len(data)))
            return
        first, last = asked.groups()
        start = int(first) if first else max(0, len(data) - int(last))
        end = min(int(last) + 1 if first and last else len(data), len(data))
        part, where = data[start:end], f"bytes {start}-{end - 1}/{len(data)}"
        self.answer(206, part, **facts, Content_Range=where, Content_Length=str(len(part)))

    do_HEAD = do_GET

    def list(self, bucket: str, query: dict[str, str]) -> None:
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token") or query.get("start-after") or ""
        most, lines, folders, last = int(query.get("max-keys") or 1000), [], set(), ""
        with self.server.lock:
            objects = sorted(self.server.objects.items())
        for key, (data, changed) in objects:
            name = key.removeprefix(f"{bucket}/")
            if name == key or not name.startswith(prefix) or name <= after:
                continue
            head, found, _ = name[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            if found:
                folders.add(prefix + head + delimiter)
                continue
            if len(lines) == most:
                break
            last, when = name, time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(changed))
            facts = f"<LastModified>{when}</LastModified><ETag>{etag(data)}</ETag><Size>{len(data)}</Size>"
            lines.append(f"<Contents><Key>{escape(name)}</Key>{facts}</Contents>")
        else:
            last = ""
        more = f"<NextContinuationToken>{escape(last)}</NextContinuationToken>" if last else ""
        shared = "".join(f"<CommonPrefixes><Prefix>{escape(one)}</Prefix></CommonPrefixes>" for one in sorted(folders))
        told = f"<IsTruncated>{str(bool(last)).lower()}</IsTruncated><KeyCount>{len(lines) + len(folders)}</KeyCount>"
        made = f"<Name>{bucket}</Name><Prefix>{escape(prefix)}</Prefix>{told}{more}{''.join(lines)}{shared}"
        self.answer(200, f"<ListBucketResult>{made}</ListBucketResult>".encode(), Content_Type="application/xml")


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


@contextmanager
def serving() -> Iterator[S3]:
    server = S3()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
