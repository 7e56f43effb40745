// The page health.

import "./shell.js";
