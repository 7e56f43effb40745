// Two runs side by side: what differs in how they were made, in noise, and in what the slow control saw.

import {get} from "./api.js";
import {h, moment, say} from "./dom.js";
import {bars, inOrder} from "./run_noise.js";
import {chipKey, chipName, lasted, modules, ns, number, rows, shown, simulated, state, counted} from "./run_words.js";

export async function compare(main, first, second) {
  const fault = h("p", {class: "bad", role: "alert", hidden: true});
  main.append(h("p", {}, h("a", {href: "/runs"}, "← all runs")), h("h1", {}, "Two runs"), fault);
  const tell = (text) => {
    say(fault, text);
    fault.hidden = false;
  };
  let runs;
  try {
    runs = await Promise.all([first, second].map((id) => get(`/api/runs/${encodeURIComponent(id)}`)));
  } catch (error) {
    tell(`The two records are not to be had: ${error.message}`);
    return;
  }
  const names = ["A", "B"];
  main.append(records(runs), h("section", {class: "card", id: "noise"}, h("h2", {}, "Noise of each chip"), noise(runs, names)));
  const room = h("section", {class: "card", id: "conditions"}, h("h2", {}, "Conditions"));
  main.append(room);
  try {
    const seen = await Promise.all(runs.map((run) => get(`/api/runs/${run.id}/conditions`)));
    room.append(conditions(seen));
  } catch (error) {
    tell(`The conditions are not to be had: ${error.message}`);
  }
}

function records(runs) {
  const lines = [
    ["run", ...runs.map((run) => h("span", {}, h("a", {href: `/runs/${run.id}`}, run.calibration || run.id), " ", simulated(run.sim)))],
    ["state", ...runs.map((run) => h("span", {}, state(run.state), run.failure ? ` ${run.failure.code}: ${run.failure.text}` : ""))],
    ["module", ...runs.map(modules)], ["start", ...runs.map((run) => moment(ns(run.start)))], ["took", ...runs.map(lasted)], ["by, why", ...runs.map((run) => [run.requested_by, run.why].filter(Boolean).join(": "))],
    ["configuration", ...runs.map((run) => `${run.config} (${run.config_sha256.slice(0, 8)})`)], ["channels, bad ones", ...runs.map(counted)],
    ["versions", ...runs.map((run) => Object.entries(run.versions).map(([name, value]) => `${name} ${value.slice(0, 12)}`).join(", "))],
    ["settings that differ", ...differing(runs.map((run) => run.settings))],
  ];
  return rows(["", "A", "B"], lines.map(([name, a, b]) => [name, a || "–", b || "–"]));
}

function differing([a, b]) {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((name) => a[name] !== b[name]);
  return names.length ? [a, b].map((one) => names.map((name) => `${name}=${one[name] ?? "–"}`).join("  ")) : ["none", "none"];
}

function noise(runs, names) {
  const sets = runs.map((run, i) => ({name: names[i], run, chips: run.summary.filter((chip) => chip.noise !== null)}));
  const without = sets.filter((set) => !set.chips.length).map((set) => set.name);
  if (without.length) return h("p", {class: "warn"}, `Run ${without.join(" and ")} measured no noise: there is nothing to compare.`);
  const [a, b] = sets.map((set) => new Map(set.chips.map((chip) => [chipKey(chip), chip])));
  const chips = inOrder([...new Map([...a, ...b]).values()]);
  const both = chips.filter((chip) => a.has(chipKey(chip)) && b.has(chipKey(chip)));
  const mean = both.length ? both.reduce((sum, chip) => sum + b.get(chipKey(chip)).noise - a.get(chipKey(chip)).noise, 0) / both.length : null;
  const total = h("p", {id: "difference"}, mean === null ? "No chip is in both runs." : `B − A, mean over ${both.length} chips that are in both: ${signed(mean)}`);
  total.dataset.mean = mean ?? "";
  const table = rows(["chip", "noise A", "noise B", "B − A", "B − A in %", "bad A", "bad B"], chips.map((chip) => {
    const [one, other] = [a.get(chipKey(chip)), b.get(chipKey(chip))];
    const step = one && other ? other.noise - one.noise : null;
    return [chipName(chip), number(one ? one.noise.toFixed(3) : "–"), number(other ? other.noise.toFixed(3) : "–"), number(step === null ? "–" : signed(step)), number(step === null || !one.noise ? "–" : `${signed(100 * step / one.noise, 1)} %`), number(one ? String(one.bad) : "–"), number(other ? String(other.bad) : "–")];
  }));
  return h("div", {}, h("p", {}, "A: full bars left, B: dashed edge, right. ", total), bars(sets), h("details", {}, h("summary", {}, "Numbers"), table));
}

function conditions(seen) {
  const [a, b] = seen.map((found) => new Map(found.conditions.map((one) => [one.quantity, one])));
  const lines = [...new Set([...a.keys(), ...b.keys()])].map((name) => {
    const [one, other] = [a.get(name), b.get(name)], unit = (one ?? other).unit;
    const [x, y] = [one?.statistics, other?.statistics];
    const both = x?.n && y?.n;
    const row = [name, ...[x, y].flatMap((s) => [number(s?.n ? shown(s.mean, unit) : "no value"), number(s?.n ? `${shown(s.low, unit)} to ${shown(s.high, unit)}` : "–")]), number(both ? shown(y.mean - x.mean, unit) : "–")];
    return row;
  });
  return rows(["quantity", "mean A", "range A", "mean B", "range B", "B − A"], lines);
}

const signed = (value, digits = 3) => `${value > 0 ? "+" : value < 0 ? "−" : "±"}${Math.abs(value).toFixed(digits)}`;
