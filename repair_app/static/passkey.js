/* Asks the browser for a passkey and sends its answer. handleRegister and handleSignin are
   Flask-Security's (fs-static/js/webauthn.js). */
"use strict";
document.querySelectorAll("[data-passkey]").forEach(async (form) => {
  const ask = form.dataset.passkey === "register" ? handleRegister : handleSignin;
  const answer = await ask(form.dataset.options);
  if (answer.credential) {
    form.elements.credential.value = answer.credential;
    form.submit();
  } else {
    form.querySelector("[data-failed]").classList.remove("d-none");
  }
});
