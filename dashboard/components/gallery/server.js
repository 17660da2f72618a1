/* The application's own routes, asked with the token of this server process. */

class Server {
  /* `kind`: what `run` names. */
  constructor(kind = "runs") {
    this.kind = kind;
    this.run = "";
    this.token = "";
  }

  async ask(path, { body, timeout = 30000 } = {}) {
    const headers = { "x-bir-token": this.token };
    if (body !== undefined) headers["content-type"] = "application/json";
    return fetch(`/api/${this.kind}/${encodeURIComponent(this.run)}/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(timeout),
    });
  }

  async json(path, options) {
    const answer = await this.ask(path, options);
    if (!answer.ok) throw await refusal(answer);
    return answer.json();
  }

  async picture(path) {
    const answer = await this.ask(path);
    if (!answer.ok) throw await refusal(answer);
    return { blob: await answer.blob(), amplification: answer.headers.get("x-bir-amplification") };
  }
}

async function refusal(answer) {
  let sentence = `The server answered ${answer.status}.`;
  try {
    sentence = (await answer.json()).error ?? sentence;
  } catch {
    /* Not ours: a proxy's page, for instance. The status says enough. */
  }
  return Object.assign(new Error(sentence), { status: answer.status });
}
