// One run: its record, its noise, its conditions side by side; with links to all that belongs to it.

import {get} from "./api.js";
import {bytes} from "./desk.js";
import {h, moment, say, span} from "./dom.js";
import * as live from "./live.js";
import {chipRoom} from "./run_chip.js";
import {conditionsRoom} from "./run_conditions.js";
import {bars} from "./run_noise.js";
import {counted, fill, lasted, modules, ns, number, rows, seconds, simulated, state, trends} from "./run_words.js";

const SIGNS = [["exit_zero", "exit status 0"], ["stopped", "log: run stopped"], ["closed", "log: result file closed"], ["stamped", "time of the end in the ROOT file"]];
const FINAL = new Set(["done", "failed", "aborted"]);
const AGAIN_MS = 5000;

export async function page(main, id) {
  const head = h("div", {id: "head"}), fault = h("p", {class: "bad", role: "alert", hidden: true});
  const record = h("section", {id: "record"}), noise = h("section", {id: "noise", class: "card"}), conditions = h("section", {id: "conditions", class: "card"});
  main.append(h("p", {}, h("a", {href: "/runs"}, "← all runs")), fault, head, h("div", {class: "side"}, noise, conditions), record);
  let drawn = "";

  async function load() {
    let run;
    try {
      run = await get(`/api/runs/${id}`);
      fault.hidden = true;
    } catch (error) {
      say(fault, error.status === 404 ? `There is no run ${id}.` : `The record is not to be had: ${error.message}`);
      fault.hidden = false;
      if (error.status !== 404) setTimeout(load, AGAIN_MS);
      return;
    }
    document.title = `${run.calibration || run.id} - trackerdcs`;
    const kind = JSON.stringify([run.state, run.complete, run.summary.length]);
    header(head, run);
    if (kind !== drawn) {
      drawn = kind;
      await Promise.all([noises(noise, run), conditionsRoom(conditions, run), details(record, run), others(head, run)]);
    }
    if (!FINAL.has(run.state) || !run.complete) setTimeout(load, AGAIN_MS);
  }
  live.on(() => {
    const note = [...live.topics()].filter((topic) => topic.endsWith(`/run/${id}`)).map((topic) => live.message(topic))[0];
    const place = document.getElementById("progress");
    if (note && place) say(place, FINAL.has(note.state) ? "" : ` ${Math.round(note.percent)} %, ${note.stage ?? ""}, about ${span(note.left)} left`);
  });
  await load();
}

function header(parent, run) {
  const room = parent.querySelector(".others") ?? h("form", {class: "others window"});
  fill(parent,
    h("h1", {}, run.calibration || run.id, " ", simulated(run.sim)),
    h("p", {}, state(run.state), h("span", {id: "progress"}), ` · ${modules(run)} · ${moment(ns(run.start))}${run.end ? ` to ${moment(ns(run.end)).slice(11)}, ${lasted(run)}` : ""}`),
    run.failure && h("p", {class: "bad", role: "alert"}, `${run.failure.code}: ${run.failure.text}`, run.failure.line && h("code", {}, ` ${run.failure.line}`)),
    run.clock.doubt && h("p", {class: "warn"}, `Clock: ${run.clock.doubt}`),
    !run.complete && FINAL.has(run.state) && h("p", {class: "warn"}, "Not everything of this run is in the store yet."),
    run.start && h("p", {}, h("a", {href: trends(run, Object.keys(run.conditions).filter((name) => /\/(v_mon|i_mon)$/.test(name)).slice(0, 4)), id: "trends"}, "voltages and currents around this run in Trends")),
    room,
  );
}

// The other runs that it may be compared with: of the same module first.
async function others(parent, run) {
  const room = parent.querySelector(".others");
  const named = run.modules.map((one) => one.name).find(Boolean);
  try {
    const found = (await get(`/api/runs?limit=100${named ? `&module=${encodeURIComponent(named)}` : ""}`)).runs.filter((one) => one.id !== run.id);
    const choice = h("select", {name: "with", "aria-label": "the other run"}, found.map((one) => h("option", {value: one.id}, `${moment(ns(one.start))} ${one.calibration}, ${one.state}${one.sim ? ", SIM" : ""}`)));
    room.method = "get";
    room.action = `/runs/${run.id}`;
    room.replaceChildren(...(found.length ? [h("label", {}, "Compare with ", choice), h("button", {class: "quiet"}, "Compare")] : [h("span", {class: "dim"}, `No other run${named ? ` of ${named}` : ""} to compare with.`)]));
  } catch {
    room.replaceChildren();
  }
}

