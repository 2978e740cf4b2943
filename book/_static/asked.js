/* Ask why: choose a job and a decision of the day, read why it waits, starts or is paused.
 *
 * All answers stand in the page, as helpers.cluster.day wrote them; here they are only shown.
 * Nothing is fetched. Without this file the page keeps its table of jobs.
 */
(function (root) {
  "use strict";

  /* The answer that stood at a decision: the last one told at or before it. */
  function answerAt(job, place) {
    let found = 0;
    while (found + 1 < job.answers.length && job.answers[found + 1][0] <= place) found++;
    return found;
  }

  /* What a link asks for, within what there is: {job, place}. */
  function wanted(hash, day) {
    const asked = new URLSearchParams(hash.replace(/^#/, ""));
    const job = day.jobs.findIndex((one) => one.id === asked.get("job"));
    if (job < 0) return null;
    const place = Math.trunc(Number(asked.get("decision")));
    const first = day.jobs[job].answers[0][0], last = day.jobs[job].last;
    return { job: job, place: Number.isFinite(place) ? Math.min(last, Math.max(first, place)) : first };
  }

  const core = { answerAt: answerAt, wanted: wanted };
  if (typeof module !== "undefined" && module.exports) { module.exports = core; return; }

  const SVG = "http://www.w3.org/2000/svg";
  function draw(parent, tag, attributes, text) {
    const element = document.createElementNS(SVG, tag);
    for (const key in attributes) element.setAttribute(key, attributes[key]);
    if (text !== undefined) element.textContent = text;
    parent.appendChild(element);
    return element;
  }
  const width = (svg) => Math.max(280, Math.min(760, svg.clientWidth || 720));
  const LEFT = 46, RIGHT = 10;

  function setUp(box) {
    const day = JSON.parse(box.querySelector(".asked-data").textContent);
    const form = box.querySelector("form");
    const field = (name) => form.querySelector("[name=" + name + "]");
    const said = form.querySelector(".asked-said");
    const now = { job: Number(field("job").value), place: 0 };

    const scale = (w) => (s) => LEFT + (w - LEFT - RIGHT) * s / day.length_s;

    function hours(svg, w, top, bottom) {
      const x = scale(w), every = w < 500 ? 6 : 3;
      day.hours.forEach((hour, n) => {
        if (Number(hour[1].slice(0, 2)) % every) return;
        draw(svg, "line", { x1: x(hour[0]), x2: x(hour[0]), y1: top, y2: bottom, class: "grid" });
        if (n + 1 < day.hours.length) {
          draw(svg, "text", { x: x(hour[0]), y: bottom + 16, "text-anchor": n ? "middle" : "start" }, hour[1]);
        }
      });
    }

    function drawJob(job, answer) {
      const svg = form.querySelector("svg.asked-job");
      svg.textContent = "";
      const w = width(svg), H = 190, top = 20, bottom = 120, x = scale(w);
      svg.setAttribute("viewBox", "0 0 " + w + " " + H);
      hours(svg, w, top, 160);
      const heights = day.intensity.map((step) => step[1]);
      if (answer[3] !== null && answer[3] < 1000) heights.push(answer[3]);
      const high = Math.ceil(Math.max(100, ...heights) / 100) * 100;
      const y = (g) => bottom + (top - bottom) * g / high;
      for (let g = 0; g <= high; g += high > 400 ? 200 : 100) {
        draw(svg, "text", { x: LEFT - 6, y: y(g) + 4, "text-anchor": "end" }, String(g));
        draw(svg, "line", { x1: LEFT, x2: w - RIGHT, y1: y(g), y2: y(g), class: "grid" });
      }
      draw(svg, "text", { x: 4, y: 12, class: "unit" }, "carbon intensity, g/kWh");
      let path = "";
      day.intensity.forEach((step, n) => {
        const next = n + 1 < day.intensity.length ? day.intensity[n + 1][0] : day.length_s;
        path += (n ? "V" : "M" + x(step[0]).toFixed(1) + " ") + y(step[1]).toFixed(1) + "H" + x(next).toFixed(1);
      });
      draw(svg, "path", { d: path, class: "curve" });
      if (answer[3] !== null && answer[3] < 1000) {
        draw(svg, "line", { x1: LEFT, x2: w - RIGHT, y1: y(answer[3]), y2: y(answer[3]), class: "turns" });
      }
      job.pieces.forEach((piece) => draw(svg, "rect", { x: x(piece[1]), y: 134,
        width: Math.max(1.5, x(piece[2]) - x(piece[1])), height: 18, class: piece[0] }));
      const at = x(day.times[now.place][0]);
      draw(svg, "line", { x1: at, x2: at, y1: top, y2: 160, class: "at" });
      draw(svg, "text", { x: w - RIGHT, y: H - 1, "text-anchor": "end", class: "unit" }, "time in " + day.time_zone.replace("_", " "));
    }

    function drawDay() {
      const svg = form.querySelector("svg.asked-day");
      svg.textContent = "";
      const row = 5, w = width(svg), top = 18, bottom = top + row * day.jobs.length, x = scale(w);
      svg.setAttribute("viewBox", "0 0 " + w + " " + (bottom + 24));
      draw(svg, "text", { x: 4, y: 12, class: "unit" }, "all jobs, one line each");
      hours(svg, w, top, bottom);
      day.jobs.forEach((job, n) => {
        const line = draw(svg, "g", { class: n === now.job ? "line chosen" : "line" });
        // A line is thin: all of its height takes the click, and the text under a pointer names it.
        draw(line, "rect", { x: 0, y: top + n * row, width: w, height: row, class: "whole" });
        draw(line, "title", {}, "job " + job.id + ": " + job.head);
        job.pieces.forEach((piece) => draw(line, "rect", { x: x(piece[1]), y: top + n * row + 0.5,
          width: Math.max(1.5, x(piece[2]) - x(piece[1])), height: row - 1, class: piece[0] }));
        line.addEventListener("click", () => choose(n));
      });
    }

    function list(job) {
      const table = document.createElement("table");
      job.answers.forEach((answer) => {
        const line = table.insertRow();
        [day.times[answer[0]][1], day.words[answer[1]] + " " + day.words[answer[2]]]
          .forEach((text) => { line.insertCell().textContent = text; });
      });
      form.querySelector(".asked-all").replaceChildren(table);
    }

    function show(settle) {
      const job = day.jobs[now.job], answer = job.answers[answerAt(job, now.place)];
      const time = day.times[now.place][1];
      const when = field("when");
      when.min = job.answers[0][0];
      when.max = job.last;
      when.value = now.place;
      when.setAttribute("aria-valuetext", time);
      form.querySelector("output").textContent = time;
      said.replaceChildren(...[time + ": " + day.words[answer[1]], day.words[answer[2]], job.others]
        .filter((text) => text).map((text) => {
          const p = document.createElement("p");
          p.textContent = text;
          return p;
        }));
      const n = answerAt(job, now.place);
      field("before").disabled = n === 0 && now.place === answer[0];
      field("after").disabled = n + 1 === job.answers.length;
      const link = "#job=" + encodeURIComponent(job.id) + "&decision=" + now.place;
      form.querySelector("a.asked-link").setAttribute("href", link);
      if (settle && root.location.hash !== link) root.history.replaceState(null, "", link);
      drawJob(job, answer);
    }

    function choose(n, place) {
      now.job = n;
      now.place = place === undefined ? day.jobs[n].answers[0][0] : place;
      field("job").value = String(n);
      list(day.jobs[n]);
      show(place === undefined);
      drawDay();
    }

    field("job").addEventListener("change", () => choose(Number(field("job").value)));
    field("when").addEventListener("input", () => { now.place = Number(field("when").value); show(false); });
    field("when").addEventListener("change", () => show(true));
    field("before").addEventListener("click", () => {
      const job = day.jobs[now.job], n = answerAt(job, now.place);
      now.place = job.answers[job.answers[n][0] < now.place ? n : Math.max(0, n - 1)][0];
      show(true);
    });
    field("after").addEventListener("click", () => {
      const job = day.jobs[now.job];
      now.place = job.answers[Math.min(job.answers.length - 1, answerAt(job, now.place) + 1)][0];
      show(true);
    });
    const follow = () => {
      const asked = wanted(root.location.hash, day);
      if (asked) choose(asked.job, asked.place);
    };
    root.addEventListener("hashchange", follow);
    root.addEventListener("resize", () => { show(false); drawDay(); });
    form.hidden = false;
    choose(now.job, day.jobs[now.job].answers[0][0]);
    follow();
  }

  const begin = () => document.querySelectorAll(".asked").forEach(setUp);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", begin);
  else begin();
})(typeof window !== "undefined" ? window : globalThis);
