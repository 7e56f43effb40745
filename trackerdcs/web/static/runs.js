// The page runs.

import "./shell.js";
