// The page stand.

import "./shell.js";
