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

  const charts = root.cleanCharts, draw = charts.draw, width = charts.width;
  const LEFT = 46, RIGHT = 10;

  function setUp(box) {
    const day = JSON.parse(box.querySelector(".asked-data").textContent);
    const form = box.querySelector("form");
    const field = (name) => form.querySelector("[name=" + name + "]");
    const said = form.querySelector(".asked-said");
    const now = { job: Number(field("job").value), place: 0 };

    /* Rules at the hours, each with its name but the last, and what there is on the left. */
    function hours(svg, w, box, yAxis) {
      const every = w < 500 ? 6 : 3;
      const ticks = day.hours.map((hour, n) => [hour[0], n + 1 < day.hours.length ? hour[1] : "", "grid"])
        .filter((tick, n) => Number(day.hours[n][1].slice(0, 2)) % every === 0);
      return charts.frame(svg, Object.assign({ left: LEFT, right: w - RIGHT, width: w, labelled: "end" }, box),
        { low: 0, high: day.length_s, ticks: ticks, label: "time in " + day.time_zone.replace("_", " ") }, yAxis);
    }

    function drawJob(job, answer) {
      const svg = form.querySelector("svg.asked-job");
      svg.textContent = "";
      const w = width(svg), H = 190, top = 20, bottom = 120;
      svg.setAttribute("viewBox", "0 0 " + w + " " + H);
      const heights = day.intensity.map((step) => step[1]);
      if (answer[3] !== null && answer[3] < 1000) heights.push(answer[3]);
      const high = Math.ceil(Math.max(100, ...heights) / 100) * 100;
      const place = hours(svg, w, { top: top, bottom: bottom, rules: 156, height: H },
        { low: 0, high: high, ticks: charts.ticks(0, high, high > 400 ? 6 : 5), label: "carbon intensity, g/kWh" });
      const x = place.x, y = place.y, last = day.intensity[day.intensity.length - 1];
      draw(svg, "path", { d: charts.path([...day.intensity, [day.length_s, last[1]]], place, true), class: "curve" });
      if (answer[3] !== null && answer[3] < 1000) {
        draw(svg, "line", { x1: LEFT, x2: w - RIGHT, y1: y(answer[3]), y2: y(answer[3]), class: "turns" });
      }
      job.pieces.forEach((piece) => draw(svg, "rect", { x: x(piece[1]), y: 134,
        width: Math.max(1.5, x(piece[2]) - x(piece[1])), height: 18, class: piece[0] }));
      const at = x(day.times[now.place][0]);
      draw(svg, "line", { x1: at, x2: at, y1: top, y2: 160, class: "at" });
    }

    function drawDay() {
      const svg = form.querySelector("svg.asked-day");
      svg.textContent = "";
      const row = 5, w = width(svg), top = 20, bottom = top + row * day.jobs.length, H = bottom + 38;
      svg.setAttribute("viewBox", "0 0 " + w + " " + H);
      const x = hours(svg, w, { top: top, bottom: bottom, height: H },
        { low: 0, high: 1, ticks: [], label: "all jobs, one line each" }).x;
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
