// The simulated world of the demonstrator: damper, warmer, and back.

import {get, post} from "./api.js";
import {h, mark, say} from "./dom.js";
import {may} from "./shell.js";

const OFFERED = [["rh", "humidity", "%"], ["t_air", "air", "°C"], ["t_plate_target", "cold plate goes to", "°C"]];
const EVERY_MS = 5000;

export function worldPanel(stand) {
  if (!document.body.dataset.worlds?.split(" ").includes(stand) || !may("expert")) return null;
  const result = h("output", {role: "status"});
  const address = `/api/stands/${stand}/world`;
  const nows = {};
  const told = (world) => {
    for (const [name, , unit] of OFFERED) if (name in world) say(nows[name], `now ${world[name].toFixed(1)} ${unit}`);
  };
  const fields = OFFERED.map(([name, words, unit]) => {
    nows[name] = h("span", {class: "dim"});
    const input = h("input", {type: "text", size: "6", autocomplete: "off", placeholder: unit, "aria-label": `simulated ${words}, ${unit}`});
    const button = h("button", {type: "submit"}, "Apply");
    const form = h("form", {class: "field", "data-world": name}, h("label", {}, `${words} `, input), h("span", {class: "dim"}, unit), button, nows[name]);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const value = Number(input.value.trim().replace("−", "-"));
      if (!input.value.trim() || !Number.isFinite(value)) return say(result, `${words}: not a number`);
      button.disabled = true;
      try {
        told(await post(address, {[name]: value}));
        say(result, "");
        input.value = "";
      } catch (error) {
        say(result, error.message);
      } finally {
        button.disabled = false;
      }
    });
    return form;
  });
  const panel = h("details", {class: "card world"}, h("summary", {}, "Simulator: change the air of the simulated stand"), fields, result);
  const look = async () => {
    if (panel.open && !document.hidden) {
      try {
        told(await get(address));
        mark(panel, "old", false);
      } catch {
        mark(panel, "old", true);
      }
    }
  };
  panel.addEventListener("toggle", look);
  setInterval(look, EVERY_MS);
  return panel;
}
