/* Figures shown large, numbers that say what they are, folds that open where a link leads.
   Without this script each link still leads to a page that says the same. */
(() => {
  "use strict";

  const make = (name, attributes = {}, ...inner) => {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    element.append(...inner);
    return element;
  };

  // --- a number's card: what it is, about what, from where, and how to take it along ---------

  let card = null;
  let opener = null;

  const close = (back) => {
    if (!card) return;
    card.remove();
    card = null;
    if (back) opener.focus();
  };

  const copy = (text, said) => {
    const done = () => { said.textContent = "copied"; };
    const by_hand = () => {
      const field = make("textarea", { readonly: "" }, text);
      card.append(field);
      field.select();
      const worked = document.execCommand("copy");
      if (worked) { field.remove(); done(); } else { said.textContent = "copy the selected text"; }
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, by_hand);
    else by_hand();
  };

  const open = (number) => {
    close(false);
    opener = number;
    const { claim, value, meaning, interval, scope, cell, row } = number.dataset;
    const said = make("span", { role: "status", class: "said" });
    const button = (label, text) => {
      const element = make("button", { type: "button" }, label);
      element.addEventListener("click", () => copy(text, said));
      return element;
    };
    const line = (text, kind) => (text ? [make("p", { class: kind }, text)] : []);
    const links = make("p", { class: "links" });
    const away = number.getAttribute("href");
    if (away && away !== row) links.append(make("a", { href: away }, "what qualifies it"), " · ");
    if (cell) links.append(make("a", { href: cell }, "the cell that made it"), " · ");
    if (row) links.append(make("a", { href: row }, "in the table of all"));
    const macro = `\\cleanhours{${claim}}`;
    card = make("div", { class: "num-card", role: "dialog", "aria-label": `About ${value}`, tabindex: "-1" },
      make("p", { class: "value" }, value),
      ...line(interval, "interval"), ...line(meaning, "meaning"), ...line(scope, "scope"), links,
      make("p", { class: "copies" }, button("copy the value", value), " ",
        button("copy for LaTeX", macro), " ", said),
      make("code", {}, macro));
    document.body.append(card);
    const at = number.getBoundingClientRect();
    const room = document.documentElement.clientWidth - card.offsetWidth - 8;
    card.style.left = `${window.scrollX + Math.max(8, Math.min(at.left, room))}px`;
    card.style.top = `${window.scrollY + at.bottom + 6}px`;
    card.focus({ preventScroll: true });
  };

  document.addEventListener("click", (event) => {
    const number = event.target.closest(".num[data-claim]");
    if (number && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      open(number);
    } else if (card && !card.contains(event.target)) close(false);
    else if (card && event.target.closest("a")) close(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close(true);
  });
  document.addEventListener("focusin", (event) => {
    if (card && !card.contains(event.target) && event.target !== opener) close(false);
  });

  // --- figures, large -----------------------------------------------------------------------

  const enlarge = (image) => {
    const large = make("img", { src: image.currentSrc || image.src, alt: image.alt });
    const shut = make("button", { type: "button", "aria-label": "Close the figure" }, "×");
    const dialog = make("dialog", { class: "large-figure", "aria-label": "Figure, enlarged" }, shut,
      make("div", { tabindex: "0", role: "group", "aria-label": "The figure; scroll to see all of it" }, large));
    shut.addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };

  const offer = () => {
    document.querySelectorAll(".bd-article figure img").forEach((image) => {
      if (image.closest("a")) return;
      const link = make("a", { href: image.src, class: "enlarge", "aria-label": `Enlarge: ${image.alt}` });
      image.replaceWith(link);
      link.append(image);
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        enlarge(image);
      });
    });
  };

  // --- tables of results: a short entry stays on its line -------------------------------------

  const MOST_IN_A_LINE = 36; // characters
  const keepShort = () => {
    document.querySelectorAll("table.results td").forEach((cell) => {
      if (cell.textContent.length <= MOST_IN_A_LINE) cell.classList.add("short");
    });
  };

  // --- a link to a cell opens its fold --------------------------------------------------------

  const unfold = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.classList.contains("cell")) return;
    target.querySelectorAll("details").forEach((fold) => { fold.open = true; });
    target.scrollIntoView();
  };

  // --- the table of all numbers, filtered -------------------------------------------------------

  const filter = () => {
    const tables = [...document.querySelectorAll("table.numbers")].filter((t) => t.querySelector("tr[id^=number-]"));
    if (!tables.length) return;
    const field = make("input", { type: "search", id: "numbers-filter", autocomplete: "off" });
    const count = make("span", { role: "status" });
    const form = make("p", { class: "numbers-filter" },
      make("label", { for: "numbers-filter" }, "Show numbers that speak of "), field, " ", count);
    tables[0].closest("section").before(form);
    const rows = tables.flatMap((table) => [...table.querySelectorAll("tr[id^=number-]")]);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const show = () => {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      rows.forEach((row, i) => {
        row.hidden = !words.every((word) => texts[i].includes(word));
        left += !row.hidden;
      });
      tables.forEach((table) => {
        table.closest("section").hidden = !table.querySelector("tr[id^=number-]:not([hidden])");
      });
      count.textContent = words.length ? `${left} of ${rows.length}` : "";
    };
    field.addEventListener("input", show);
  };

  const start = () => { offer(); keepShort(); filter(); unfold(); };
  window.addEventListener("hashchange", unfold);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
