// The page logbook.

import "./shell.js";
