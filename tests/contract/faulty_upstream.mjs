// A provider that fails as it is told to: OpenAI's chat completions on a raw socket, so that every kind of broken connection can be made.
import { once } from "node:events";
import { createServer } from "node:net";

export const words = Array.from({ length: 60 }, (_, i) => `w${i}`);

const chunk = (delta, finish = null) => ({ id: "chatcmpl-up", object: "chat.completion.chunk", created: 1790000000, model: "upstream-model",
  choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }] });
const event = (object) => `data: ${JSON.stringify(object)}\n\n`;
export const sse = {
  head: "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
  piece: (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`,
  begin: event(chunk({ role: "assistant", content: "" })),
  word: (word) => event(chunk({ content: `${word} ` })),
  stop: event(chunk({}, "stop")) + event({ ...chunk({}), choices: [], usage: { prompt_tokens: 11, completion_tokens: 60, total_tokens: 71 } }),
  done: "data: [DONE]\n\n",
  end: "0\r\n\r\n",
};

export const json = (status, body, headers = {}) => {
  const text = JSON.stringify(body);
  const lines = Object.entries({ "content-type": "application/json", "content-length": Buffer.byteLength(text), ...headers });
  return `HTTP/1.1 ${status} X\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${text}`;
};
export const failure = (status, message, extra = {}, headers = {}) => json(status, { error: { message, type: "server_error", param: null, code: null, ...extra } }, headers);
export const answer = (content, finish = "stop") => json(200, { id: "chatcmpl-up", object: "chat.completion", created: 1790000000, model: "upstream-model",
  choices: [{ index: 0, message: { role: "assistant", content, refusal: null }, logprobs: null, finish_reason: finish }],
  usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 } });

// What to do with one request: bytes to write, or a function (socket, request) => void.
export const wholeAnswer = (request) => (request.body.stream
  ? sse.head + sse.piece(sse.begin + words.map(sse.word).join("") + sse.stop + sse.done) + sse.end
  : answer(words.join(" ")));
export const hang = () => {};
export const reset = (socket) => socket.resetAndDestroy();

export class FaultyUpstream {
  // `script(n, request)` says what the n-th request (from 0) is answered with.
  static async start(script) {
    const upstream = new FaultyUpstream();
    upstream.script = script;
    upstream.requests = [];
    upstream.sockets = new Set();
    upstream.server = createServer((socket) => upstream.serve(socket));
    upstream.server.listen(0, "127.0.0.1");
    await once(upstream.server, "listening");
    upstream.url = `http://127.0.0.1:${upstream.server.address().port}/v1`;
    return upstream;
  }

  serve(socket) {
    this.sockets.add(socket);
    let text = "";
    socket.on("error", () => {});
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("data", (piece) => {
      text += piece;
      for (;;) {
        const head = text.indexOf("\r\n\r\n");
        if (head < 0) return;
        const length = Number(/content-length: (\d+)/i.exec(text.slice(0, head))?.[1] ?? 0);
        if (text.length < head + 4 + length) return;
        const request = { head: text.slice(0, head), body: length === 0 ? {} : JSON.parse(text.slice(head + 4, head + 4 + length)), closed: new Promise((closed) => { socket.once("close", closed); }) };
        text = text.slice(head + 4 + length);
        if (!request.head.startsWith("POST")) {
          socket.write(json(404, { error: { message: "no such path" } }));  // the capability probe
          continue;
        }
        this.requests.push(request);
        const act = this.script(this.requests.length - 1, request);
        if (typeof act === "string") socket.write(act);
        else act(socket, request);
      }
    });
  }

  async stop() {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }
}
