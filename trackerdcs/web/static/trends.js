// The page trends.

import "./shell.js";
