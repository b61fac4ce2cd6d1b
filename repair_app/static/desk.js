// The keys of the worklist. Everything they do can be done without them.
"use strict";

(() => {
  const find = (name, place = document) => place.querySelector(`[data-desk="${name}"]`);
  const rows = [...document.querySelectorAll('[data-desk="row"]')];
  const dialog = document.getElementById("keys");
  const button = document.getElementById("keys-button");
  const count = find("count");

  const current = () => rows.findIndex((row) => row.hasAttribute("aria-current"));

  function move(to) {
    if (!rows.length) return;
    const row = rows[Math.min(Math.max(to, 0), rows.length - 1)];
    rows.forEach((one) => one.removeAttribute("aria-current"));
    row.setAttribute("aria-current", "true");
    row.querySelector("a").focus(); // Enter opens it, as any link
    row.scrollIntoView({ block: "nearest" });
  }

  function tellCount() {
    const picked = rows.filter((row) => find("pick", row).checked).length;
    if (count) count.textContent = picked ? `(${picked})` : "";
  }

  function pick() {
    const box = rows[current()] && find("pick", rows[current()]);
    if (!box) return;
    box.checked = !box.checked;
    tellCount();
  }

  function claim() {
    const taker = rows[current()] && find("claim", rows[current()]);
    if (taker) taker.click();
  }

  const keys = {
    "/": () => find("search").focus(),
    j: () => move(current() + 1),
    k: () => move(current() - 1),
    x: pick,
    c: claim,
    "?": () => dialog.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea, dialog[open]");
    if (event.key === "Escape" && typing === find("search")) event.target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const act = Object.hasOwn(keys, event.key) && keys[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  });

  rows.forEach((row, place) => {
    row.addEventListener("focusin", () => {
      rows.forEach((one) => one.removeAttribute("aria-current"));
      rows[place].setAttribute("aria-current", "true");
    });
    find("pick", row).addEventListener("change", tellCount);
  });
  button.hidden = false;
  button.addEventListener("click", () => dialog.showModal());
  tellCount();
})();
