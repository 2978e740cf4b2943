/* One selector for the figures of a page: each is drawn anew for the grid a reader chooses.
 *
 * All values stand in the page, as helpers.charts.ByGrid wrote them; here they are only drawn.
 * Nothing is fetched. Without this file the page shows the figures of one grid.
 */
(function (root) {
  "use strict";

  /* Where a picture is shown: in the figure of its name, or below the box where there is none. */
  function placeOf(box, name) {
    const figure = document.getElementById(name.replace(/[^\w-]+/g, "-"));
    const place = charts.make("div", { class: "grids-picture" });
    if (figure) {
      const words = figure.querySelector("figcaption");
      figure.classList.add("grids-drawn");
      if (words) words.before(place); else figure.append(place);
    } else box.append(place);
    return { figure: figure, place: place };
  }

  function setUp(box) {
    if (box.dataset.ready) return; // a page may bring this script more than once
    box.dataset.ready = "yes";
    const form = box.querySelector("form"), field = form.querySelector("[name=zone]");
    const said = form.querySelector(".grids-said");
    form.hidden = false;
    let told;
    try {
      told = JSON.parse(box.querySelector(".grids-data").textContent);
      if (!told.zones[told.chosen].pictures.length) throw new Error("no pictures");
    } catch (broken) {
      field.disabled = true;
      said.textContent = "The values of the grids in this page are broken. Load the page again; until then its figures show one grid.";
      return;
    }
    const zones = [...field.options].map((option) => option.value).filter((zone) => told.zones[zone]);
    const places = told.zones[told.chosen].pictures.map((picture) => placeOf(box, picture.name));

    // The bar stays in sight while one reads: it goes before the first section,
    // where the whole page is its parent.
    let top = box.closest("section");
    while (top && top.parentNode.closest("section")) top = top.parentNode.closest("section");
    const first = top && top.querySelector(":scope > section");
    if (first) first.before(form);

    const drawAll = (redraw) => {
      const zone = told.zones[field.value];
      zone.pictures.forEach((picture, n) => redraw(picture, places[n], zone));
    };

    function fill(picture, at, zone) {
      at.place.replaceChildren(charts.make("p", { class: "grids-place" }, zone.place));
      const row = at.place.appendChild(charts.make("div", { class: "grids-charts" }));
      picture.charts.forEach((chart) => {
        const part = row.appendChild(charts.make("div", {}));
        part.append(charts.make("p", { class: "chart-title" }, chart.title));
        part.append(charts.legend(chart, told.colors));
        charts.draw(part, "svg", { role: "img", class: "chart",
          "aria-label": zone.place + ": " + chart.title + ". " + picture.said });
      });
      at.place.append(charts.make("p", { class: "grids-words" }, picture.said));
      const fold = at.place.appendChild(charts.make("details", {}));
      fold.append(charts.make("summary", {}, "The values of " + zone.place + " as a table"));
      const scroll = fold.appendChild(charts.make("div", { class: "grids-table", tabindex: "0", role: "region",
        "aria-label": "Values of the figure for " + zone.place }));
      fold.addEventListener("toggle", () => {
        if (fold.open && !scroll.firstChild) scroll.append(...picture.charts.map(charts.table));
      });
      offer(picture, at, zone);
    }

    /* What the figure offers as data is what it shows. */
    function offer(picture, at, zone) {
      const link = at.figure && at.figure.querySelector(".take a[href$='.csv'], .take a[download]");
      if (!link) return;
      link.href = "data:text/csv;charset=utf-8," + encodeURIComponent(charts.csv(picture.charts));
      link.download = picture.name.replace(/^fig:/, "") + "-" + field.value + ".csv";
      link.title = "data (CSV) of this figure for " + zone.place;
    }

    const size = (picture, at) => at.place.querySelectorAll("svg.chart").forEach((svg, n) =>
      charts.chart(svg, picture.charts[n], told.colors));

    function show(aloud) {
      drawAll((picture, at, zone) => { fill(picture, at, zone); size(picture, at); });
      const zone = told.zones[field.value];
      said.textContent = zone.said;
      box.dataset.zone = field.value;
      if (aloud) {
        const address = new URL(root.location.href);
        address.searchParams.set("zone", field.value);
        root.history.replaceState(null, "", address);
        charts.kept.keep(field.value);
      }
    }

    /* The address wins over what was chosen before, and that over the page's own grid. */
    const asked = new URLSearchParams(root.location.search).get("zone");
    field.value = zones.includes(asked) ? asked : charts.kept.read(zones) || told.chosen;
    field.addEventListener("change", () => show(true));
    let wide = document.documentElement.clientWidth;
    root.addEventListener("resize", () => {
      if (wide === document.documentElement.clientWidth) return; // a phone's bar came or went
      wide = document.documentElement.clientWidth;
      drawAll(size);
    });
    show(false);
  }

  const charts = root.cleanCharts;
  const begin = () => document.querySelectorAll(".grids").forEach(setUp);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})(window);
