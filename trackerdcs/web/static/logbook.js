// The page Logbook: what people wrote down. Entries are never changed; a correction is a new one that refers.

import {get, send} from "./api.js";
import {bytes, clock, show, why} from "./desk.js";
import {h, say} from "./dom.js";
import {may, me, stands} from "./shell.js";

const LONGEST = 10000, MOST_FILES = 4, LARGEST_FILE = 4 * 1024 * 1024, LARGEST = 8 * 1024 * 1024;
const asked = new URLSearchParams(location.search);
const field = (text, control) => h("label", {class: "field"}, text, control);

// Writing
const text = h("textarea", {name: "text", rows: 4, maxlength: LONGEST, required: true});
const files = h("input", {type: "file", name: "file", multiple: true});
const refers = h("input", {type: "hidden", name: "refers"});
const referring = h("p", {class: "referring", hidden: true});
const result = h("output", {role: "status"});
const go = h("button", {type: "submit", class: "primary"}, "Write");
const form = h("form", {class: "card write"},
  h("h2", {}, "New entry"), referring, refers,
  field("Text", text),
  h("div", {class: "row"},
    field("Tags, such as humidity hv", h("input", {name: "tags", maxlength: 340})),
    field("Stand", h("select", {name: "stand"}, stands.map((s) => h("option", {value: s}, s)), h("option", {value: ""}, "none"))),
    field("Run, its id", h("input", {name: "run", maxlength: 64, value: asked.get("run") ?? ""})),
    field("Files, at most 4", files)),
  h("div", {class: "buttons"}, go, result));
let id = crypto.randomUUID().replaceAll("-", ""); // sent twice, it is written once

function refer(entry) {
  refers.value = entry?.id ?? "";
  referring.hidden = !entry;
  if (!entry) return;
  const cancel = h("button", {type: "button", class: "quiet", onclick: () => refer(null)}, "not any more");
  referring.replaceChildren(`goes on with: ${clock(entry.ts)}, ${entry.author}: ${entry.text.slice(0, 80)} `, cancel);
  text.focus();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (go.disabled) return;
  const chosen = [...files.files];
  const large = chosen.find((file) => file.size > LARGEST_FILE);
  if (large || chosen.length > MOST_FILES || chosen.reduce((sum, file) => sum + file.size, 0) > LARGEST) {
    say(result, `✖ Not written: ${large ? `${large.name} has more than 4 MiB` : "at most 4 files, 8 MiB together"}`);
    return;
  }
  go.disabled = true;
  say(result, "writing ...");
  try {
    const whole = new FormData(form);
    whole.set("id", id);
    if (!chosen.length) whole.delete("file");
    await send("/api/logbook", whole);
    id = crypto.randomUUID().replaceAll("-", "");
    form.reset();
    refer(null);
    say(result, "✓ Written");
    await read();
  } catch (error) {
    say(result, `✖ Not written: ${why(error)}`);
  }
  go.disabled = false;
});

// Finding
const option = (name, label, hint) => h("label", {class: "filter"}, label, h("input", {type: "search", name, maxlength: 64, placeholder: hint, value: asked.get(name) ?? ""}));
const search = h("form", {class: "filters", role: "search"},
  option("text", "Text", "anywhere in it"), option("tag", "Tag", "humidity"), option("author", "Author", "name"), option("run", "Run", "its id"),
  h("label", {class: "filter"}, "From", h("input", {type: "date", name: "since", value: asked.get("since") ?? ""})),
  h("label", {class: "filter"}, "To, with that day", h("input", {type: "date", name: "until", value: asked.get("until") ?? ""})),
  h("button", {type: "submit"}, "Find"));
const note = h("p", {class: "dim", role: "status"});
const list = h("div", {class: "entries"});
const more = h("button", {type: "button", hidden: true}, "Older ones");
const DAY = 86400000;
let next = null;

function query() {
  const params = new URLSearchParams();
  for (const [name, value] of new FormData(search)) if (value.trim()) params.set(name, value.trim());
  if (asked.get("id")) params.set("id", asked.get("id"));
  if (params.get("since")) params.set("since", `${params.get("since")}T00:00:00Z`);
  if (params.get("until")) params.set("until", new Date(Date.parse(params.get("until")) + DAY).toISOString());
  return params;
}

function attached(file) {
  const picture = file.type.startsWith("image/");
  const name = `${file.name}, ${bytes(file.size)}`;
  return h("a", {href: file.address, download: file.name, class: "file"}, picture ? h("img", {src: file.address, alt: name, loading: "lazy"}) : "📎 ", name);
}

function card(entry) {
  return h("article", {class: "card entry", "data-id": entry.id},
    h("header", {class: "about"},
      h("strong", {}, entry.author), ` ${clock(entry.ts)} `,
      entry.stand ? h("span", {class: "dim"}, `${entry.stand} `) : null,
      entry.tags.map((tag) => h("a", {class: "tag", href: `?tag=${encodeURIComponent(tag)}`}, `#${tag}`)),
      entry.run ? h("a", {class: "tag", href: `/runs?run=${encodeURIComponent(entry.run)}`}, `run ${entry.run.slice(0, 8)}`) : null,
      entry.refers ? h("a", {class: "tag", href: `?id=${entry.refers}`}, "↩ goes on with an earlier entry") : null,
      may("shifter") ? h("button", {type: "button", class: "quiet", onclick: () => refer(entry)}, "Correct or go on") : null),
    h("p", {class: "said"}, entry.text),
    h("div", {class: "files"}, entry.attachments.map(attached)));
}

async function read(address) {
  try {
    const page = await get(address ?? `/api/logbook?limit=50&${query()}`);
    const cards = page.entries.map(card);
    if (address) list.append(...cards);
    else list.replaceChildren(...cards);
    for (const entry of page.entries) {
      const earlier = entry.refers && list.querySelector(`[data-id="${entry.refers}"]`);
      if (earlier) earlier.prepend(h("p", {class: "later"}, `▲ A later entry corrects this or goes on with it: ${clock(entry.ts)}, ${entry.author}`));
    }
    next = page.next;
    more.hidden = !next;
    say(note, list.children.length ? "" : "No such entry.");
  } catch (error) {
    say(note, `Not read: ${why(error)}`);
  }
}

search.addEventListener("submit", (event) => {
  event.preventDefault();
  asked.delete("id");
  history.replaceState(null, "", `?${new URLSearchParams([...new FormData(search)].filter(([, value]) => value))}`);
  read();
});
more.addEventListener("click", () => read(next));
show(
  h("h1", {}, "Logbook"),
  may("shifter") ? form : h("p", {class: "dim"}, me.user ? "Writing needs the role shifter." : "To write, log in as a shifter."),
  search, note, list, more);
read();
setInterval(() => {
  if (!document.hidden && list.children.length <= 50) read();
}, 30000);
