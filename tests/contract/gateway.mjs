// Starts the real binary on free ports with its own data folder, and stops it again.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, "../..");
export const binary = process.env.SUFFICE_BIN ?? join(root, "build/release/suffice");
export const shippedPolicy = join(here, "policy.yaml");

export class Gateway {
  static async start({ policy = shippedPolicy, data, args = [], env = {} } = {}) {
    const gateway = new Gateway();
    gateway.ownsData = data === undefined;
    gateway.data = data ?? mkdtempSync(join(tmpdir(), "suffice-contract-"));
    gateway.child = spawn(binary, ["serve", "--policy", policy, "--data", gateway.data, "--listen", "127.0.0.1:0",
      "--admin", "127.0.0.1:0", "--json", ...args], { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
    gateway.exited = once(gateway.child, "exit");
    gateway.log = "";
    gateway.child.stderr.on("data", (piece) => { gateway.log += piece; });
    const lines = createInterface({ input: gateway.child.stdout });
    const first = await Promise.race([once(lines, "line"), gateway.exited.then(() => null)]);
    if (first === null) throw new Error(`suffice serve ended before it was ready:\n${gateway.log}`);
    Object.assign(gateway, JSON.parse(first[0]));
    return gateway;
  }

  // Readiness lists models that are still loading; tests of local answers wait for them.
  async modelsReady() {
    for (;;) {
      const state = await (await fetch(`${this.admin_url}/readyz`)).json();
      if (state.problems.length === 0) return;
      await new Promise((done) => setImmediate(done));
    }
  }

  post(path, body, headers = {}) {
    return fetch(`${this.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
    });
  }

  audit(...args) {
    const run = spawnSync(binary, ["audit", ...args, "--data", this.data], { encoding: "utf8" });
    return { code: run.status, out: run.stdout, err: run.stderr };
  }

  async kill(signal) {
    this.child.kill(signal);
    return (await this.exited)[0];
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.kill("SIGTERM");
    if (this.ownsData) rmSync(this.data, { recursive: true, force: true });
  }
}

export const user = (content) => ({ role: "user", content });
