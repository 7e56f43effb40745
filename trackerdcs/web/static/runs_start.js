// Starting a calibration: a form from what the bridge says of itself, and its GO or NO-GO with each reason.

import {h, say} from "./dom.js";
import * as live from "./live.js";
import {order} from "./runs_order.js";
import {may} from "./shell.js";

const made = new Map(); // topic of the meta -> {element, kind, refresh}

// A form for each bridge, made anew only where the bridge says something else of itself; `answered()` after each answer.
export function starters(parent, answered) {
  const there = [...live.topics()].filter((topic) => topic.endsWith("/meta") && live.message(topic).channels?.["-"]?.commands?.start_calibration);
  for (const topic of there) {
    const meta = live.message(topic);
    const kind = JSON.stringify(meta.channels["-"].commands);
    const old = made.get(topic);
    if (!old || old.kind !== kind) {
      const next = {...starter(topic, meta, answered), kind};
      if (old) old.element.replaceWith(next.element);
      else parent.append(next.element);
      made.set(topic, next);
    }
    made.get(topic).refresh();
  }
  if (!there.length && !parent.childElementCount && live.connected()) parent.append(h("p", {class: "dim", id: "no-bridge"}, "No bridge to a calibration program says that it is there."));
  else if (there.length) parent.querySelector("#no-bridge")?.remove();
}

function starter(topic, meta, answered) {
  const [stand, device] = topic.split("/");
  const spec = meta.channels["-"].commands.start_calibration;
  const fields = Object.entries(spec.args).map(([name, argument]) => [name, argument, field(`${stand}-${device}-${name}`, name, argument)]);
  const reason = h("input", {name: "reason", maxlength: 200, autocomplete: "off", required: Boolean(spec.reason)});
  const button = h("button", {}, "Start");
  const verdict = h("div", {class: "verdict", role: "status"});
  const gone = h("p", {class: "bad", hidden: true});
  const allowed = may(spec.role ?? "shifter");
  const form = h("form", {class: "start"}, fields.map(([name, argument, input]) => label(name, argument, input)), h("label", {}, `reason${spec.reason ? "" : " (may stay empty)"} `, reason), button);
  const element = h("details", {class: "card"}, h("summary", {}, `Start a calibration on ${stand}, ${device} `, meta.sim && h("strong", {class: "sim"}, "SIMULATED")), gone, allowed ? form : h("p", {}, "This needs a login with the role shifter. ", h("a", {href: "/login?next=/runs"}, "Log in")), verdict);
  element.dataset.bridge = `${stand}/${device}`;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    verdict.replaceChildren(h("p", {class: "warn"}, "asked the bridge, waiting for its answer ..."));
    const args = {};
    for (const [name, argument, input] of fields) {
      const text = (input.value ?? input.querySelector("input").value).trim();
      if (text) args[name] = argument.type === "text" ? text : Number(text);
    }
    show(verdict, await order(stand, device, "start_calibration", args, reason.value));
    button.disabled = false;
    answered();
  });

  return {element, refresh() {
    const fresh = live.fresh(stand, device);
    gone.hidden = fresh;
    say(gone, fresh ? "" : `${device} says nothing: nothing can be started, and what was said last is old.`);
  }};
}

const label = (name, argument, input) => h("label", {}, `${name}${argument.optional ? " (may stay empty)" : ""}${bounds(argument)} `, input);
const bounds = ({type, low, high, unit}) => (type !== "text" && (low ?? high) !== undefined && (low ?? high) !== null ? `, ${low ?? "…"} to ${high ?? "…"}${unit ? ` ${unit}` : ""}` : "");

function field(id, name, argument) {
  const required = !argument.optional;
  if (argument.type !== "text") return h("input", {name, type: "number", step: "any", min: argument.low, max: argument.high, required});
  if (name === "calibration" && argument.choices?.length) return h("select", {name, required}, argument.choices.map((one) => h("option", {value: one}, one)));
  const input = h("input", {name, maxlength: argument.high ?? 64, required, autocomplete: "off", list: argument.choices ? id : null, value: argument.choices?.length === 1 ? argument.choices[0] : ""});
  return argument.choices ? h("span", {}, input, h("datalist", {id}, argument.choices.map((value) => h("option", {value})))) : input;
}

// "no_go: what to do (name: why; name: why)" -> a line for each reason.
export function reasons(why) {
  const found = /^no_go: (.*?) \((.*)\)$/s.exec(why ?? "");
  return found ? {what: found[1], each: found[2].split("; ")} : null;
}

function show(parent, answer) {
  const run = /run ([A-Za-z0-9_-]{6,64})/.exec(`${answer.why ?? ""} ${answer.readback?.run ?? ""}`)?.[1] ?? answer.readback?.run;
  const no = reasons(answer.why);
  if (answer.state === "done" || answer.state === "accepted") {
    parent.replaceChildren(h("p", {class: "good go"}, "✓ GO: it has started. ", run && h("a", {href: `/runs/${run}`}, "Its page")));
  } else if (no) {
    parent.replaceChildren(h("p", {class: "bad go"}, `NO-GO: ${no.what}`), h("ul", {}, no.each.map((text) => h("li", {}, text))));
  } else {
    parent.replaceChildren(h("p", {class: "bad go"}, answer.state === "unknown" ? `NOBODY KNOWS whether it has started: ${answer.why}` : `Not started, ${answer.state}: ${answer.why ?? "no reason was said"}`));
  }
}
