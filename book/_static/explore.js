/* Try it: one job, one grid, one wait. The best start and the best pauses, computed in the page.
 *
 * The same dynamic program as helpers.schedule.best_schedule, on quarter-hours: `paused[w]` and
 * `running[w]` are the least emissions after which w slots of work are done. Start-up repeats at
 * every resume; a pause is free. tests/test_explore.py holds it against the package.
 * Nothing is fetched from another host; the grids lie beside this file, one script each.
 */
(function (root) {
  "use strict";
  const SLOT_S = 900;

  /* Integral of the intensity up to each slot's end, in g/kWh x h, from `from` on. */
  function summed(grid, fromS, slots) {
    const sums = new Float64Array(slots + 1);
    for (let i = 0; i < slots; i++) {
      const at = Math.floor((fromS + i * SLOT_S - grid.start_s) / grid.step_s);
      sums[i + 1] = sums[i] + grid.values[at] * SLOT_S / 3600;
    }
    return sums;
  }

  /* Least emissions [g] of a job without pauses: {start, grams, now}. */
  function bestStart(sums, job, slots) {
    const length = job.startup + job.work;
    let best = Infinity, start = 0;
    const at = (t) => (job.startupW * (sums[t + job.startup] - sums[t])
      + job.workW * (sums[t + length] - sums[t + job.startup])) / 1000;
    for (let t = 0; t + length <= slots; t++) {
      const grams = at(t);
      if (grams < best - 1e-9) { best = grams; start = t; }
    }
    return { grams: best, start: start, now: at(0) };
  }

  /* Least emissions [g] with pauses: {grams, runs: [{start, stop}]}, in slots. */
  function bestPauses(sums, job, slots) {
    const W = job.work, s = job.startup;
    const row = W + 1;
    const from = new Uint8Array((slots + 1) * row * 2); // how a state was reached
    const IDLE = 1, STOP = 2, START = 3, WORK = 4;
    const cost = new Float64Array((slots + 1) * row * 2).fill(Infinity);
    const id = (t, w, running) => (t * row + w) * 2 + running;
    cost[id(0, 0, 0)] = 0;
    const reach = (to, grams, how) => {
      if (grams < cost[to] - 1e-12) { cost[to] = grams; from[to] = how; }
    };
    for (let t = 0; t <= slots; t++) {
      for (let w = 0; w <= Math.min(W, t); w++) {
        const running = cost[id(t, w, 1)];
        if (running < Infinity) reach(id(t, w, 0), running, STOP);
        const paused = cost[id(t, w, 0)];
        if (paused < Infinity && t < slots) {
          reach(id(t + 1, w, 0), paused, IDLE);
          if (w < W && t + s <= slots) {
            const grams = job.startupW * (sums[t + s] - sums[t]) / 1000;
            reach(id(t + s, w, 1), paused + grams, START);
          }
        }
        const going = cost[id(t, w, 1)];
        if (going < Infinity && w < W && t < slots) {
          reach(id(t + 1, w + 1, 1), going + job.workW * (sums[t + 1] - sums[t]) / 1000, WORK);
        }
      }
    }
    const runs = [];
    let t = slots, w = W, running = 0, stop = 0;
    while (t > 0 || running) {
      const how = from[id(t, w, running)];
      if (how === IDLE) t -= 1;
      else if (how === STOP) { running = 1; stop = t; }
      else if (how === WORK) { t -= 1; w -= 1; }
      else if (how === START) { t -= s; running = 0; runs.unshift({ start: t, stop: stop }); }
      else break;
    }
    return { grams: cost[id(slots, W, 0)], runs: runs };
  }

  /* Where and when: for each grid the least emissions [g] in one go, moving included, best first.
   * Of the energy of moving half is spent at home and half there, in the slot in which it starts,
   * as helpers.regions.place_jobs counts it. `grids` by zone; all cover the slots. */
  function bestPlaces(grids, home, fromS, job, slots, moveShare) {
    const length = job.startup + job.work;
    const kwh = moveShare * (job.startupW * job.startup + job.workW * job.work) * SLOT_S / 3.6e6;
    const value = (grid, t) => grid.values[Math.floor((fromS + t * SLOT_S - grid.start_s) / grid.step_s)];
    return Object.keys(grids).map((zone) => {
      const sums = summed(grids[zone], fromS, slots);
      const best = { zone: zone, grams: Infinity, start: 0 };
      for (let t = 0; t + length <= slots; t++) {
        let grams = (job.startupW * (sums[t + job.startup] - sums[t])
          + job.workW * (sums[t + length] - sums[t + job.startup])) / 1000;
        if (zone !== home) grams += 0.5 * kwh * (value(grids[home], t) + value(grids[zone], t));
        if (grams < best.grams - 1e-9) { best.grams = grams; best.start = t; }
      }
      return best;
    }).sort((a, b) => a.grams - b.grams || (a.zone < b.zone ? -1 : 1));
  }

  const core = { SLOT_S: SLOT_S, summed: summed, bestStart: bestStart, bestPauses: bestPauses,
    bestPlaces: bestPlaces };
  /* ---- the page ---- */

  /* What a value of a field is taken for: within its limits, in its steps, else its default. */
  function clamped(text, limits) {
    const value = text === "" || text === null || text === undefined ? NaN : Number(text);
    if (!Number.isFinite(value)) return limits.fallback;
    const inside = Math.min(limits.max, Math.max(limits.min, value));
    return limits.step ? limits.min + limits.step * Math.round((inside - limits.min) / limits.step) : inside;
  }

  /* A day as YYYY-MM-DD that exists and lies within limits, or the fallback. */
  function clampedDay(text, limits) {
    const parts = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text || "");
    if (!parts) return limits.fallback;
    const date = new Date(Date.UTC(+parts[1], +parts[2] - 1, +parts[3]));
    if (date.getUTCMonth() !== +parts[2] - 1 || date.getUTCDate() !== +parts[3]) return limits.fallback;
    return text < limits.min ? limits.min : text > limits.max ? limits.max : text;
  }
  /* The same with the package: it reads the same data and finds the same emissions. */
  function asPython(asked) {
    const startup = asked.startup ? '[Phase("start", ' + asked.startup * 60 + ", " + asked.startupW + ")]" : "[]";
    return [
      "import pandas as pd",
      "from helpers import datasets",
      "from helpers.phases import Phase, PhaseModel",
      "from helpers.schedule import best_schedule, best_start, charge",
      "",
      'intensity = datasets.carbon_intensity("' + asked.zone + '", ' + asked.day.slice(0, 4) + ")",
      'release = pd.Timestamp("' + asked.day + " " + String(asked.hour).padStart(2, "0")
        + ':00", tz="' + asked.time_zone + '")',
      'job = PhaseModel("job", ' + startup + ', [Phase("work", ' + asked.work * 3600 + ", " + asked.workW + ")])",
      "longest = pd.Timedelta(seconds=job.duration_s) + pd.Timedelta(hours=" + asked.wait + ")",
      "deadline = min(release + longest, intensity.stop)",
      "for find in (best_start, best_schedule):",
      "    schedule = find(job, intensity, release, deadline)",
      "    print(find.__name__, charge(schedule, job, intensity).emissions_g)  # g CO2e",
    ].concat(asked.where === "all" ? [
      "",
      "kwh = " + asked.move / 1000 + " * job.energy_j / 3.6e6  # of moving it, half at each end",
      "length = pd.Timedelta(seconds=job.duration_s)",
      'starts = pd.date_range(release, deadline - length, freq="15min")',
      "for zone in datasets.zones():",
      "    there = datasets.carbon_intensity(zone, " + asked.day.slice(0, 4) + ")",
      '    path = 0 if zone == "' + asked.zone + '" else 0.5 * kwh',
      "    least = min(",
      "        charge(best_start(job, there, at, at + length), job, there).emissions_g",
      "        + path * (intensity.at(at) + there.at(at))",
      "        for at in starts",
      "    )",
      "    print(zone, least)  # g CO2e",
    ] : []).join("\n");
  }

  /* The same for Slurm, from now on: the best start, and each run of the best pauses. */
  function asSbatch(start, pauses, job) {
    const minutes = (slots) => slots * SLOT_S / 60;
    const lines = ["# the best start", "sbatch --begin=now+" + minutes(start.start) + "minutes --time="
      + minutes(job.startup + job.work) + " job.sh"];
    if (pauses.runs.length > 1) {
      lines.push("", "# with pauses: job.sh saves its state when it is told to stop, and goes on from there");
      pauses.runs.forEach((run, n) => lines.push("run" + (n + 1) + "=$(sbatch --parsable"
        + (n ? ' --dependency="afterany:$run' + n + '"' : "")
        + " --begin=now+" + minutes(run.start) + "minutes --time=" + minutes(run.stop - run.start)
        + (n < pauses.runs.length - 1 ? " --signal=B:TERM@60" : "") + " job.sh)"));
    }
    return lines.join("\n");
  }
  core.clamped = clamped;
  core.clampedDay = clampedDay;
  core.asPython = asPython;
  core.asSbatch = asSbatch;
  if (typeof module !== "undefined" && module.exports) { module.exports = core; return; }

  /* Grids by name. A script that comes late, fails or says nonsense changes nothing but its own. */
  const loaded = new Map();
  const waiting = new Map();
  const whole = (grid) => grid && Array.isArray(grid.values) && grid.values.length > 0
    && grid.values.every(Number.isFinite) && grid.step_s > 0 && Number.isFinite(grid.start_s)
    && typeof grid.time_zone === "string";
  root.cleanHours = {
    core: core,
    grid: function (name, grid) { if (whole(grid)) loaded.set(name, grid); },
  };

  function load(folder, name, done) {
    if (loaded.has(name)) { done(loaded.get(name)); return; }
    if (waiting.has(name)) { waiting.get(name).push(done); return; }
    waiting.set(name, [done]);
    const script = document.createElement("script");
    const finish = () => {
      const all = waiting.get(name) || [];
      waiting.delete(name); // so that a failed load is tried again when it is asked for again
      script.remove();
      all.forEach((then) => then(loaded.get(name) || null));
    };
    script.onload = finish;
    script.onerror = finish;
    script.src = folder + name + ".js";
    document.head.appendChild(script);
  }

  const charts = root.cleanCharts, draw = charts.draw, width = charts.width;

  function clock(zone, options) {
    const format = new Intl.DateTimeFormat("en-GB", Object.assign({ timeZone: zone, hourCycle: "h23" }, options));
    return (seconds) => format.format(new Date(seconds * 1000));
  }

  /* Seconds of a local day and hour, in the grid's own zone. */
  function instant(zone, day, hour) {
    const guess = Date.parse(day + "T" + String(hour).padStart(2, "0") + ":00:00Z") / 1000;
    const local = clock(zone, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
    const parts = local(guess).match(/\d+/g).map(Number); // day, month, year, hour, minute
    const shown = Date.UTC(parts[2], parts[1] - 1, parts[0], parts[3], parts[4]) / 1000;
    return guess - (shown - guess);
  }

  const mass = (g) => g >= 1000 ? (g / 1000).toPrecision(3) + " kg" : g.toFixed(0) + " g";
  const share = (part, whole) => (100 * (1 - part / whole)).toFixed(0) + " %";
  const hours = (slots) => {
    const h = slots * SLOT_S / 3600;
    return (h % 1 ? h.toFixed(2).replace(/0$/, "") : h) + " h";
  };

  const FIELDS = ["zone", "day", "hour", "wait", "work", "startup", "workW", "startupW", "where", "move"];

  function setUp(box) {
    const folder = box.dataset.folder;
    const field = (name) => box.querySelector("[name=" + name + "]");
    const said = box.querySelector(".explore-said");
    const chart = box.querySelector("svg.explore-window");
    const curve = box.querySelector("svg.explore-waits");
    const places = box.querySelector(".explore-where");
    let turn = 0; // what was asked last; an answer to anything before it is not shown

    /* What is asked, each value within its limits; fields that had another are set right. */
    function read(settle) {
      const asked = {};
      const put = (name, value) => {
        asked[name] = value;
        if (settle && field(name).value !== String(value)) field(name).value = value;
      };
      const options = [...field("zone").options].map((option) => option.value);
      put("zone", options.includes(field("zone").value) ? field("zone").value : options[0]);
      const day = field("day");
      put("day", clampedDay(day.value, { min: day.min, max: day.max, fallback: day.defaultValue }));
      put("hour", clamped(field("hour").value, { min: 0, max: 23, step: 1, fallback: 18 }));
      put("where", field("where").value === "all" ? "all" : "home");
      ["wait", "work", "startup", "workW", "startupW", "move"].forEach((name) => {
        const f = field(name);
        put(name, clamped(f.value, { min: +f.min, max: +f.max,
          step: f.type === "range" ? +f.step : 0, fallback: +f.defaultValue }));
      });
      return asked;
    }

    /* A link carries what is asked, and no more than the fields allow. */
    const permalink = (asked) => "#" + FIELDS.map((name) => name + "=" + encodeURIComponent(asked[name])).join("&");
    function follow() {
      const wanted = new URLSearchParams(root.location.hash.slice(1));
      // The link wins over the grid that was chosen before, here or on another page.
      const before = charts.kept.read([...field("zone").options].map((option) => option.value));
      if (before && !wanted.has("zone")) field("zone").value = before;
      FIELDS.forEach((name) => {
        if (!wanted.has(name)) return;
        const f = field(name), before = f.value;
        f.value = wanted.get(name);
        if (f.tagName === "SELECT" && f.selectedIndex < 0) f.value = before;
      });
    }

    function clear(sentence) {
      said.textContent = sentence;
      chart.textContent = "";
      curve.textContent = "";
      places.textContent = "";
      delete places.dataset.grams;
      box.querySelectorAll("pre").forEach((pre) => { pre.textContent = ""; });
    }

    function show(settle) {
      const asked = read(settle), mine = ++turn;
      box.querySelectorAll("output[data-for]").forEach((o) => {
        o.textContent = asked[o.dataset.for] + " " + (o.dataset.unit || "h");
      });
      const link = permalink(asked);
      box.querySelector("a.explore-link").setAttribute("href", link);
      if (settle && root.location.hash !== link) root.history.replaceState(null, "", link);
      const name = asked.zone + "_" + asked.day.slice(0, 4);
      if (!loaded.has(name)) clear("The curve of this grid and year is being read \u2026");
      load(folder, name, (grid) => {
        if (mine !== turn) return;
        if (grid) compute(grid, asked, mine);
        else clear("The curve of this grid and year could not be read. Choose another, or load the page again.");
      });
    }

    function compute(grid, asked, mine) {
      asked.time_zone = grid.time_zone;
      const from = instant(grid.time_zone, asked.day, asked.hour);
      const job = {
        work: Math.round(asked.work * 3600 / SLOT_S),
        startup: Math.round(asked.startup * 60 / SLOT_S),
        workW: asked.workW, startupW: asked.startupW,
      };
      const length = job.work + job.startup;
      const wait = Math.round(asked.wait * 3600 / SLOT_S);
      const last = Math.floor((grid.start_s + grid.values.length * grid.step_s - from) / SLOT_S);
      const slots = Math.min(length + wait, last);
      if (from < grid.start_s || slots < length) {
        clear("The data of this grid and year does not cover this job. Choose another day.");
        return;
      }
      clear("");
      const sums = summed(grid, from, slots);
      const start = bestStart(sums, job, slots), pauses = bestPauses(sums, job, slots);
      const resumes = pauses.runs.length - 1;
      const say = (strong, text) => {
        const p = document.createElement("p");
        const b = document.createElement("strong");
        b.textContent = strong; p.append(b, " " + text); said.append(p);
      };
      const cut = slots < length + wait ? " (the data ends before the longest wait)" : "";
      say("At once:", mass(start.now) + " CO2e.");
      say("Best start:", mass(start.grams) + ", " + share(start.grams, start.now) + " less, "
        + (start.start ? "after a wait of " + hours(start.start) : "at once") + cut + ".");
      say("With pauses:", mass(pauses.grams) + ", " + share(pauses.grams, start.now) + " less, "
        + (resumes === 0 ? "no pause pays" : resumes === 1 ? "one pause" : resumes + " pauses") + ".");
      said.dataset.zone = asked.zone;
      said.dataset.grams = [start.now, start.grams, pauses.grams].join(" ");
      box.querySelector("pre.explore-python").textContent = asPython(asked);
      box.querySelector("pre.explore-sbatch").textContent = asSbatch(start, pauses, job);
      windowChart(chart, grid, from, slots, job, start, pauses);
      waitChart(curve, grid, from, job, wait, last);
      if (asked.where === "all") everywhere(asked, mine, from, job, slots, start.now);
    }

    /* Ask all grids; what has not come, or does not reach as far, is named and left out. */
    function everywhere(asked, mine, from, job, slots, nowGrams) {
      const options = [...field("zone").options];
      const grids = {}, missing = [];
      let open = options.length;
      places.textContent = "The curves of all grids are being read \u2026";
      options.forEach((option) => load(folder, option.value + "_" + asked.day.slice(0, 4), (grid) => {
        const reaches = grid && from >= grid.start_s
          && from + slots * SLOT_S <= grid.start_s + grid.values.length * grid.step_s;
        if (reaches) grids[option.value] = grid; else missing.push(option.textContent);
        open -= 1;
        if (open === 0 && mine === turn) placesTable(options, asked, grids, missing, from, job, slots, nowGrams);
      }));
    }

    function placesTable(options, asked, grids, missing, from, job, slots, nowGrams) {
      const found = bestPlaces(grids, asked.zone, from, job, slots, asked.move / 1000);
      const name = (zone) => options.find((option) => option.value === zone).textContent;
      const cell = (row, tag, text) => {
        const made = document.createElement(tag);
        made.textContent = text; row.append(made);
      };
      const when = clock(asked.time_zone, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
      const table = document.createElement("table");
      const caption = document.createElement("caption");
      caption.textContent = "Where and when, in one go: the best start on each grid, moving included";
      const head = document.createElement("tr");
      ["grid", "emissions", "less than at once at home", "starts (" + asked.time_zone.replace("_", " ") + ")"]
        .forEach((text) => cell(head, "th", text));
      table.append(caption, head);
      found.forEach((one) => {
        const row = document.createElement("tr");
        cell(row, "td", name(one.zone) + (one.zone === asked.zone ? ", home" : ""));
        cell(row, "td", mass(one.grams));
        cell(row, "td", share(one.grams, nowGrams));
        cell(row, "td", when(from + one.start * SLOT_S));
        table.append(row);
      });
      places.textContent = "";
      places.append(table);
      if (missing.length) {
        const p = document.createElement("p");
        p.textContent = "Not compared, since its curve could not be read or ends too early: " + missing.join(", ") + ".";
        places.append(p);
      }
      places.dataset.grams = found.map((one) => one.zone + "=" + one.grams).join(" ");
    }

    function windowChart(svg, grid, from, slots, job, start, pauses) {
      const W = width(svg), H = 300, left = 46, right = 8, top = 20, bottom = 150;
      svg.setAttribute("viewBox", "0 0 " + W + " " + H);
      const at = (slot) => grid.values[Math.floor((from + slot * SLOT_S - grid.start_s) / grid.step_s)];
      let high = 0;
      for (let i = 0; i < slots; i++) high = Math.max(high, at(i));
      high = Math.ceil(high / 100) * 100;
      const day = clock(grid.time_zone, { weekday: "short", day: "numeric", month: "short" });
      const hour = clock(grid.time_zone, { hour: "2-digit" });
      const step = slots > 4 * 96 || W < 500 ? 24 : slots > 96 ? 12 : 6, ticks = [];
      for (let i = 0; i <= slots; i += 4) {
        const h = Number(hour(from + i * SLOT_S));
        if (h % step === 0) ticks.push([i, h ? h + " h" : day(from + i * SLOT_S), h ? "grid" : "grid midnight"]);
      }
      const place = charts.frame(svg,
        { left: left, right: W - right, top: top, bottom: bottom, rules: H - 34, height: H, width: W, labelled: "end" },
        { low: 0, high: slots, ticks: ticks, label: "time in " + grid.time_zone.replace("_", " ") },
        { low: 0, high: high, ticks: charts.ticks(0, high, high > 400 ? 6 : 5), label: "carbon intensity, g/kWh" });
      const points = [];
      for (let i = 0; i <= slots; i++) points.push([i, at(Math.min(i, slots - 1))]);
      draw(svg, "path", { d: charts.path(points, place, true), class: "curve" });
      const x = place.x;
      const rows = [["at once", [{ start: 0, stop: job.startup + job.work }], "now"],
        ["best start", [{ start: start.start, stop: start.start + job.startup + job.work }], "best"],
        ["with pauses", pauses.runs, "best"]];
      rows.forEach((row, n) => {
        const base = bottom + 18 + n * 34;
        draw(svg, "text", { x: left, y: base + 8, class: "row" }, row[0]);
        row[1].forEach((run) => {
          const begun = x(run.start + job.startup);
          draw(svg, "rect", { x: x(run.start), y: base + 12, width: Math.max(0, begun - x(run.start)), height: 12, class: "startup" });
          draw(svg, "rect", { x: begun, y: base + 12, width: Math.max(1, x(run.stop) - begun), height: 12, class: row[2] });
        });
      });
    }

    function waitChart(svg, grid, from, job, chosen, last) {
      const W = width(svg), H = 216, left = 46, right = 90, top = 22, bottom = 178;
      svg.setAttribute("viewBox", "0 0 " + W + " " + H);
      const length = job.work + job.startup;
      const waits = [0, 1, 2, 4, 6, 9, 12, 18, 24, 36, 48, 72, 96, 120, 144, 168]
        .filter((h) => length + h * 4 <= last);
      const lines = { start: [], pauses: [] };
      const sums = summed(grid, from, length + waits[waits.length - 1] * 4);
      waits.forEach((h) => {
        const slots = length + h * 4;
        const one = bestStart(sums, job, slots), many = bestPauses(sums, job, slots);
        lines.start.push([h, 100 * (1 - one.grams / one.now)]);
        lines.pauses.push([h, 100 * (1 - many.grams / one.now)]);
      });
      const end = waits[waits.length - 1] || 1;
      const most = Math.max(10, Math.ceil(lines.pauses[lines.pauses.length - 1][1] / 10) * 10);
      const at = charts.frame(svg,
        { left: left, right: W - right, top: top, bottom: bottom, height: H, width: W },
        { low: 0, high: end, root: true, label: "longest wait, hours",
          ticks: [0, 2, 6, 12, 24, 48, 96, 168].filter((h) => h <= end).map((h) => [h, String(h)]) },
        { low: 0, high: most, ticks: charts.ticks(0, most, 6).map((tick) => [tick[0], tick[1] + " %"]),
          label: "emissions saved against starting at once, %" });
      const x = at.x, y = at.y;
      draw(svg, "line", { x1: x(chosen / 4), x2: x(chosen / 4), y1: top, y2: bottom, class: "chosen" });
      const ends = {};
      for (const name in lines) {
        draw(svg, "path", { d: charts.path(lines[name], at), class: "saved " + name });
        ends[name] = y(lines[name][lines[name].length - 1][1]);
      }
      if (ends.start - ends.pauses < 14) ends.start = ends.pauses + 14;
      draw(svg, "text", { x: x(end) + 6, y: ends.pauses + 4, class: "pauses" }, "with pauses");
      draw(svg, "text", { x: x(end) + 6, y: ends.start + 4, class: "start" }, "best start");
    }

    box.addEventListener("input", () => show(false));
    box.addEventListener("change", (event) => {
      show(true);
      if (event.target === field("zone")) charts.kept.keep(field("zone").value);
    });
    root.addEventListener("resize", () => show(false));
    root.addEventListener("hashchange", () => { follow(); show(true); });
    follow();
    show(false);
  }

  document.addEventListener("DOMContentLoaded", () =>
    document.querySelectorAll(".explore").forEach(setUp));
})(typeof window !== "undefined" ? window : globalThis);
