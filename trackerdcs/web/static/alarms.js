// The page alarms.

import "./shell.js";
