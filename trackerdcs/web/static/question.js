// A question over the page. Not a modal dialog of the browser's: KILL in the header stays within reach while it is asked.

const SETTLE_MS = 500;

// Shows `dialog`; Escape calls `escaped`. -> what takes it away again.
export function over(dialog, escaped) {
  const main = document.getElementById("main"), before = document.activeElement;
  const key = (event) => {
    if (event.key === "Escape") escaped();
  };
  main.inert = true;
  document.addEventListener("keydown", key);
  document.body.append(dialog);
  dialog.show();
  return () => {
    document.removeEventListener("keydown", key);
    dialog.remove();
    setTimeout(() => { // the second click of a double click must not hit what was below the question
      main.inert = false;
      if (document.activeElement === document.body) before?.focus();
    }, SETTLE_MS);
  };
}
