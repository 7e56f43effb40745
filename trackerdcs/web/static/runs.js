// Runs: the list with what goes on now and the start of a calibration; one run; two runs side by side.

import {h} from "./dom.js";
import "./shell.js";
import {compare} from "./run_compare.js";
import {page} from "./run_page.js";
import {list} from "./runs_list.js";

const main = document.getElementById("main");
const found = /^\/runs\/([A-Za-z0-9_-]{1,64})$/.exec(location.pathname);
const other = new URLSearchParams(location.search).get("with");

if (found && other) compare(main, found[1], other);
else if (found) page(main, found[1]);
else if (location.pathname === "/runs") list(main);
else main.append(h("p", {class: "bad", role: "alert"}, "The address names no run: expected /runs/ID. ", h("a", {href: "/runs"}, "All runs")));
