// Asking the server. Every failure is a sentence that can be shown.

export class Failed extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, {credentials: "same-origin", cache: "no-store", ...options});
  } catch {
    throw new Failed(0, "the server does not answer");
  }
  let body = null;
  try {
    body = await answer.json();
  } catch {
    // no JSON: the status says enough
  }
  if (answer.ok) return body;
  if (answer.status === 401) throw new Failed(401, "not logged in: log in, then try again");
  throw new Failed(answer.status, body?.error ?? `the server answered ${answer.status}`);
}

export const get = (path) => ask(path, {});

export const post = (path, body = {}) =>
  ask(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});

// A form, with the files in it.
export const send = (path, form) => ask(path, {method: "POST", body: form});
