"""The servers that bench/run compares, each on a free port of 127.0.0.1, with its files in one temporary folder."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
START_SECONDS_MAX = 30
NGINX_MODULES = Path("/usr/lib/nginx/modules")
KEY_VARIABLES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def http_status(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as answer:
        return answer.code
    except OSError:
        return 0


class Server:
    """A child process and its descendants: where it listens, what CPU time and memory it takes."""

    def __init__(self, name, command, log, env=None, stdout=None):
        self.name = name
        self.log = Path(log)
        with self.log.open("wb") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout or errors, stderr=errors,
                                            env=env, cwd=ROOT)

    def wait_for(self, url):
        end = time.monotonic() + START_SECONDS_MAX
        while http_status(url) != 200:
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                raise RuntimeError(f"{self.name} did not start: {self.log.read_text(errors='replace')[-800:]}")
            time.sleep(0.02)

    def pids(self):
        parents = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                pass  # gone meanwhile
        family = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in family and pid not in family}:
            family |= more
        return sorted(family)

    def cpu_seconds(self):
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS_PER_SECOND

    def resident_mb(self):
        """VmRSS by process name, in MB of 10^6 bytes."""
        sizes = {}
        for pid in self.pids():
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            name = status["Name"].strip()
            sizes[name] = sizes.get(name, 0) + int(status["VmRSS"].split()[0]) * 1024 / 1e6
        return sizes

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


# --- nginx ------------------------------------------------------------------------------------------------------

NGINX_FRAME = """daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
{modules}
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_max_body_size 16m;
  client_body_buffer_size 1m;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{http}
}}
"""

UPSTREAM_SITE = """  types {{ application/json json; text/event-stream sse; }}
  open_file_cache max=16;
  server {{
    listen 127.0.0.1:{port};
    root {folder}/answers;
    location / {{ error_page 405 =200 $uri; }}
    {rewrites}
  }}
"""

PROXY_SITE = """  {lua_setup}
  upstream direct {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location = /up {{ return 200; }}
    location / {{
      proxy_pass http://direct;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffer_size 32k;
      proxy_buffers 16 32k;
      proxy_busy_buffers_size 64k;
      {lua}
    }}
  }}