function noises(parent, run) {
  const chips = run.summary.filter((chip) => chip.noise !== null);
  parent.replaceChildren(h("h2", {}, "Noise of each chip"));
  if (!chips.length) {
    parent.append(h("p", {class: "dim"}, FINAL.has(run.state) ? "This run measured no noise." : "Not measured yet."));
    return;
  }
  const room = h("div", {id: "chip"});
  parent.append(
    bars([{name: "noise", run, chips}], (chip) => chipRoom(room, run, chip)),
    h("p", {class: "dim"}, "Mean over the channels of a chip that are not bad, with their standard deviation; in units of the threshold (DAC). 2! over a bar: two of its channels are bad. Choose a bar for the channels of its chip."),
    room,
  );
}

const fact = (name, ...value) => h("div", {}, h("dt", {}, name), h("dd", {}, value.length && value[0] !== "" && value[0] !== null ? value : "–"));

async function details(parent, run) {
  const {info, warning, error, fatal, i2c, tail} = run.log;
  fill(parent,
    h("h2", {}, "Record"),
    h("dl", {class: "facts card"},
      fact("id", h("code", {}, run.id)), fact("number of the program (not unique)", run.number === null ? "" : String(run.number)), fact("who", run.requested_by), fact("why", run.why),
      fact("asked for", moment(ns(run.requested))), fact("began, program spoke, ended", `${moment(ns(run.start))}, ${moment(ns(run.started)).slice(11)}, ${moment(ns(run.end)).slice(11)}`),
      fact("stand, bridge, computer", [run.stand, run.device, run.host].filter(Boolean).join(", ")), fact("tracker", `${run.tracker} ${run.flavour}`), fact("origin", run.origin),
      fact("configuration", run.config), fact("settings", h("code", {}, Object.entries(run.settings).map(([name, value]) => `${name}=${value}`).join("  "))),
      fact("arguments", h("code", {}, run.arguments.join(" "))), fact("versions", h("code", {}, Object.entries(run.versions).map(([name, value]) => `${name} ${value}`).join("  "))),
      fact("channels, bad ones", counted(run)), fact("log", `${info} info, ${warning} warnings, ${error} errors, ${fatal} fatal, ${i2c} failed I2C transactions`), fact("exit status", run.rc === null ? "nobody has seen it" : String(run.rc))),
    h("h2", {}, "Signs of success"), h("ul", {class: "signs"}, SIGNS.map(([name, text]) => h("li", {class: run.signs[name] === false ? "bad" : ""}, `${{true: "✓ yes", false: "✗ NO", null: "? nobody can say"}[run.signs[name]]}: ${text}`))),
    run.checks.length > 0 && [h("h2", {}, "Looked at before"), h("ul", {}, run.checks.map((check) => h("li", {class: check.ok ? "" : "bad"}, `${check.ok ? "✓ GO" : check.ok === false ? "✗ NO-GO" : "? unknown"}: ${check.name}${check.why ? `: ${check.why}` : ""}`)))],
    h("h2", {}, `Warnings: ${run.warnings.length}`), run.warnings.length > 0 && h("ul", {}, run.warnings.map((one) => h("li", {class: "warn"}, `${one.code}: ${one.text}`))),
    fold(`Stages: ${run.stages.length}`, rows(["stage", "from", "took"], run.stages.map((stage) => [stage.name, moment(ns(stage.start)), number(took(seconds(stage.start, stage.stop)))]))),
    fold(`Modules: ${run.modules.length}`, rows(["module", "fuse id", "board, optical group", "hybrids", "fed by"], run.modules.map((one) => [one.name, one.fuse_id, `${one.board}, ${one.optical_group}`, one.hybrids.join(", "), one.channels.join(", ")]))),
    fold(`What happened: ${run.events.length}`, rows(["time", "source", "event", "text"], run.events.map((event) => [moment(ns(event.ts)), event.source, event.event, event.text]))),
    fold("Last lines of the log", h("pre", {class: "wide"}, tail.join("\n"))),
    fold(`Raw files: ${run.files.length}`, rows(["file", "kind", "size", "SHA-256"], run.files.map((file) => [h("a", {href: `/api/runs/${run.id}/files/${file.name.split("/").map(encodeURIComponent).join("/")}`, download: ""}, file.name), file.kind, number(bytes(file.size)), h("code", {}, file.sha256.slice(0, 16))]))),
    h("p", {}, "For programs: ", h("a", {href: `/api/runs/${run.id}`}, "record"), ", ", h("a", {href: `/api/runs/${run.id}/results?format=csv`}, "results as CSV"), ", ", h("a", {href: `/api/runs/${run.id}/conditions?format=csv`}, "conditions as CSV")),
  );
}

const took = (s) => (s === null ? "–" : s < 60 ? `${s.toFixed(1)} s` : span(s));
const fold = (title, body) => h("details", {class: "card"}, h("summary", {}, title), body);
