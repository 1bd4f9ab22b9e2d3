// The countdown of a revealed page, and the dialog that asks before a reveal.
document.addEventListener("DOMContentLoaded", () => {
  const banner = document.querySelector("[data-hide-after]");
  if (banner) {
    let left = Number(banner.dataset.hideAfter);
    const clock = banner.querySelector("[data-clock]");
    const hide = () => window.location.replace(banner.dataset.back);
    const timer = setInterval(() => {
      left -= 1;
      clock.textContent = String(left);
      if (left <= 0) { clearInterval(timer); hide(); }
    }, 1000);
    banner.querySelector("[data-hide]").addEventListener("click", hide);
    window.addEventListener("pageshow", (event) => { if (event.persisted) { hide(); } });
  }
  const dialog = document.querySelector("dialog[data-reveal]");
  document.querySelectorAll("[data-open-reveal]").forEach((button) => {
    button.addEventListener("click", () => dialog.showModal());
  });
  document.querySelectorAll("[data-close-dialog]").forEach((button) => {
    button.addEventListener("click", () => dialog.close());
  });
  document.querySelectorAll("select[data-submit]").forEach((select) => {
    select.addEventListener("change", () => select.form.requestSubmit());
  });
});
