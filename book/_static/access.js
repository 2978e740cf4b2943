/* What the theme leaves out for readers who listen or type: names and landmarks. */
document.addEventListener("DOMContentLoaded", () => {
  // A button or a fold that says what it does needs no second, different name.
  document.querySelectorAll("button[aria-label], summary[aria-label]").forEach((element) => {
    if (element.textContent.trim()) element.removeAttribute("aria-label");
  });
  document.querySelectorAll("button.theme-switch-button").forEach((button) =>
    button.setAttribute("aria-label", "Color mode: Light, Dark or System Settings"));
  document.querySelectorAll(".bd-sidebar-primary details > summary").forEach((summary) => {
    const link = summary.closest("li").querySelector("a");
    summary.setAttribute("aria-label", "Pages under " + (link ? link.textContent.trim() : "this one"));
  });
  document.querySelectorAll(".bd-sidebar-primary").forEach((bar) => {
    if (!bar.getAttribute("role")) {
      bar.setAttribute("role", "navigation");
      bar.setAttribute("aria-label", "Book");
    }
  });
  document.querySelectorAll(".citation-list, .citation").forEach((e) => e.removeAttribute("role"));
});
