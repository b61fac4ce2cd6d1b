/* Forms keep what is typed, and upload files as they are chosen. Without this they work by buttons. */
"use strict";
(() => {
  const WAIT = 1200; // milliseconds without a key before what was typed is kept
  const NEAR_END = 200; // letters of a long text

  const value = (form, name) => (form.elements[name] || {}).value || "";

  function keepTyped(form) {
    const told = form.querySelector("[data-kept]");
    const own = new Set(["csrf_token", "staged", "evidence"]);
    let timer = 0;
    let sent = false;
    let dirty = false;

    async function keep() {
      clearTimeout(timer);
      if (sent || !dirty) return;
      dirty = false;
      const body = new FormData();
      body.append("csrf_token", value(form, "csrf_token"));
      for (const [name, text] of new FormData(form)) {
        const field = form.querySelector(`[name="${CSS.escape(name)}"]`);
        if (own.has(name) || typeof text !== "string" || (field && field.type === "password")) continue;
        body.append(name, text);
      }
      try {
        const answer = await fetch(form.dataset.keep, {
          method: "POST", body, keepalive: true, headers: { Accept: "application/json" },
        });
        const said = await answer.json();
        told.textContent = said.told || said.error;
      } catch {
        told.textContent = form.dataset.notKept;
      }
    }

    const note = (event) => {
      if (event.target.type === "file") return;
      dirty = true;
      clearTimeout(timer);
      timer = setTimeout(keep, WAIT);
    };
    form.addEventListener("input", note);
    form.addEventListener("change", note);
    form.addEventListener("submit", (event) => { if (!event.defaultPrevented) { sent = true; clearTimeout(timer); } });
    window.addEventListener("pagehide", keep);
    window.addEventListener("pageshow", () => { sent = false; });
  }

  function uploadFiles(form, place) {
    const input = place.querySelector("input[type=file]");
    const list = place.querySelector("[data-files]");
    const told = place.querySelector("[data-told]");
    let running = 0;
    let pressed = null; // the button that was pressed while files were on their way

    place.querySelector("[data-drop-hint]").classList.remove("d-none");
    const showButtons = () => list.querySelectorAll("[data-remove]").forEach((one) => one.classList.remove("d-none"));
    showButtons();

    function send(file) {
      const row = document.createElement("li");
      const name = document.createElement("span");
      const bar = document.createElement("progress");
      name.className = "grow";
      name.textContent = `${place.dataset.uploading} ${file.name}`;
      bar.max = 100;
      bar.value = 0;
      bar.setAttribute("aria-label", name.textContent);
      row.append(name, bar);
      list.append(row);
      running += 1;

      const body = new FormData();
      body.append("csrf_token", value(form, "csrf_token"));
      body.append("draft_page", value(form, "draft_page"));
      body.append("evidence", file);
      const request = new XMLHttpRequest();
      request.open("POST", place.dataset.upload);
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) bar.value = (100 * event.loaded) / event.total;
      });
      request.addEventListener("loadend", () => {
        running -= 1;
        let said = {};
        try { said = JSON.parse(request.responseText); } catch { /* no answer of ours */ }
        if (said.item) {
          const made = document.createElement("template");
          made.innerHTML = said.item.trim();
          row.replaceWith(made.content);
          showButtons();
          told.textContent = `${place.dataset.done} ${file.name}`;
        } else {
          bar.remove();
          name.className = "invalid-feedback d-block";
          name.setAttribute("role", "alert");
          name.textContent = said.error || `${file.name}: ${place.dataset.failed}`;
          pressed = null;
        }
        if (!running && pressed) form.requestSubmit(pressed.form ? pressed : undefined);
      });
      request.send(body);
    }

    function take(files) {
      list.querySelectorAll("li:not(.staged) .invalid-feedback").forEach((one) => one.parentElement.remove());
      [...files].forEach(send);
    }

    input.addEventListener("change", () => {
      take(input.files);
      input.value = "";
    });
    place.addEventListener("dragover", (event) => { event.preventDefault(); place.classList.add("over"); });
    place.addEventListener("dragleave", () => place.classList.remove("over"));
    place.addEventListener("drop", (event) => {
      event.preventDefault();
      place.classList.remove("over");
      take(event.dataTransfer.files);
    });
    list.addEventListener("click", async (event) => {
      const button = event.target.closest("[data-remove]");
      if (!button) return;
      const body = new FormData();
      body.append("csrf_token", value(form, "csrf_token"));
      button.closest("li").remove();
      told.textContent = place.dataset.removed;
      input.focus();
      await fetch(button.dataset.remove, { method: "POST", body, keepalive: true }).catch(() => {});
    });
    form.addEventListener("submit", (event) => {
      if (!running) return;
      event.preventDefault();
      pressed = event.submitter || form;
    });
  }

  // The entries of the record are asked for where the ground of an objection is about them.
  function followGround(entries) {
    const ground = entries.closest("form").elements.ground;
    const corrected = entries.dataset.corrects.split(" ");
    ground.addEventListener("change", () => {
      const typed = [...entries.querySelectorAll("input, textarea")].some((one) => one.value);
      entries.open = typed || corrected.includes(ground.value);
    });
  }

  document.querySelectorAll("[data-corrects]").forEach(followGround);
  // What was proposed is filled in without asking the server for it.
  function adopt(button) {
    button.addEventListener("click", (event) => {
      event.preventDefault();
      const fields = Object.entries(JSON.parse(button.dataset.adopt)).map(([name, text]) => {
        const field = button.form.elements[name];
        field.value = text;
        return field;
      });
      fields.forEach((field) => field.dispatchEvent(new Event("input", { bubbles: true })));
      fields[0].focus();
    });
  }

  // What an amount in 10k yuan is in yuan, and whether it is a thousand times off the record's.
  function tellYuan(place) {
    const { rate, farOff } = place.dataset;
    const doubt = place.querySelector("[data-doubt]"); // none where the record says no amount
    const field = document.getElementById(place.dataset.yuan);
    const amountOf = (text) => {
      const plain = text.normalize("NFKC").replace(/[\s,¥]|万元?$/g, "");
      return /^\d+(\.\d*)?$/.test(plain) ? Number(plain) : null;
    };
    const recorded = amountOf(place.dataset.recorded);
    const tell = () => {
      const typed = amountOf(field.value);
      const yuan = typed === null ? "" : (typed * rate).toLocaleString("en-US");
      place.querySelector("[data-means]").textContent = yuan && place.dataset.says.replace("{}", yuan);
      if (!doubt) return;
      const [small, great] = [typed, recorded].sort((one, other) => one - other);
      doubt.hidden = !(small > 0 && great >= farOff * small);
    };
    field.addEventListener("input", tell);
    tell();
  }

  // How much room is left in a long text, near its end; and what of a paste found no room.
  function tellRoom(field) {
    const { roomLeft, cutOff } = field.form.dataset;
    const told = document.createElement("p");
    told.className = "basis mb-0";
    told.setAttribute("role", "status");
    field.after(told);
    let cut = 0;
    const tell = () => {
      const left = field.maxLength - field.value.length;
      const said = [cut && cutOff.replace("{}", cut), left <= NEAR_END && roomLeft.replace("{}", left)];
      told.textContent = said.filter(Boolean).join(" ");
    };
    field.addEventListener("paste", (event) => {
      const pasted = event.clipboardData.getData("text").replaceAll("\r\n", "\n").length;
      const stays = field.value.length - (field.selectionEnd - field.selectionStart);
      cut = Math.max(0, stays + pasted - field.maxLength);
      setTimeout(tell); // a full field takes nothing and says nothing
    });
    field.addEventListener("input", (event) => {
      if (event.inputType !== "insertFromPaste") cut = 0;
      tell();
    });
    tell();
  }

  // Whoever comes to change one answer finds the cursor there, in whatever fold it lies. The
  // address forgets it again: after a refusal the cursor belongs to what is wrong.
  function goToField() {
    const field = document.getElementById(location.hash.slice(1));
    if (!field || !field.matches("input, select, textarea")) return;
    for (let fold = field.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    field.scrollIntoView({ block: "center" });
    field.focus();
    history.replaceState(null, "", location.pathname + location.search);
  }

  document.querySelectorAll("[data-adopt]").forEach(adopt);
  document.querySelectorAll("[data-cut-off] textarea[maxlength]").forEach(tellRoom);
  document.querySelectorAll("[data-yuan]").forEach(tellYuan);
  goToField();
  document.querySelectorAll("form[data-keep]").forEach((form) => {
    form.querySelectorAll("[data-upload]").forEach((place) => uploadFiles(form, place));
    keepTyped(form);
  });
})();
