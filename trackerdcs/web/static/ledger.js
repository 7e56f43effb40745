// The page ledger.

import "./shell.js";
