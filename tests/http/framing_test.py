"""HTTP framing against request smuggling, on the real program: a request is read in one way only, or refused and the connection closed.

Three views: a table of known attacks; llhttp's own cases (SUFFICE_DATA_DIR); and nginx beside us, which must come to the same verdict wherever
no reason is written down. After every request another one follows on the same connection: what a server makes of that shows where it thinks the
first one ended.
"""

import os
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("SUFFICE_BIN", str(ROOT / "build" / "release" / "suffice"))
DATA = os.environ.get("SUFFICE_DATA_DIR", "")
NGINX = shutil.which("nginx") or next((path for path in ("/usr/sbin/nginx",) if Path(path).exists()), None)
SECONDS_MAX = 20
NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HOST = b"Host: localhost\r\n"
ACCEPT, REJECT = "accept", "reject"


def post(headers, body=b"", line=b"POST /first HTTP/1.1\r\n", host=HOST):
    return line + host + headers + b"\r\n" + body


def get(headers=b"", line=b"GET /first HTTP/1.1\r\n", host=HOST):
    return line + host + headers + b"\r\n"


# name -> (bytes, verdict). RFC 9112 sections in brackets.
CASES = {
    "plain get": (get(), ACCEPT),
    "content-length": (post(b"Content-Length: 3\r\n", b"abc"), ACCEPT),
    "chunked": (post(b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n"), ACCEPT),
    "chunked with a trailer": (post(b"Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\nX: y\r\n\r\n"), ACCEPT),
    "chunk extension": (post(b"Transfer-Encoding: chunked\r\n", b"3;a=b\r\nabc\r\n0\r\n\r\n"), ACCEPT),
    "chunked in capitals": (post(b"TRANSFER-ENCODING: CHUNKED\r\n", b"3\r\nabc\r\n0\r\n\r\n"), ACCEPT),
    "blanks around a value": (post(b"Content-Length:   3  \r\n", b"abc"), ACCEPT),
    "tabs around a value": (post(b"Content-Length: \t3\t\r\n", b"abc"), ACCEPT),
    "CL.TE [6.1]": (post(b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), REJECT),
    "TE.CL [6.1]": (post(b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", b"0\r\n\r\n"), REJECT),
    "two lengths [6.3]": (post(b"Content-Length: 3\r\nContent-Length: 4\r\n", b"abc"), REJECT),
    "the same length twice [6.3]": (post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"), REJECT),
    "a list of lengths [6.3]": (post(b"Content-Length: 3, 3\r\n", b"abc"), REJECT),
    "length with a sign": (post(b"Content-Length: +3\r\n", b"abc"), REJECT),
    "negative length": (post(b"Content-Length: -3\r\n", b"abc"), REJECT),
    "length in hex": (post(b"Content-Length: 0x3\r\n", b"abc"), REJECT),
    "empty length": (post(b"Content-Length:\r\n", b""), REJECT),
    "length beyond 64 bits": (post(b"Content-Length: 18446744073709551619\r\n", b"abc"), REJECT),
    "length with a blank inside": (post(b"Content-Length: 3 0\r\n", b"abc"), REJECT),
    "two codings [6.1]": (post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), REJECT),
    "chunked, then identity": (post(b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n"), REJECT),
    "identity": (post(b"Transfer-Encoding: identity\r\n", b""), REJECT),
    "a coding nobody knows": (post(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), REJECT),
    "gzip, chunked": (post(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), REJECT),
    "quoted chunked": (post(b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n"), REJECT),
    "vertical tab before chunked": (post(b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"), REJECT),
    "blank before the colon [5.1]": (post(b"Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"), REJECT),
    "tab before the colon": (post(b"Content-Length\t: 3\r\n", b"abc"), REJECT),
    "a folded header [5.2]": (get(b"X: a\r\n b\r\n"), REJECT),
    "a folded coding": (post(b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n"), REJECT),
    "blank before the first header [2.2]": (b"GET /first HTTP/1.1\r\n Host: localhost\r\n\r\n", REJECT),
    "NUL in a value": (get(b"X: a\x00b\r\n"), REJECT),
    "CR in a value": (get(b"X: a\rb\r\n"), REJECT),
    "NUL in a name": (get(b"X\x00Y: a\r\n"), REJECT),
    "a name with a blank": (get(b"Content Length: 3\r\n"), REJECT),
    "a name that is empty": (get(b": a\r\n"), REJECT),
    "a line without a colon": (get(b"nonsense\r\n"), REJECT),
    "no host [3.2]": (get(host=b""), REJECT),
    "two hosts [3.2]": (get(b"Host: evil.example\r\n"), REJECT),
    "no version": (b"GET /first\r\n\r\n", REJECT),
    "HTTP/1.2": (get(line=b"GET /first HTTP/1.2\r\n"), REJECT),
    "HTTP/2.0 in words": (get(line=b"GET /first HTTP/2.0\r\n"), REJECT),
    "two blanks in the request line": (get(line=b"GET  /first HTTP/1.1\r\n"), REJECT),
    "a blank in the target": (get(line=b"GET /fi rst HTTP/1.1\r\n"), REJECT),
    "a control character in the target": (get(line=b"GET /fi\x01rst HTTP/1.1\r\n"), REJECT),
    "a method that is no token": (get(line=b"GE(T /first HTTP/1.1\r\n"), REJECT),
    "chunk size with 0x": (post(b"Transfer-Encoding: chunked\r\n", b"0x3\r\nabc\r\n0\r\n\r\n"), REJECT),
    "chunk size with a sign": (post(b"Transfer-Encoding: chunked\r\n", b"+3\r\nabc\r\n0\r\n\r\n"), REJECT),
    "negative chunk size": (post(b"Transfer-Encoding: chunked\r\n", b"-3\r\nabc\r\n0\r\n\r\n"), REJECT),
    "empty chunk size": (post(b"Transfer-Encoding: chunked\r\n", b"\r\nabc\r\n0\r\n\r\n"), REJECT),
    "chunk size beyond 64 bits": (post(b"Transfer-Encoding: chunked\r\n", b"10000000000000003\r\nabc\r\n0\r\n\r\n"), REJECT),
    "chunk longer than its size": (post(b"Transfer-Encoding: chunked\r\n", b"3\r\nabcd\r\n0\r\n\r\n"), REJECT),
    "chunk without its line end": (post(b"Transfer-Encoding: chunked\r\n", b"3\r\nabc0\r\n\r\n"), REJECT),
    "chunk ended by LF alone [7.1]": (post(b"Transfer-Encoding: chunked\r\n", b"3\nabc\n0\n\n"), REJECT),
    "coding in HTTP/1.0 [6.1]": (post(b"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n", b"0\r\n\r\n", line=b"POST /first HTTP/1.0\r\n"), REJECT),
}

# Where nginx (1.22) comes to another verdict, and why ours is right.
DIFFERS_FROM_NGINX = {
    "tabs around a value": "nginx trims blanks only; tabs are optional white space too (RFC 9110, 5.6.3), and both sides of them mean the same number",
    "HTTP/1.2": "nginx reads it as HTTP/1.1; no client speaks it",
    "two blanks in the request line": "nginx skips blanks between the parts; RFC 9112, 3 has one",
    "a line without a colon": "nginx drops headers it finds invalid and goes on; what one side drops another may obey",
    "chunk ended by LF alone [7.1]": "nginx takes a bare LF for a line's end; RFC 9112, 2.2 allows that in the head only",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def exchange(port, data):
    """Everything the server sends until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX) as peer:
        try:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has closed already
        received = b""
        try:
            while piece := peer.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received


def statuses(received):
    """Of the responses; bodies have a Content-Length in both servers."""
    found = []
    while match := re.match(rb"HTTP/1\.[01] (\d{3}).*?\r\n\r\n", received, re.S):
        found.append(int(match[1]))
        length = re.search(rb"\r\ncontent-length: (\d+)", match[0], re.I)
        received = received[match.end() + int(length[1] if length else 0):]
    return found


def verdict(port, data):
    """Accepted: the first request was answered and the next one too, each once. Refused: an error, or nothing, and no further answer."""
    seen = statuses(exchange(port, data + NEXT))
    if len(seen) == 2:
        return ACCEPT
    if len(seen) <= 1 and all(status >= 400 for status in seen):
        return REJECT
    return f"answers {seen}"


class Server:
    def __init__(self, command, port, ready):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = port if port else ready(self.process)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def start_suffice(folder):
    policy = ROOT / "tests" / "http" / "policy.yaml"
    command = [PROGRAM, "serve", "--policy", str(policy), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", str(folder / "data"), "--json"]

    def ready(process):
        return int(re.search(rb'"url":"http://127\.0\.0\.1:(\d+)"', process.stdout.readline())[1])

    return Server(command, None, ready)


def start_nginx(folder):
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(f"daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;\n"
                      "events {}\n"
                      f"http {{ access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;\n"
                      f"uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_timeout 5s; lingering_timeout 1s;\n"
                      f"server {{ listen 127.0.0.1:{port}; default_type text/plain; location / {{ return 200 'ok'; }} }} }}\n")
    return Server([NGINX, "-e", f"{folder}/error.log", "-p", str(folder), "-c", str(config)], port, None)


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
class Framing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="suffice-framing-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.suffice = start_suffice(cls.folder)
        cls.addClassCleanup(cls.suffice.stop)

    def test_known_attacks_are_refused_and_plain_requests_are_not(self):
        for name, (data, expected) in CASES.items():
            with self.subTest(name):
                self.assertEqual(verdict(self.suffice.port, data), expected)

    def test_a_refused_request_never_lets_its_body_speak(self):
        hidden = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for name, (data, expected) in CASES.items():
            if expected == REJECT:
                with self.subTest(name):
                    self.assertLessEqual(len(statuses(exchange(self.suffice.port, data + hidden + NEXT))), 1)

    @unittest.skipUnless(NGINX, "nginx is not installed")
    def test_nginx_comes_to_the_same_verdict_or_the_reason_is_known(self):
        folder = Path(tempfile.mkdtemp(prefix="suffice-nginx-"))
        self.addCleanup(shutil.rmtree, folder)
        nginx = start_nginx(folder)
        self.addCleanup(nginx.stop)
        for name, (data, expected) in CASES.items():
            with self.subTest(name):
                theirs = verdict(nginx.port, data)
                if name not in DIFFERS_FROM_NGINX:
                    self.assertEqual(theirs, expected)


def llhttp_cases(archive):
    """(file, title, bytes, refused) of llhttp's strict request cases; newlines and escapes as its own test runner reads them."""
    block = re.compile(r'<!-- meta=\{"type": "request"[^}]*\} -->\s*```http\n(.*?)\n```\s*```log\n(.*?)\n```', re.S)
    for member in archive.getmembers():
        if "/request/" not in member.name or not member.name.endswith(".md"):
            continue
        text = archive.extractfile(member).read().decode()
        for match in block.finditer(text):
            title = re.findall(r"^#+ (.*)$", text[: match.start()], re.M)[-1]
            source = re.sub(r"\\\n", "", match[1]).replace("\n", "\r\n")
            for written, meant in (("\\r", "\r"), ("\\n", "\n"), ("\\t", "\t"), ("\\f", "\f")):
                source = source.replace(written, meant)
            source = re.sub(r"\\x([0-9a-fA-F]+)", lambda hexed: chr(int(hexed[1], 16)), source)
            data = b"".join(bytes([ord(char)]) if ord(char) < 256 else char.encode() for char in source)
            yield Path(member.name).name, title, data, re.search(r"error code=\d+", match[2]) is not None


# llhttp refuses these for reasons of its own, which are none of framing.
LLHTTP_OTHER_REASONS = {("method.md", "PRI request HTTP2"): "a method of no endpoint is answered with 404; what follows it is refused"}


@unittest.skipUnless(Path(PROGRAM).is_file(), "no program: build it, or name it in SUFFICE_BIN")
@unittest.skipUnless(DATA and (Path(DATA) / "llhttp_cases").is_dir(), "SUFFICE_DATA_DIR has no llhttp_cases")
class Llhttp(unittest.TestCase):
    def test_what_llhttp_refuses_is_never_served(self):
        folder = Path(tempfile.mkdtemp(prefix="suffice-llhttp-"))
        self.addCleanup(shutil.rmtree, folder)
        suffice = start_suffice(folder)
        self.addCleanup(suffice.stop)
        refused = 0
        with tarfile.open(Path(DATA) / "llhttp_cases" / "llhttp_md.tar.xz") as archive:
            for file, title, data, error in llhttp_cases(archive):
                if not error or (file, title) in LLHTTP_OTHER_REASONS:
                    continue
                refused += 1
                # Ours wants a Host; without one every case would be refused for that.
                whole = re.sub(rb"^([^\r\n]*\r\n)(?![^\0]*\r\nHost:)", rb"\1" + HOST, data, count=1)
                with self.subTest(f"{file}: {title}"):
                    seen = statuses(exchange(suffice.port, whole))
                    self.assertTrue(all(status >= 400 for status in seen) and len(seen) <= 1, f"answers {seen} to {whole!r}")
        self.assertGreater(refused, 30)


if __name__ == "__main__":
    unittest.main()
