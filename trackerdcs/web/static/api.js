// Asking the server. Every failure is a sentence that can be shown.

const PATIENCE_MS = 15000;

export class Failed extends Error {
  constructor(status, text, body = null) {
    super(text);
    this.status = status; // 0: no answer came, what was asked may have been done
    this.body = body;
  }
}

async function ask(path, options, patience) {
  let answer;
  try {
    answer = await fetch(path, {credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(patience), ...options});
  } catch (error) {
    const late = error?.name === "TimeoutError";
    throw new Failed(0, late ? `the server has not answered within ${patience / 1000} s` : "the server does not answer");
  }
  let body = null;
  try {
    body = await answer.json();
  } catch {
    // no JSON: the status says enough
  }
  if (answer.ok) return body;
  if (answer.status === 401) throw new Failed(401, "not logged in: log in, then try again", body);
  // A gateway that has lost the server, or a server that broke: what was asked may have been done all the same.
  const unsure = answer.status === 500 || (answer.status > 500 && !body);
  throw new Failed(unsure ? 0 : answer.status, body?.error ?? body?.why ?? `the server answered ${answer.status}`, body);
}

export const get = (path, patience = PATIENCE_MS) => ask(path, {}, patience);

export const post = (path, body = {}, patience = PATIENCE_MS) =>
  ask(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)}, patience);

// A form, with the files in it.
export const send = (path, form) => ask(path, {method: "POST", body: form}, 60000);