"""

# What a gateway written in nginx and Lua would at least do: parse the request, parse the answer (every event of a stream).
LUA = """access_by_lua_block {
        ngx.req.read_body()
        local request = cjson.decode(ngx.req.get_body_data())
        if not request.model or not request.messages then return ngx.exit(400) end
        ngx.ctx.stream = request.stream
        ngx.ctx.rest = ""
      }
      body_filter_by_lua_block {
        local context = ngx.ctx
        local text = context.rest .. ngx.arg[1]
        if context.stream then
          local from = 1
          while true do
            local first, last = text:find("\\n\\n", from, true)
            if not first then break end
            local data = text:sub(from + 6, first - 1)
            if data ~= "[DONE]" then cjson.decode(data) end
            from = last + 1
          end
          context.rest = text:sub(from)
        else
          context.rest = text
          if ngx.arg[2] then context.answer = cjson.decode(text) end
        end
      }"""


def start_nginx(name, folder, http, modules=""):
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # started by root, its worker would be nobody, who may not read our folder
    config.write_text(NGINX_FRAME.format(folder=folder, http=http, modules=modules, user=user))
    return Server(name, ["nginx", "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(config)], folder / "error.log")


def start_upstream(folder, answers):
    """Static answers under /<kind>/v1/chat/completions. answers: kind -> (file ending, bytes)."""
    port = free_port()
    rewrites = ""
    (folder / "answers").mkdir(parents=True)
    for kind, (ending, body) in answers.items():
        (folder / "answers" / f"{kind}.{ending}").write_bytes(body)
        rewrites += f"location = /{kind}/v1/chat/completions {{ rewrite ^ /{kind}.{ending} last; }}\n    "
    server = start_nginx("upstream", folder, UPSTREAM_SITE.format(port=port, folder=folder, rewrites=rewrites))
    server.url = f"http://127.0.0.1:{port}"
    server.port = port
    server.wait_for(f"{server.url}/{next(iter(answers))}/v1/chat/completions")
    return server


def lua_missing():
    """Why nginx with Lua cannot run here; empty when it can."""
    if not (NGINX_MODULES / "ngx_http_lua_module.so").exists():
        return "package libnginx-mod-http-lua is not installed"
    if not list(Path("/usr/lib").glob("*/lua/5.1/cjson.so")):
        return "package lua-cjson is not installed"
    return ""


def start_proxy(folder, upstream, lua=False):
    port = free_port()
    modules = "".join(f"load_module {NGINX_MODULES}/{name}_module.so;\n" for name in ("ndk_http", "ngx_http_lua")) if lua else ""
    http = PROXY_SITE.format(port=port, upstream=upstream.port, lua=LUA if lua else "",
                             lua_setup='init_by_lua_block { cjson = require "cjson" }' if lua else "")
    server = start_nginx("nginx+Lua" if lua else "nginx", folder, http, modules)
    server.url = f"http://127.0.0.1:{port}"
    server.wait_for(f"{server.url}/up")
    return server


# --- Suffice ----------------------------------------------------------------------------------------------------

POLICY = """version: 1
models:
{models}
frontier: {first}
kill_switch: off
{hard_stops}
defaults: {{owner: bench, impact: low, rollout: on, on_frontier_unavailable: error, hard_stops: [security, access, production, novel]}}
tasks:
{tasks}
"""


def write_policy(path, upstream, kinds):
    """One hosted model and one task that is never local for each kind of answer; the hard stops are the shipped ones."""
    shipped = (ROOT / "examples" / "policy.yaml").read_text(encoding="utf-8")
    hard_stops = shipped[shipped.index("\nhard_stops:") + 1 : shipped.index("\n# --- Tasks")]
    models = tasks = ""
    for kind in kinds:
        models += (f"  upstream-{kind}: {{provider: openai, endpoint: '{upstream.url}/{kind}/v1', model: upstream, "
                   "api_key: {env: SUFFICE_BENCH_KEY}, price: {input: 2.5, cached: 1.25, output: 10}}\n")
        tasks += (f"  chat-{kind}: {{description: Pass through., local: no, tiers: [upstream-{kind}], "
                  "max_input_chars: 1000000, max_output_tokens: 100000}\n")
    path.write_text(POLICY.format(models=models, first=f"upstream-{kinds[0]}", hard_stops=hard_stops, tasks=tasks), encoding="utf-8")


def clean_environment():
    """Without keys of real services: a bench never calls, and never pays, one."""
    return {name: value for name, value in os.environ.items() if name not in KEY_VARIABLES} | {"SUFFICE_BENCH_KEY": "sk-of-the-bench"}


def start_suffice(binary, policy, data, log):
    """seconds_to_healthz is from spawn to the first 200 of GET /healthz."""
    began = time.perf_counter()
    server = Server("suffice", [str(binary), "serve", "--policy", str(policy), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                                "--data", str(data), "--threads", "1", "--log-level", "warn", "--json"],
                    log, clean_environment(), subprocess.PIPE)
    line = server.process.stdout.readline()
    if not line:
        server.process.wait()
        raise RuntimeError(f"suffice did not start: {server.log.read_text(errors='replace')[-2000:]}")
    server.addresses = json.loads(line)
    server.url = server.addresses["url"]
    while http_status(server.url + "/healthz") != 200:
        if time.perf_counter() - began > START_SECONDS_MAX:
            server.stop()
            raise RuntimeError("suffice: no 200 on /healthz")
    server.seconds_to_healthz = time.perf_counter() - began
    return server


def start_llama(binary, model, log):
    port = free_port()
    server = Server("llama-server", [str(binary), "-m", str(model), "--host", "127.0.0.1", "--port", str(port), "-t", "1", "-tb", "1",
                                     "-np", "4", "-c", "4096", "--no-webui", "--log-disable"], log)
    server.url = f"http://127.0.0.1:{port}"
    server.wait_for(server.url + "/health")
    return server
