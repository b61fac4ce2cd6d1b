/* A large file is sent in parts, and goes on after an interruption. Without this the form sends it whole. */
"use strict";
(() => {
  const form = document.querySelector("[data-parts]");
  if (!form || !window.fetch) return;
  const place = form.querySelector("[data-progress]");
  const bar = place.querySelector("progress");
  const told = place.querySelector("[data-told]");
  const button = form.querySelector("button");
  const TRIES = 8; // of one part, with longer pauses
  const token = form.elements.csrf_token.value;

  const recall = (name) => { try { return localStorage.getItem(name); } catch { return ""; } };
  const remember = (name, ref) => { try { localStorage.setItem(name, ref); } catch { /* it begins anew next time */ } };
  const mega = (bytes) => (bytes / (1 << 20)).toFixed(1);
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const ask = async (path, body, headers = {}) => {
    const answer = await fetch(path, { method: "POST", body, headers: { "X-CSRFToken": token, Accept: "application/json", ...headers } });
    return [answer.status, await answer.json().catch(() => ({}))];
  };

  async function sendPart(path, file, start, size) {
    for (let number = 0; number < TRIES; number += 1) {
      try {
        const piece = file.slice(start, start + size);
        const [status, said] = await ask(path, piece, { "Upload-Offset": String(start), "Content-Type": "application/partial-upload" });
        if (status === 200 || status === 409) return said.received;
        if (status < 500) throw new Error("refused");
      } catch (error) {
        if (error.message === "refused") throw error;
      }
      told.textContent = place.dataset.again;
      await pause(500 * 2 ** number);
    }
    throw new Error("lost");
  }

  async function send(file) {
    const body = new FormData();
    body.append("filename", file.name);
    body.append("size", file.size);
    const kind = form.elements.kind.value;
    body.append("kind", kind);
    const name = `redress ${kind} ${file.name} ${file.size} ${file.lastModified}`; // a file that was changed is another
    body.append("ref", recall(name) || "");
    const [status, begun] = await ask(form.dataset.parts, body);
    if (status !== 200) throw new Error(begun.error || "refused");
    remember(name, begun.ref);
    const own = `${form.dataset.parts.replace(/begin$/, "")}${begun.ref}`;
    let sent = begun.received;
    bar.max = file.size;
    while (sent < file.size) {
      bar.value = sent;
      told.textContent = `${Math.floor((100 * sent) / file.size)} % (${mega(sent)} / ${mega(file.size)} MB)`;
      sent = await sendPart(`${own}/parts`, file, sent, begun.part);
    }
    bar.value = file.size;
    const [closed, said] = await ask(`${own}/close`, new FormData());
    if (closed !== 200) throw new Error("refused");
    window.location.assign(said.page);
  }

  form.addEventListener("submit", (event) => {
    const file = form.elements.file.files[0];
    if (!file || file.size < Number(form.dataset.from)) return; // the form sends what is small
    event.preventDefault();
    button.disabled = true;
    place.hidden = false;
    send(file).catch((error) => {
      told.textContent = ["lost", "refused"].includes(error.message) ? place.dataset.lost : error.message;
      button.disabled = false;
    });
  });
})();
