// The countdown of a revealed page, the dialog that asks before a reveal, filters, copying, times and keys.
document.addEventListener("DOMContentLoaded", () => {
  const banner = document.querySelector("[data-hide-after]");
  if (banner) { countDown(banner); }

  const dialog = document.querySelector("dialog[data-reveal]");
  document.querySelectorAll("[data-open-reveal]").forEach((button) => button.addEventListener("click", () => dialog.showModal()));
  document.querySelectorAll("[data-close-dialog]").forEach((button) => button.addEventListener("click", () => dialog.close()));
  document.querySelectorAll("select[data-submit]").forEach((select) => {
    select.addEventListener("change", () => select.form.requestSubmit());
  });
  document.querySelectorAll("[data-copy]").forEach((button) => {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.classList.add("tv-copied");
      setTimeout(() => button.classList.remove("tv-copied"), 1500);
    });
  });
  document.addEventListener("keydown", walkMessages);
  localTimes(document);
  document.body.addEventListener("htmx:load", (event) => localTimes(event.target));
});

// Times stand in UTC; the local one is shown on hover.
function localTimes(root) {
  root.querySelectorAll("time[datetime]").forEach((time) => {
    time.title = new Date(time.dateTime).toLocaleString(document.documentElement.lang || undefined, { dateStyle: "medium", timeStyle: "long" });
  });
}

// Hides the source when its time is over, and whenever the page is left or comes back from the browser's memory.
function countDown(banner) {
  const ends = Date.now() + Number(banner.dataset.hideAfter) * 1000;
  const clock = banner.querySelector("[data-clock]");
  const empty = () => document.querySelectorAll("[data-content]").forEach((part) => part.replaceChildren());
  const hide = () => { clearInterval(timer); empty(); window.location.replace(banner.dataset.back); };
  const timer = setInterval(() => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    clock.textContent = String(Math.max(left, 0));
    if (left <= 0) { hide(); }
  }, 250);
  banner.querySelector("[data-hide]").addEventListener("click", (event) => { event.preventDefault(); hide(); });
  window.addEventListener("pagehide", empty);
  window.addEventListener("pageshow", (event) => { if (event.persisted) { hide(); } });
}

// j and k go to the next and the previous message.
function walkMessages(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !["j", "k"].includes(event.key)) { return; }
  if (event.target.closest("input, select, textarea, dialog")) { return; }
  const messages = [...document.querySelectorAll(".tv-message")];
  const at = messages.indexOf(document.activeElement);
  const next = messages[event.key === "j" ? at + 1 : at - 1];
  if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
}

// The text that a form wrote is where writing by hand begins; a part that checks says so when it was asked too often.
document.addEventListener("change", (event) => {
  const written = document.querySelector("[data-written]"), hand = document.querySelector(".tv-by-hand textarea");
  if (event.target.name === "writing" && event.target.value !== "form" && written) { hand.value = written.textContent; }
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.target.matches("[data-check]") && [429, 503].includes(event.detail.xhr.status)) { event.detail.shouldSwap = true; }
});

// ? lists the shortcuts, / goes to the filter of the page.
document.addEventListener("DOMContentLoaded", () => {
  const list = document.querySelector("dialog[data-shortcuts]");
  if (!list) { return; }
  document.querySelectorAll("[data-open-shortcuts]").forEach((button) => button.addEventListener("click", () => list.showModal()));
  list.querySelector("[data-close-shortcuts]").addEventListener("click", () => list.close());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog[open]")) { return; }
    const filter = document.querySelector("[data-filter], .tv form[method=get] :is(input:not([type=hidden]), select)");
    if (event.key === "?") { event.preventDefault(); list.showModal(); }
    if (event.key === "/" && filter) { event.preventDefault(); filter.focus(); }
  });
});

// A copy of a revealed message comes from the server, which puts it on the record first; no right, no text.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy-source]");
  if (!button) { return; }
  const form = document.getElementById("copying"), given = new FormData(form);
  given.append("message", button.dataset.copySource);
  const answer = await fetch(form.action, { method: "POST", body: given, cache: "no-store", credentials: "same-origin" });
  if (answer.ok) { await navigator.clipboard.writeText(await answer.text()); }
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  said.textContent = answer.ok ? button.dataset.copied : button.dataset.refused;
  button.after(said);
  setTimeout(() => said.remove(), 4000);
});

// What is selected in a text fills the place of the form, in characters as Python counts them.
document.addEventListener("selectionchange", () => {
  const text = document.activeElement;
  if (!text?.matches?.("textarea[data-leaf]") || text.selectionStart === text.selectionEnd) { return; }
  const at = (end) => String(Array.from(text.value.slice(0, end)).length);
  text.form.elements.leaf.value = text.dataset.leaf;
  text.form.elements.start.value = at(text.selectionStart);
  text.form.elements.end.value = at(text.selectionEnd);
});

// A text to select in takes the caret, so that it can be walked by keyboard, and takes no change.
document.addEventListener("beforeinput", (event) => {
  if (event.target.matches?.("textarea[data-leaf]")) { event.preventDefault(); }
});
