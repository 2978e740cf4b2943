/* What every drawing of the book's pages stands on: SVG, axes, lines, and the grid a reader chose.
 *
 * `chart` draws what helpers.charts.Chart says; explore.js and grids.js build their own upon the
 * parts. Colours come from the style sheet, or from the data by their meaning. Nothing is fetched.
 */
(function (root) {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const KEY = "clean-hours-zone";

  function draw(parent, tag, attributes, text) {
    const element = document.createElementNS(SVG, tag);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    parent.appendChild(element);
    return element;
  }

  /* As wide as it is shown, so that its text keeps one size from a phone to a desk. */
  const width = (svg) => Math.max(280, Math.min(760, svg.clientWidth || 720));

  /* Round numbers from low to high, at most so many. */
  function ticks(low, high, most) {
    const rough = (high - low) / Math.max(1, most - 1), ten = Math.pow(10, Math.floor(Math.log10(rough)));
    const step = [1, 2, 5, 10].map((n) => n * ten).find((one) => one >= rough * (1 - 1e-9));
    const found = [];
    for (let n = Math.ceil(low / step - 1e-9); n * step <= high + 1e-9 * step; n++) {
      found.push([n * step, String(Number((n * step).toPrecision(6)))]);
    }
    return found;
  }

  /* From a value to its place: {low, high, log or root} onto from..to. */
  function scale(axis, from, to) {
    const bend = axis.log ? Math.log : axis.root ? Math.sqrt : (v) => v;
    const low = bend(axis.low), span = bend(axis.high) - low || 1;
    return (value) => from + (to - from) * (bend(value) - low) / span;
  }

  /* Axes of a chart: rules, ticks, labels. Gives the scales {x, y}. A tick is [value, text, class];
   * one without text is a rule alone. Ticks of x that would touch the one before say nothing. */
  function frame(svg, box, xAxis, yAxis) {
    const x = scale(xAxis, box.left, box.right), y = scale(yAxis, box.bottom, box.top);
    yAxis.ticks.forEach((tick) => {
      draw(svg, "line", { x1: box.left, x2: box.right, y1: y(tick[0]), y2: y(tick[0]), class: "grid" });
      draw(svg, "text", { x: box.left - 6, y: y(tick[0]) + 4, "text-anchor": "end" }, tick[1]);
    });
    let free = -Infinity;
    xAxis.ticks.forEach((tick) => {
      const at = x(tick[0]), wide = 3.9 * (tick[1] || "").length + 4;
      if (tick[2] !== undefined) {
        draw(svg, "line", { x1: at, x2: at, y1: box.top, y2: box.rules || box.bottom, class: tick[2] });
      }
      if (!tick[1] || at - wide < free || at + Math.min(wide, 36) > box.width + 4) return;
      free = at + wide;
      draw(svg, "text", { x: at, y: (box.rules || box.bottom) + 18, "text-anchor": "middle" }, tick[1]);
    });
    draw(svg, "text", { x: 4, y: box.top - 8, class: "unit" }, yAxis.label);
    const right = box.labelled === "end";
    draw(svg, "text", { x: right ? box.right : (box.left + box.right) / 2, y: box.height - 3,
      "text-anchor": right ? "end" : "middle", class: "unit" }, xAxis.label);
    return { x: x, y: y };
  }

  /* Points [x, y] on scales as a path; in steps each y holds up to the next x. null breaks it. */
  function path(points, at, steps) {
    let d = "", open = false;
    points.forEach((point) => {
      if (point[0] === null || point[1] === null) { open = false; return; }
      const x = at.x(point[0]).toFixed(1), y = at.y(point[1]).toFixed(1);
      d += !open ? "M" + x + " " + y : steps ? "H" + x + "V" + y : "L" + x + " " + y;
      open = true;
    });
    return d;
  }

  const MARKS = [
    (x, y) => "M" + (x - 3.2) + " " + y + "a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0",
    (x, y) => "M" + (x - 3) + " " + (y - 3) + "h6v6h-6z",
    (x, y) => "M" + x + " " + (y - 4) + "l3.8 6.6h-7.6z",
    (x, y) => "M" + x + " " + (y - 4) + "l4 4l-4 4l-4 -4z",
    (x, y) => "M" + x + " " + (y + 4) + "l3.8 -6.6h-7.6z",
    (x, y) => "M" + (x - 1.2) + " " + (y - 4) + "h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8v-2.4h2.8z",
  ];

  const own = (colors, line) => "--own:" + colors[line.color];

  /* A value with its unit's digits, as a table and a hint say it. */
  function said(value) {
    if (value === null) return "\u2013";
    const size = Math.abs(value);
    return value.toFixed(size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2).replace("-", "\u2212");
  }

  /* Draw what helpers.charts.Chart says into an empty SVG. */
  function chart(svg, told, colors) {
    svg.textContent = "";
    const w = width(svg), h = 250;
    svg.setAttribute("viewBox", "0 0 " + w + " " + h);
    const box = { left: 46, right: w - 12, top: 26, bottom: h - 44, height: h, width: w };
    const axis = (one, most) => Object.assign({}, one, { ticks: one.ticks.length ? one.ticks : ticks(one.low, one.high, most) });
    const at = frame(svg, box, axis(told.x, w < 480 ? 6 : 9), axis(told.y, 6));
    told.shaded.forEach((part) => draw(svg, "rect", { x: at.x(part[0]), y: box.top,
      width: at.x(part[1]) - at.x(part[0]), height: box.bottom - box.top, class: "shade", style: "--own:" + colors.green }));
    if (told.level !== null) {
      draw(svg, "line", { x1: box.left, x2: box.right, y1: at.y(told.level), y2: at.y(told.level), class: "level" });
    }
    told.lines.forEach((line) => {
      if (!line.low.length) return;
      const there = line.x.map((x, n) => n).filter((n) => line.low[n] !== null);
      const up = there.map((n) => [line.x[n], line.high[n]]), down = there.map((n) => [line.x[n], line.low[n]]).reverse();
      if (there.length > 1) draw(svg, "path", { d: path(up.concat(down), at) + "Z", class: "band", style: own(colors, line) });
    });
    told.lines.forEach((line, number) => {
      const points = line.x.map((x, n) => [x, line.y[n]]);
      draw(svg, "path", { d: path(points, at, line.steps), class: "line " + line.dash, style: own(colors, line) });
      if (line.steps) return;
      points.forEach((point, n) => {
        if (point[1] === null) return;
        const mark = draw(svg, "path", { d: MARKS[number % MARKS.length](at.x(point[0]), at.y(point[1])),
          class: "mark", style: own(colors, line) });
        const ends = line.low.length ? " (" + said(line.low[n]) + " to " + said(line.high[n]) + ")" : "";
        draw(mark, "title", {}, line.name + ": " + said(point[1]) + ends);
      });
    });
  }

  function make(tag, attributes, text) {
    const element = document.createElement(tag);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    return element;
  }

  /* What the lines of a chart are, each with a piece of itself. */
  function legend(told, colors) {
    const list = make("ul", { class: "chart-legend" });
    told.lines.forEach((line, number) => {
      const item = list.appendChild(make("li", {}));
      const key = draw(item, "svg", { viewBox: "0 0 30 12", width: 30, height: 12, "aria-hidden": "true" });
      draw(key, "path", { d: "M1 6H29", class: "line " + line.dash, style: own(colors, line) });
      if (!line.steps) draw(key, "path", { d: MARKS[number % MARKS.length](15, 6), class: "mark", style: own(colors, line) });
      item.append(line.name);
    });
    if (told.shaded.length && told.shaded_as) {
      const item = list.appendChild(make("li", {}));
      const key = draw(item, "svg", { viewBox: "0 0 30 12", width: 30, height: 12, "aria-hidden": "true" });
      draw(key, "rect", { x: 1, y: 1, width: 28, height: 10, class: "shade", style: "--own:" + colors.green });
      item.append(told.shaded_as);
    }
    return list;
  }

  /* The values of a chart as rows of text, the first with the columns' names. */
  function rows(told) {
    const cell = (line, n) => said(line.y[n]) + (line.low.length && line.low[n] !== null
      ? " (" + said(line.low[n]) + " to " + said(line.high[n]) + ")" : "");
    const named = new Map(told.x.ticks);
    const first = told.lines[0].x;
    if (told.lines.every((line) => line.x.join() === first.join())) {
      return [[told.x.label, ...told.lines.map((line) => line.name)],
        ...first.map((x, n) => [/[a-z]/i.test(named.get(x) || "") || !named.has(x) ? said(x) : named.get(x),
          ...told.lines.map((line) => cell(line, n))])];
    }
    return [["line", told.x.label, told.y.label],
      ...told.lines.flatMap((line) => line.x.map((x, n) => [line.name, said(x), cell(line, n)]))];
  }

  function table(told) {
    const [head, ...body] = rows(told), made = make("table", {});
    made.append(make("caption", {}, told.title + ", " + told.y.label));
    const top = made.createTHead().insertRow();
    head.forEach((text) => top.append(make("th", { scope: "col" }, text)));
    const inner = made.createTBody();
    body.forEach((cells) => {
      const row = inner.insertRow();
      cells.forEach((text) => { row.insertCell().textContent = text; });
    });
    return made;
  }

  /* The same as comma-separated values: a row a point, with the ends of its interval. */
  function csv(charts) {
    const quoted = (text) => /[",\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
    const lines = [["panel", "x axis", "y axis", "series", "x", "y", "low", "high"]];
    charts.forEach((told) => told.lines.forEach((line) => line.x.forEach((x, n) => lines.push([told.title,
      told.x.label, told.y.label, line.name, x, line.y[n], line.low[n], line.high[n]]))));
    return lines.map((line) => line.map((one) => quoted(one === null || one === undefined ? "" : String(one))).join(",")).join("\n") + "\n";
  }

  /* The grid a reader chose, kept from page to page; a browser that keeps nothing loses nothing. */
  const kept = {
    read: function (zones) {
      let zone = null;
      try { zone = root.localStorage.getItem(KEY); } catch (refused) { /* not allowed to keep */ }
      return zones.includes(zone) ? zone : null;
    },
    keep: function (zone) {
      try { root.localStorage.setItem(KEY, zone); } catch (refused) { /* not allowed to keep */ }
    },
  };

  root.cleanCharts = { draw: draw, make: make, width: width, ticks: ticks, frame: frame, path: path,
    chart: chart, legend: legend, rows: rows, table: table, csv: csv, kept: kept };
  if (typeof module !== "undefined" && module.exports) module.exports = root.cleanCharts;
})(typeof window !== "undefined" ? window : globalThis);
