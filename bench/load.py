"""Load on a server and what it cost: wrk for throughput, a plain socket for the time to the first bytes."""

import http.client
import json
import re
import socket
import statistics
import subprocess
import time
from urllib.parse import urlsplit

# wrk's own percentiles are in microseconds; the line of done() is the only thing of its output that is read.
WRK_SCRIPT = """
local bodies = %s
local next_body = 0
wrk.method = "POST"
wrk.path = "%s"
wrk.headers["content-type"] = "application/json"
local requests = {}
function init()
  for i, file in ipairs(bodies) do
    local f = assert(io.open(file, "rb"))
    requests[i] = wrk.format(nil, nil, nil, f:read("*a"))
    f:close()
  end
end
function request()
  next_body = next_body %% #requests + 1
  return requests[next_body]
end
function done(summary, latency)
  io.write(string.format('\\nRESULT {"requests":%%d,"microseconds":%%d,"bytes":%%d,"not_ok":%%d,"broken":%%d,"p50_us":%%d,"p99_us":%%d}\\n',
    summary.requests, summary.duration, summary.bytes, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


def wrk(server, path, body_files, concurrency, seconds, script):
    """One run. Answers with a status of 400 and above count as not_ok, connections that fail as broken."""
    listing = "{" + ",".join(json.dumps(str(file)) for file in body_files) + "}"
    script.write_text(WRK_SCRIPT % (listing, path))
    cpu = server.cpu_seconds()
    command = ["wrk", "-t1", f"-c{concurrency}", f"-d{seconds}s", "--timeout", "20s", "-s", str(script), server.url]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    cpu = server.cpu_seconds() - cpu
    found = re.search(r"^RESULT (.*)$", output.stdout, re.MULTILINE)
    if not found:
        raise RuntimeError(f"wrk against {server.name}: {output.stdout[-500:]} {output.stderr[-500:]}")
    result = json.loads(found[1])
    done = max(result["requests"], 1)
    return result | {"requests_per_s": result["requests"] * 1e6 / result["microseconds"], "cpu_us": cpu * 1e6 / done}


def median_of(runs):
    keys = ("requests_per_s", "p50_us", "p99_us", "cpu_us")
    sums = ("requests", "not_ok", "broken")
    return {key: statistics.median(run[key] for run in runs) for key in keys} | {key: sum(run[key] for run in runs) for key in sums} | {
        "spread": (max(run["requests_per_s"] for run in runs) - min(run["requests_per_s"] for run in runs))
        / max(statistics.median(run["requests_per_s"] for run in runs), 1e-9)}


def post(url, path, body):
    """(status, headers, body) of one request on its own connection."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.request("POST", path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


class Stream:
    """A kept connection that asks for a stream again and again and notes when the first event's bytes arrive."""

    def __init__(self, url, path, body):
        parts = urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"POST {path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self.request = head.encode() + body

    def first_event_us(self):
        began = time.perf_counter()
        self.socket.sendall(self.request)
        seen, first = b"", None
        while not (b"data: [DONE]" in seen and (seen.endswith(b"0\r\n\r\n") or b"content-length" in seen.partition(b"\r\n\r\n")[0].lower()
                                                and seen.endswith(b"[DONE]\n\n"))):
            more = self.socket.recv(65536)
            if not more:
                raise RuntimeError("the server closed the stream early")
            seen += more
            if first is None and b"data: " in seen:
                first = (time.perf_counter() - began) * 1e6
        if not seen.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"stream answered {seen[:60]!r}")
        return first
