// One chip of a run: a number of each channel as a line or, where channels lie in rows, as a map.

import {get} from "./api.js";
import {h} from "./dom.js";
import {svg} from "./run_noise.js";
import {chipName} from "./run_words.js";

const COLUMNS = {MPA: 120, RD53A: 400, RD53B: 432, CROC: 432}; // channel = row * columns + column
const SHADES = [[0, 34, 78], [66, 78, 107], [124, 123, 120], [187, 173, 108], [254, 232, 56]]; // cividis: the same for all eyes
const BAD = [213, 94, 0];

export async function chipRoom(parent, run, chip) {
  parent.replaceChildren(h("p", {class: "dim"}, `${chipName(chip)}: asking ...`));
  let results;
  try {
    const asked = new URLSearchParams({hybrid: chip.hybrid, chip: chip.chip, chip_type: chip.chip_type, channels: true});
    results = (await get(`/api/runs/${run.id}/results?${asked}`)).results.filter((one) => one.board === chip.board && one.optical_group === chip.optical_group);
  } catch (error) {
    parent.replaceChildren(h("p", {class: "bad", role: "alert"}, `The channels are not to be had: ${error.message}`));
    return;
  }
  const lists = results.flatMap((one) => Object.entries(one.values ?? {}).filter(([name, values]) => one.kind !== "monitor" && values.length > 1 && !name.endsWith("_t")).map(([name, values]) => ({text: `${one.kind}: ${name}`, name, values, bad: new Map(one.bad.map((each) => [each.channel, each.why]))})));
  const pictures = results.flatMap((one) => (one.blobs ?? []).map((blob) => ({text: `${one.kind}: ${blob.name} (picture)`, blob, key: one.key})));
  if (!lists.length && !pictures.length) {
    parent.replaceChildren(h("p", {class: "dim"}, `${chipName(chip)}: no numbers of single channels are stored.`));
    return;
  }
  const all = [...lists, ...pictures];
  const first = Math.max(0, lists.findIndex((one) => one.name === "noise"));
  const choice = h("select", {"aria-label": "what is shown of the chip"}, all.map((one, i) => h("option", {value: i, selected: i === first}, one.text)));
  const room = h("div");
  const show = async () => {
    const one = all[Number(choice.value)];
    room.replaceChildren(one.blob ? await picture(run, one) : lone(one, COLUMNS[chip.chip_type]));
  };
  choice.addEventListener("change", show);
  parent.replaceChildren(h("h3", {}, `${chipName(chip)} `, choice), room);
  await show();
}

const lone = (one, columns) => (columns && one.values.length % columns === 0 && one.values.length > columns ? map(chunks(one.values, columns), one.bad, columns) : line(one));
const chunks = (values, width) => Array.from({length: Math.ceil(values.length / width)}, (_, i) => values.slice(i * width, (i + 1) * width));

async function picture(run, {blob, key}) {
  if (!key) return h("p", {class: "dim"}, "This server does not serve pictures; the raw file has it.");
  try {
    const found = await get(`/api/runs/${run.id}/results/${encodeURIComponent(key)}/blob?name=${encodeURIComponent(blob.name)}`);
    if (found.rows.length === 1) return line({text: blob.name, values: found.rows[0], bad: new Map()});
    return map(found.rows, new Map(), found.rows[0]?.length ?? 0, found.axes);
  } catch (error) {
    return h("p", {class: "bad", role: "alert"}, `The picture is not to be had: ${error.message}`);
  }
}

// The range in which nearly all lie: one wild channel must not make all others look alike. It is said beside the map.
function range(values) {
  const known = values.filter((value) => value !== null && Number.isFinite(value)).sort((a, b) => a - b);
  const at = (share) => known[Math.round(share * (known.length - 1))];
  return known.length ? [at(0.01), at(0.99), known[0], known.at(-1), known.length] : [0, 1, null, null, 0];
}

