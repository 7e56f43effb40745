// What the pages of the desk share: words with signs, tables whose rows stay where they are, a form in a dialog.

import {Failed} from "./api.js";
import {h, say} from "./dom.js";
import {over} from "./question.js";

// Never a colour alone: each word has a sign of its own shape.
const SIGNS = {
  critical: "■", warning: "▲", info: "●",
  raised: "‼", cleared: "◇", acknowledged: "✓", shelved: "◌", suppressed: "⊘", not_evaluated: "?", normal: "–",
  fault: "✖", watch: "▲", well: "✓", online: "✓", offline: "✖", silent: "✖", unknown: "?",
  done: "✓", accepted: "…", refused: "✖", failed: "✖", expired: "✖",
};
const KIND = {
  critical: "bad", warning: "warn", raised: "bad", cleared: "warn", not_evaluated: "warn", unknown: "bad",
  fault: "bad", offline: "bad", silent: "bad", watch: "warn", well: "good", online: "good",
  done: "good", refused: "bad", failed: "bad", expired: "bad",
};

export function word(text) {
  const element = h("span", {class: "word"});
  setWord(element, text);
  return element;
}

export function setWord(element, text) {
  say(element, `${SIGNS[text] ?? ""} ${text.replaceAll("_", " ")}`.trim());
  element.className = `word ${KIND[text] ?? ""}-ink`;
}

// Rows by key: those that are there stay the same elements, so that a button under a finger is not another one.
export function keyed(body, items, key, make, fill) {
  const rows = (body.rowsByKey ??= new Map());
  const wanted = new Set(items.map(key));
  for (const [k, row] of rows) {
    if (!wanted.has(k)) {
      row.remove();
      rows.delete(k);
    }
  }
  items.forEach((item, i) => {
    let row = rows.get(key(item));
    if (!row) {
      row = make(item);
      rows.set(key(item), row);
    }
    fill(row, item);
    if (body.children[i] !== row) body.insertBefore(row, body.children[i] ?? null);
  });
}

export const table = (heads, body, caption) =>
  h("div", {class: "wide"}, h("table", {}, caption ? h("caption", {}, caption) : null, h("thead", {}, h("tr", {}, heads.map((text) => h("th", {scope: "col"}, text)))), body));

// The content of the page, made by `h`.
export const show = (...parts) => document.getElementById("main").append(h("div", {}, parts));

export function soon(run, ms) {
  let timer = null;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(run, ms);
  };
}

// "2026-05-29T13:59:57.123456789Z" -> "2026-05-29 13:59:57 UTC"
export const clock = (iso) => (iso ? `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC` : "–");

export const why = (error) => (error instanceof Failed ? error.message : String(error));

// 123456 -> "123 kB"
export function bytes(n) {
  if (n === null || n === undefined) return "–";
  for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
    if (n < 1000 || unit === "TB") return `${n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1000;
  }
  return "–";
}

// A form in a dialog. `send(data)` does it and throws what went wrong, which is shown; it closes when it is done.
export function ask(title, fields, button, send) {
  const fault = h("p", {class: "bad", role: "alert", hidden: true});
  const go = h("button", {type: "submit", class: "primary"}, button);
  const cancel = h("button", {type: "button"}, "Cancel");
  const form = h("form", {}, h("h2", {}, title), fields, fault, h("div", {class: "buttons"}, go, cancel));
  const dialog = h("dialog", {}, form);
  cancel.addEventListener("click", () => away());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (go.disabled) return;
    go.disabled = true;
    fault.hidden = true;
    try {
      await send(new FormData(form));
      away();
    } catch (error) {
      say(fault, `Not done: ${why(error)}`);
      fault.hidden = false;
    }
    go.disabled = false;
  });
  const away = over(dialog, () => away());
}
