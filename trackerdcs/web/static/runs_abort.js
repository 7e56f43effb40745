// Ending a run: asked once more, because what was measured until then is lost.

import {h, say} from "./dom.js";
import {order} from "./runs_order.js";
import {may} from "./shell.js";

export function abortButton(stand, device) {
  const result = h("output", {role: "status"});
  const ask = h("span", {hidden: true}, " What was measured until now is lost. ");
  const first = h("button", {type: "button", disabled: !may("shifter"), title: may("shifter") ? "end this run" : "this needs a login with the role shifter"}, "Abort");
  const sure = h("button", {type: "button", class: "danger"}, "Abort the run"), back = h("button", {type: "button"}, "Go on");
  ask.append(sure, " ", back);
  const turn = (on) => {
    ask.hidden = !on;
    first.hidden = on;
    if (on) back.focus();
  };
  first.addEventListener("click", () => turn(true));
  back.addEventListener("click", () => turn(false));
  sure.addEventListener("click", async () => {
    sure.disabled = true;
    say(result, "aborting ...");
    const answer = await order(stand, device, "abort", {}, "aborted from the Runs page");
    say(result, answer.state === "done" ? "aborted" : answer.state === "accepted" ? "accepted, not ended yet" : `NOT aborted, ${answer.state}: ${answer.why}`);
    sure.disabled = false;
    turn(false);
  });
  return h("p", {}, first, ask, " ", result);
}