function map(lines, bad, columns, axes = []) {
  const height = lines.length, [low, high, least, most, n] = range(lines.flat());
  const canvas = h("canvas", {width: columns, height, class: "map", role: "img", "aria-label": `map of ${columns} by ${height}`});
  const context = canvas.getContext("2d"), image = context.createImageData(columns, height);
  lines.forEach((line, row) => line.forEach((value, column) => {
    const at = 4 * ((height - 1 - row) * columns + column); // row 0 is at the bottom
    const colour = bad.has(row * columns + column) ? BAD : value === null ? null : shade((value - low) / (high - low || 1));
    if (colour) image.data.set([...colour, 255], at);
  }));
  context.putImageData(image, 0, 0);
  Object.assign(canvas.dataset, {columns, rows: height, least, most, bad: bad.size});
  const said = h("output", {class: "dim"}, " ");
  canvas.addEventListener("mousemove", (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.min(columns - 1, Math.floor((event.clientX - box.left) / box.width * columns)), row = height - 1 - Math.min(height - 1, Math.floor((event.clientY - box.top) / box.height * height));
    const why = bad.get(row * columns + column);
    said.textContent = `row ${row}, column ${column}: ${lines[row]?.[column] ?? "no number"}${why ? `, bad: ${why}` : ""}`;
  });
  const scale = h("canvas", {width: 100, height: 1, class: "scale", "aria-hidden": "true"});
  const ruler = scale.getContext("2d");
  for (let x = 0; x < 100; x++) {
    ruler.fillStyle = `rgb(${shade(x / 99).join(" ")})`;
    ruler.fillRect(x, 0, 1, 1);
  }
  const titles = axes.map((axis) => axis.title).filter(Boolean).join(", ");
  return h("div", {}, canvas, h("p", {}, `${format(low)} `, scale, ` ${format(high)}`, h("span", {class: "dim"}, ` shades; all: ${format(least)} to ${format(most)}, ${n} numbers${bad.size ? `, ${bad.size} bad in orange` : ""}${titles ? `; ${titles}` : ""}`)), said);
}

function line({text, values, bad}) {
  const [, , least, most, n] = range(values);
  const [width, height, left, foot] = [560, 160, 46, 22], low = Math.min(0, least ?? 0), high = (most ?? 1) === low ? low + 1 : most ?? 1;
  const x = (i) => left + (width - left - 6) * (i + 0.5) / values.length, y = (value) => 6 + (height - foot - 6) * (1 - (value - low) / (high - low));
  let path = "", pen = "M";
  values.forEach((value, i) => {
    if (value === null) pen = "M";
    else [path, pen] = [`${path}${pen}${x(i).toFixed(1)} ${y(value).toFixed(1)}`, "L"];
  });
  const marks = [...bad].map(([channel, why]) => svg("text", {x: x(channel), y: values[channel] === null || values[channel] === undefined ? height - foot - 2 : y(values[channel]) - 3, class: "flaw"}, svg("title", {}, `channel ${channel}: ${why}`), "!"));
  const ticks = [low, (low + high) / 2, high].flatMap((tick) => [svg("line", {x1: left, x2: width - 6, y1: y(tick), y2: y(tick), class: "grid"}), svg("text", {x: left - 5, y: y(tick) + 4, class: "tick"}, format(tick))]);
  const ends = [0, values.length - 1].map((i) => svg("text", {x: x(i), y: height - 6, class: "foot"}, String(i)));
  const plot = svg("svg", {width, height, class: "noise", role: "img", "aria-label": text}, ticks, ends, svg("path", {d: path, class: "curve"}), marks);
  return h("div", {class: "wide"}, plot, h("p", {class: "dim"}, `by channel; ${n} numbers, ${format(least)} to ${format(most)}${bad.size ? `, ${bad.size} bad marked !` : ""}`));
}

const format = (value) => (value === null || value === undefined ? "–" : String(+value.toPrecision(4)));

function shade(share) {
  const at = Math.max(0, Math.min(1, share)) * (SHADES.length - 1), i = Math.min(SHADES.length - 2, Math.floor(at));
  return SHADES[i].map((value, k) => Math.round(value + (SHADES[i + 1][k] - value) * (at - i)));
}
