/* A button that copies a text. Without this it is not shown. */
"use strict";
document.querySelectorAll("[data-copy]").forEach((button) => {
  if (!navigator.clipboard) return; // a connection that is not secure has none
  button.classList.remove("d-none");
  button.addEventListener("click", async () => {
    const told = button.parentElement.parentElement.querySelector("[data-copied]");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      told.textContent = button.dataset.done;
    } catch {
      told.textContent = button.dataset.failed;
    }
  });
});
