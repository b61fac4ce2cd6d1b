// The keys of the worklist, and of what is opened from it. Everything can be done without them.
"use strict";

(() => {
  const find = (name, place = document) => place.querySelector(`[data-desk="${name}"]`);
  const rows = [...document.querySelectorAll('[data-desk="row"]')];
  const list = document.getElementById("desk");
  const dialog = document.getElementById("keys");
  const button = document.getElementById("keys-button");
  const count = find("count");
  const next = find("next");
  const PLACE = "redress.place"; // of the row that was current when the list was sent

  const current = () => rows.findIndex((row) => row.hasAttribute("aria-current"));
  const refOf = (row) => find("pick", row).value;

  function mark(row) {
    rows.forEach((one) => one.removeAttribute("aria-current"));
    row.setAttribute("aria-current", "true");
  }

  function move(to) {
    if (!rows.length) return;
    const row = rows[Math.min(Math.max(to, 0), rows.length - 1)];
    mark(row);
    row.querySelector("a").focus({ preventScroll: true }); // Enter opens it, as any link
    row.scrollIntoView({ block: "nearest" });
  }

  // A list that was sent comes back drawn anew: the same row is current, or what stands there now.
  function keepPlace(event) {
    const own = event.submitter && event.submitter.closest('[data-desk="row"]');
    const at = own ? rows.indexOf(own) : current();
    if (at < 0) return;
    const kept = { list: list.elements.back.value, ref: refOf(rows[at]), at };
    sessionStorage.setItem(PLACE, JSON.stringify(kept));
  }

  function findPlace() {
    const kept = JSON.parse(sessionStorage.getItem(PLACE));
    sessionStorage.removeItem(PLACE);
    if (!kept || kept.list !== list.elements.back.value) return;
    const same = rows.findIndex((row) => refOf(row) === kept.ref);
    move(same < 0 ? kept.at : same);
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

  const keys = {};
  if (list) {
    Object.assign(keys, {
      "/": () => find("search").focus(),
      j: () => move(current() + 1),
      k: () => move(current() - 1),
      x: pick,
      c: claim,
      "?": () => dialog.showModal(),
    });
  }
  if (next) keys.n = () => next.click();

  // What a key means: a Chinese keyboard writes ？ and 、 where another has ? and /, and ｊ for j.
  function meant(event) {
    const key = event.key.normalize("NFKC");
    const isOther = event.key.length === 1 && event.key > "~";
    if (isOther && !Object.hasOwn(keys, key) && (key === "、" || event.code === "Slash")) {
      return event.shiftKey ? "?" : "/";
    }
    return key;
  }

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // it goes to an input method
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea, dialog[open]");
    if (event.key === "Escape" && typing && typing === find("search")) event.target.blur();
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = meant(event);
    if (Object.hasOwn(keys, key)) {
      event.preventDefault();
      keys[key]();
    }
  });

  rows.forEach((row) => {
    row.addEventListener("focusin", () => mark(row));
    find("pick", row).addEventListener("change", tellCount);
  });
  if (next) next.insertAdjacentHTML("beforeend", " <kbd>n</kbd>");
  if (list) {
    button.hidden = false;
    button.addEventListener("click", () => dialog.showModal());
    list.addEventListener("submit", keepPlace);
    tellCount();
    findPlace();
  }
})();
