// The player: re-enacts recorded stretches of time. Every frame is worked out from the time alone.
const Replay = (() => {
  const holder = document.getElementById("player");
  const films = Page.data.stages;
  if (!holder || !films.length) return null;
  const HOP = 0, DELAYED = 1, VISIBLE = 2, FLYING = 3, DONE = 4, DEAD = 5, GONE = 6, STORED = 7;
  const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c7a1f", "#777777"];
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const NS = "http://www.w3.org/2000/svg";
  const svg = (tag, attributes, parent, words) => {
    const made = document.createElementNS(NS, tag);
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    if (words !== undefined) made.textContent = words;
    return parent ? parent.appendChild(made) : made;
  };
  const html = (tag, properties, parent) => {
    const made = Object.assign(document.createElement(tag), properties);
    return parent ? parent.appendChild(made) : made;
  };

  const begin = Math.min(...films.flatMap((one) => one.film.messages.map((m) => m[2])), Infinity);
  const end = Math.max(...films.map((one) => one.film.end), 0);
  if (!Number.isFinite(begin)) { holder.textContent = "No message was published."; return null; }
  const span = Math.max(end - begin, 1);
  const keys = [...new Set(films.flatMap((one) => one.film.messages.map((m) => m[1])))];
  const colour = (key) => COLOURS[keys.indexOf(key) % COLOURS.length];

  // --- the stage of one variant ---------------------------------------------------------------
  const SHELF = 74, QUEUE = 3 * SHELF + 8, OTHER = 122, GAP = 44, CELL = 12;
  const words = ["delayed", "visible", "in flight"];

  function highOf(box) {
    if (box.kind === "sqs.queue") return box.lanes && box.lanes.length ? 40 + 20 * (box.lanes.length + (box.others ? 1 : 0)) : 118;
    if (box.kind === "kinesis.stream") return 34 + 26 * Math.max(1, (box.shards || []).length);
    return 74;
  }
  const wideOf = (box) => box.kind === "sqs.queue" || box.kind === "kinesis.stream" ? QUEUE : OTHER;

  function layout(stage) {
    const columns = [];
    for (const box of stage.boxes) (columns[box.column] ||= []).push(box);
    let x = 8, tallest = 0;
    const tall = columns.map((boxes) => boxes.reduce((sum, box) => sum + highOf(box) + 16, 0));
    const most = Math.max(...tall);
    columns.forEach((boxes, index) => {
      const wide = Math.max(...boxes.map(wideOf));
      let y = 8 + (most - tall[index]) / 2;
      boxes.sort((a, b) => a.row - b.row);
      for (const box of boxes) {
        Object.assign(box, { x, y, wide: wideOf(box), high: highOf(box) });
        y += box.high + 16;
      }
      x += wide + GAP;
      tallest = Math.max(tallest, y);
    });
    return [x - GAP + 8, most + 16];
  }

  function draw(stage, parent) {
    const [wide, high] = layout(stage);
    const picture = svg("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": `replay ${stage.film.variant}` }, parent);
    const defs = svg("defs", {}, picture);
    const hatch = svg("pattern", { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, defs);
    svg("rect", { width: 2, height: 6, fill: "var(--faint)" }, hatch);
    const by = Object.fromEntries(stage.boxes.map((box) => [box.name, box]));
    for (const [from, to] of stage.arrows) {
      const a = by[from], b = by[to];
      if (!a || !b) continue;
      const x0 = a.x + a.wide, y0 = a.y + a.high / 2, y1 = b.y + b.high / 2;
      const back = b.x <= a.x;
      const x1 = back ? b.x + b.wide : b.x, bend = back ? x0 + 30 : (x0 + x1) / 2;
      svg("path", { class: "r-way", d: `M${x0} ${y0}C${bend} ${y0} ${back ? x1 + 30 : bend} ${y1} ${x1} ${y1}` }, picture);
    }
    for (const box of stage.boxes) furnish(box, stage, picture);
    stage.by = by;
    stage.marks = svg("g", {}, picture);
    stage.more = svg("g", {}, picture);
    stage.rings = svg("g", {}, picture);
    stage.layer = svg("g", {}, picture);
    stage.dots = new Map();
  }

  function furnish(box, stage, picture) {
    const group = svg("g", {}, picture);
    box.frame = svg("rect", { class: "r-box", x: box.x, y: box.y, width: box.wide, height: box.high, rx: 7 }, group);
    svg("text", { class: "r-name", x: box.x + 7, y: box.y + 15 }, group, box.name.length > 24 ? box.name.slice(0, 23) + "…" : box.name);
    if (box.kind === "sqs.queue") {
      words.forEach((word, index) => {
        const x = box.x + 4 + index * SHELF;
        svg("text", { class: "r-word", x: x + 3, y: box.y + 28 }, group, box.lanes && index === 0 ? "group" : word);
        svg("rect", { class: "r-shelf", x, y: box.y + 32, width: SHELF - 3, height: box.high - 36, rx: 4 }, group);
      });
      box.lane = {};
      (box.lanes ? [...box.lanes, ...(box.others ? [null] : [])] : []).forEach((name, index) => {
        const y = box.y + 34 + 20 * index;
        if (name === null) { svg("text", { class: "r-word", x: box.x + 7, y: y + 13 }, group, "others"); return; }
        box.lane[name] = svg("rect", { class: "r-lane", x: box.x + 4, y, width: 2 * SHELF - 3, height: 18 }, group);
        svg("text", { class: "r-word", x: box.x + 7, y: y + 13 }, group, name.slice(0, 9));
      });
    } else if (box.kind === "kinesis.stream") {
      (box.shards || []).forEach((name, index) => {
        const y = box.y + 24 + 26 * index;
        svg("text", { class: "r-word", x: box.x + 6, y: y + 13 }, group, `shard ${name}`);
        svg("rect", { class: "r-shelf", x: box.x + 56, y, width: box.wide - 62, height: 20, rx: 3 }, group);
      });
      order(stage, box);
    } else if (box.limit !== undefined) {
      box.slots = [];
      const shown = Math.min(box.limit, 12);
      for (let slot = 0; slot < shown; slot++) {
        box.slots.push(svg("rect", { class: "r-slot", x: box.x + 7 + (slot % 6) * 19, y: box.y + 34 + 17 * Math.floor(slot / 6), width: 15, height: 13, rx: 2 }, group));
      }
    }
    box.words = svg("text", { class: "r-word", x: box.x + 7, y: box.y + (box.kind === "kinesis.stream" ? 15 : 28), ...(box.kind === "kinesis.stream" ? { dx: box.wide - 100 } : {}) }, group);
    box.title = svg("title", {}, group, `${box.name} (${box.kind})`);
  }

  // The place of every record on the tape of its shard.
  function order(stage, box) {
    const tapes = {};
    for (const [message, [stream, shard]] of Object.entries(stage.film.shards)) {
      if (stream === box.name) (tapes[shard] ||= []).push(Number(message));
    }
    box.tape = {};
    const longest = Math.max(1, ...Object.values(tapes).map((tape) => tape.length));
    box.pitch = Math.min(11, (box.wide - 70) / longest);
    for (const [shard, tape] of Object.entries(tapes)) tape.forEach((message, at) => { box.tape[message] = [shard, at]; });
  }

  // --- one moment -------------------------------------------------------------------------------
  function stateAt(states, t) {
    if (t < states[0][0]) return -1;
    let low = 0, high = states.length - 1;
    while (low < high) { const middle = (low + high + 1) >> 1; if (states[middle][0] <= t) low = middle; else high = middle - 1; }
    return low;
  }
  const grid = (index, wide) => [index % wide, Math.floor(index / wide)];

  function show(stage, t) {
    const film = stage.film, shelves = new Map(), used = new Set();
    let born = 0;
    for (const message of film.messages) if (message[2] <= t) born++;
    stage.rings.replaceChildren();
    stage.marks.replaceChildren();
    const blocked = new Set();
    for (const [message, places] of Object.entries(film.dots)) {
      for (const [place, states] of Object.entries(places)) {
        const at = stateAt(states, t);
        if (at < 0) continue;
        const [since, state, attempt, until] = states[at];
        const box = stage.by[place];
        if (!box) continue;
        if (state === DONE || state === DEAD || state === GONE) { box.ended = (box.ended || 0) + (state === DONE ? 1 : 0); continue; }
        const key = film.messages[message][1];
        const lane = !box.lanes ? -1 : box.lane[key] ? box.lanes.indexOf(key) : box.lanes.length;
        const shelf = `${place}|${state}|${lane}`;
        if (!shelves.has(shelf)) shelves.set(shelf, []);
        shelves.get(shelf).push({ message: Number(message), place, box, since, state, attempt, until, lane, key, next: states[at + 1] });
        if (state === FLYING && box.lane && box.lane[key]) blocked.add(`${place}|${key}`);
      }
    }
    stage.more.replaceChildren();
    for (const list of shelves.values()) {
      const [{ lane, state, box }] = list;
      list.sort((a, b) => lane >= 0 ? a.message - b.message : a.since - b.since || a.message - b.message);
      const room = state === HOP || state === STORED ? Infinity
        : lane >= 0 ? (state === FLYING ? 5 : 8) : 5 * Math.floor((box.high - 42) / CELL);
      list.slice(0, room).forEach((dot, index) => place(stage, dot, index, t, used, state));
      if (list.length > room) {
        const x = box.x + (state - DELAYED + 1) * SHELF - 4, y = lane >= 0 ? box.y + 47 + 20 * lane : box.y + 28;
        svg("text", { class: "r-more", x, y }, stage.more, `+${list.length - room}`);
      }
    }
    for (const box of stage.boxes) {
      for (const [name, rect] of Object.entries(box.lane || {})) rect.classList.toggle("r-blocked", blocked.has(`${box.name}|${name}`));
    }
    work(stage, t);
    bookmarks(stage, t);
    for (const box of stage.boxes) {
      if (box.kind === "kinesis.stream") {
        const refused = (stage.film.throttles[box.name] || []).filter((ms) => ms <= t);
        box.frame.classList.toggle("r-flash", refused.length > 0 && t - refused[refused.length - 1] < 250 * Math.max(speed, 0.1));
        box.words.textContent = refused.length ? `${refused.length} records refused` : "";
      } else if (box.kind === "workload") box.words.textContent = `${film.messages.filter((m) => m[0].startsWith(box.name + "#") && m[2] <= t).length} published`;
      if (box.ended) box.ended = 0;
    }
    for (const [id, circle] of stage.dots) if (!used.has(id)) { circle.remove(); stage.dots.delete(id); }
    spark(stage, t);
  }

  function place(stage, dot, index, t, used, state) {
    const { box, lane } = dot;
    let x, y, r = 5;
    if (state === HOP) {
      const source = stage.arrows.find(([, to]) => to === dot.place);
      const from = source ? stage.by[source[0]] : box;
      const ends = dot.next ? dot.next[0] : dot.since + 1;
      const share = calm ? 0.5 : Math.min(1, (t - dot.since) / Math.max(1, ends - dot.since));
      x = from.x + from.wide + (box.x - from.x - from.wide) * share;
      y = from.y + from.high / 2 + (box.y + box.high / 2 - from.y - from.high / 2) * share;
    } else if (state === STORED) {
      const [shard, at] = box.tape[dot.message] || ["", 0];
      x = box.x + 62 + at * box.pitch; y = box.y + 34 + 26 * (box.shards || []).indexOf(shard); r = Math.min(5, box.pitch / 2 + 0.8);
    } else if (lane >= 0) {
      x = box.x + (state === FLYING ? 2 * SHELF + 12 : 84) + index * (state === FLYING ? CELL : 8); y = box.y + 43 + 20 * lane;
    } else {
      const [column, row] = grid(index, 5);
      x = box.x + 12 + (state - DELAYED) * SHELF + column * CELL; y = box.y + 40 + row * CELL;
    }
    const id = `${dot.message}|${dot.place}`;
    used.add(id);
    let circle = stage.dots.get(id);
    if (!circle) {
      circle = svg("circle", { class: "r-dot", fill: colour(dot.key) }, stage.layer);
      svg("title", {}, circle, `${stage.film.messages[dot.message][0]}, key ${dot.key}`);
      circle.addEventListener("click", () => follow(stage, dot.message));
      stage.dots.set(id, circle);
    }
    circle.setAttribute("cx", x); circle.setAttribute("cy", y); circle.setAttribute("r", r);
    circle.classList.toggle("again", dot.attempt > 1);
    circle.classList.toggle("chosen", chosen === dot.message);
    if (state === FLYING && dot.until > dot.since) ring(stage, x, y, Math.max(0, 1 - (t - dot.since) / (dot.until - dot.since)));
  }

  function ring(stage, x, y, left) {
    const round = 2 * Math.PI * 7.5;
    svg("circle", { class: "r-ring", cx: x, cy: y, r: 7.5, "stroke-dasharray": `${round * left} ${round}`, transform: `rotate(-90 ${x} ${y})` }, stage.rings);
  }

  function work(stage, t) {
    const busy = new Map(), done = new Map();
    for (const [from, to, consumer, , message, , ok] of stage.film.works) {
      if (from <= t && t < to) { if (!busy.has(consumer)) busy.set(consumer, []); busy.get(consumer).push(message); }
      if (to <= t && ok) done.set(consumer, (done.get(consumer) || 0) + 1);
    }
    for (const box of stage.boxes) {
      if (box.limit === undefined && box.kind !== "kinesis.consumer") continue;
      const mine = stage.arrows.filter(([, to, name]) => to === box.name && name).map(([, , name]) => name);
      const names = [box.name, ...mine];
      const messages = names.flatMap((name) => busy.get(name) || []);
      const finished = names.reduce((sum, name) => sum + (done.get(name) || 0), 0);
      const course = stage.film.servers[box.name] || [];
      const at = course.length ? stateAt(course, t) : -1;
      const count = at >= 0 ? course[at][1] : messages.length;
      (box.slots || []).forEach((slot, index) => slot.classList.toggle("busy", index < count));
      const flash = (stage.film.throttles[box.name] || []).some((ms) => ms <= t && t - ms < 250 * Math.max(speed, 0.5));
      box.frame.classList.toggle("r-flash", flash);
      box.words.textContent = `${box.limit !== undefined ? `busy ${count}/${box.limit} · ` : ""}done ${finished}${flash ? " · throttled" : ""}`;
      messages.slice(0, (box.slots || []).length).forEach((message, index) => {
        const slot = box.slots[index];
        svg("circle", { cx: Number(slot.getAttribute("x")) + 7.5, cy: Number(slot.getAttribute("y")) + 6.5, r: 4.5, fill: colour(stage.film.messages[message][1]), stroke: "var(--paper)" }, stage.marks);
      });
    }
  }

  function bookmarks(stage, t) {
    for (const [consumer, taken] of Object.entries(stage.film.taken)) {
      const reads = {};
      for (const [ms, message] of taken) {
        if (ms > t) break;
        const shard = stage.film.shards[message];
        if (shard) reads[shard.join("|")] = message;
      }
      for (const [where, message] of Object.entries(reads)) {
        const [stream, shard] = where.split("|"), box = stage.by[stream];
        if (!box || !box.tape || !box.tape[message]) continue;
        const x = box.x + 62 + (box.tape[message][1] + 0.5) * box.pitch, y = box.y + 24 + 26 * box.shards.indexOf(shard);
        const mark = svg("path", { class: "r-mark", d: `M${x - 4} ${y - 2}h8l-4 6z` }, stage.marks);
        svg("title", {}, mark, `${consumer} has read up to here`);
      }
    }
  }

  // --- charts under the stage -------------------------------------------------------------------
  function sparks(stage, parent) {
    const changes = [];
    for (const places of Object.values(stage.film.dots)) {
      for (const states of Object.values(places)) {
        states.forEach(([ms, state], index) => {
          const before = index ? states[index - 1][1] : -1;
          const change = (state === VISIBLE || state === STORED ? 1 : 0) - (before === VISIBLE ? 1 : 0);
          if (change) changes.push([ms, change]);
        });
      }
    }
    if (!changes.length) return;
    changes.sort((a, b) => a[0] - b[0]);
    let level = 0, top = 1;
    const points = changes.map(([ms, change]) => { level += change; top = Math.max(top, level); return [ms, level]; });
    const picture = svg("svg", { class: "spark", viewBox: "0 0 600 52", preserveAspectRatio: "none", role: "img", "aria-label": "messages waiting" }, parent);
    const x = (ms) => 600 * (ms - begin) / span, y = (value) => 48 - 44 * value / top;
    svg("path", { d: "M0 48" + points.map(([ms, value], i) => `H${x(ms).toFixed(1)}V${y(value).toFixed(1)}`).join("") }, picture);
    stage.sparkLine = svg("line", { y1: 0, y2: 52 }, picture);
    html("p", { className: "quiet", textContent: `waiting (of the messages shown): at most ${top}` }, parent);
  }
  function spark(stage, t) {
    if (!stage.sparkLine) return;
    const x = 600 * (t - begin) / span;
    stage.sparkLine.setAttribute("x1", x); stage.sparkLine.setAttribute("x2", x);
  }

  // --- building it ------------------------------------------------------------------------------
  const frame = html("div", { className: "player", tabIndex: 0 }, holder);
  const controls = html("div", { className: "controls" }, frame);
  const playButton = html("button", { type: "button", textContent: "▶ play" }, controls);
  const back = html("button", { type: "button", textContent: "← step" }, controls);
  const forth = html("button", { type: "button", textContent: "step →" }, controls);
  const clock = html("span", { className: "clock" }, controls);
  const slider = html("input", { type: "range", min: 0, max: 10000, value: 0, ariaLabel: "time" }, controls);
  const speeds = html("select", { ariaLabel: "speed" }, html("label", { textContent: "speed " }, controls));
  for (const each of [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 100, 300, 1000]) speeds.append(new Option(`${each} ×`, each));
  const stops = html("input", { type: "checkbox", checked: true }, html("label", { textContent: "stop at surprises " }, controls));
  const say = html("p", { className: "say" }, frame);
  say.setAttribute("aria-live", "polite");
  say.textContent = "Dots are messages, coloured by key; a red rim: handed out before; a shrinking ring: what is left of the visibility timeout; a hatched lane: its group waits.";
  const stagesBox = html("div", { className: "stages" }, frame);
  for (const stage of films) {
    const box = html("div", { className: "stage" }, stagesBox);
    if (stage.film.variant) html("h3", { textContent: stage.film.variant }, box);
    draw(stage, box);
    sparks(stage, box);
  }
  const jumps = html("p", { className: "quiet" }, frame);
  const guess = html("p", {}, frame);
  const life = html("div", {}, frame);

  const moments = films.flatMap((stage) => stage.moments.map((one) => ({ ...one, variant: stage.film.variant })))
    .filter((one) => one.t >= begin && one.t <= end).sort((a, b) => a.t - b.t);
  const times = [...new Set(films.flatMap((stage) => [
    ...stage.film.messages.map((m) => m[2]),
    ...Object.values(stage.film.dots).flatMap((places) => Object.values(places).flatMap((states) => states.map((s) => s[0]))),
    ...stage.film.works.map((w) => w[1]),
  ]))].filter((ms) => ms <= end).sort((a, b) => a - b);

  let now = begin, speed = 1, playing = false, last = 0, chosen = null;
  const wanted = span / 30000;
  speeds.value = [...speeds.options].map((one) => Number(one.value)).reduce((a, b) => Math.abs(Math.log(b / wanted)) < Math.abs(Math.log(a / wanted)) ? b : a);
  speed = Number(speeds.value);

  function render() {
    clock.textContent = `${(now / 1000).toFixed(span < 20000 ? 3 : 2)} s`;
    slider.value = 10000 * (now - begin) / span;
    films.forEach((stage) => show(stage, now));
    Page.cursor(now / 1000, null);
    tell();
  }
  function seek(ms) { now = Math.min(end, Math.max(begin, ms)); render(); }
  function speak(one) {
    say.replaceChildren(`${one.variant ? `[${one.variant}] ` : ""}${(one.t / 1000).toFixed(2)} s: ${one.words} `);
    html("a", { href: one.source, textContent: "AWS on this", rel: "noreferrer" }, say);
  }
  function pause() { playing = false; playButton.textContent = "▶ play"; }
  function play() {
    if (now >= end) now = begin;
    playing = true; playButton.textContent = "❚❚ pause"; last = performance.now();
    requestAnimationFrame(tick);
  }
  function tick(at) {
    if (!playing) return;
    const passed = at - last;
    let to = calm ? (passed > 500 ? next(1) : now) : now + passed * speed;
    if (!calm || passed > 500) last = at;
    const surprise = stops.checked ? moments.find((one) => one.t > now && one.t <= to) : null;
    if (surprise) { to = surprise.t; speak(surprise); if (surprise.message >= 0) chosen = surprise.message; pause(); }
    if (to >= end) { to = end; pause(); reveal(); }
    seek(to);
    if (playing) requestAnimationFrame(tick);
  }
  function next(direction) {
    const found = direction > 0 ? times.find((ms) => ms > now + 1e-6) : times.findLast((ms) => ms < now - 1e-6);
    return found === undefined ? (direction > 0 ? end : begin) : found;
  }
  function follow(stage, message) { chosen = chosen === message ? null : message; render(); }

  // The life of the message that is followed, in every variant.
  const STATES = ["on its hop", "delayed", "visible", "in flight", "done", "dead-lettered", "gone", "stored"];
  let toldOf = null;
  function tell() {
    const key = chosen === null ? "" : `${chosen}`;
    if (toldOf !== key) {
      toldOf = key;
      life.replaceChildren();
      if (chosen === null) return;
      for (const stage of films) {
        const message = stage.film.messages[chosen];
        if (!message) continue;
        html("h4", { textContent: `${message[0]}, key ${message[1]}${stage.film.variant ? ` [${stage.film.variant}]` : ""}` }, life);
        const rows = Object.entries(stage.film.dots[chosen] || {}).flatMap(([place, states]) => states.map((s) => [s[0], place, STATES[s[1]] + (s[2] > 1 ? ` (attempt ${s[2]})` : "")]));
        for (const w of stage.film.works) if (w[4] === chosen) rows.push([w[1], w[2], (w[6] ? "processed with success" : "failed") + (w[5] > 1 ? ` (attempt ${w[5]})` : "")]);
        rows.push([message[2], message[0].split("#")[0], "published"]);
        rows.sort((a, b) => a[0] - b[0]);
        const table = html("table", { className: "biography" }, life);
        for (const [ms, place, what] of rows) {
          const row = html("tr", {}, table);
          row.dataset.ms = ms;
          [`${(ms / 1000).toFixed(3)} s`, place, what].forEach((cell) => html("td", { textContent: cell }, row));
          row.addEventListener("click", () => { pause(); seek(ms); });
        }
      }
    }
    for (const table of life.querySelectorAll("table")) {
      let current = null;
      for (const row of table.rows) { row.classList.remove("life-now"); if (Number(row.dataset.ms) <= now) current = row; }
      if (current) current.classList.add("life-now");
    }
  }

  // Predict, then see: how many of the messages shown will be processed more than once?
  function twiceIn(stage) {
    const counts = {};
    for (const work of stage.film.works) if (work[6]) counts[`${work[3]}|${work[4]}`] = (counts[`${work[3]}|${work[4]}`] || 0) + 1;
    return Object.values(counts).filter((count) => count > 1).length;
  }
  html("span", { textContent: "Before you play: how many of these messages will be processed more than once? " }, guess);
  const guesses = films.map((stage) => {
    const label = html("label", { textContent: stage.film.variant ? `${stage.film.variant} ` : "" }, guess);
    return html("input", { type: "number", min: 0, style: "width:5em", ariaLabel: `guess ${stage.film.variant}` }, label);
  });
  const answer = html("span", {}, guess);
  function reveal() {
    answer.textContent = " In this film: " + films.map((stage, i) => `${stage.film.variant ? stage.film.variant + " " : ""}${twiceIn(stage)}${guesses[i].value !== "" ? ` (you said ${guesses[i].value})` : ""}`).join(", ") + ".";
  }

  if (moments.length) {
    jumps.append("surprises: ");
    for (const one of moments) {
      const button = html("button", { type: "button", textContent: `${(one.t / 1000).toFixed(1)} s` }, jumps);
      button.title = one.words;
      button.addEventListener("click", () => { pause(); if (one.message >= 0) chosen = one.message; seek(one.t); speak(one); });
      jumps.append(" ");
    }
  }
  const link = html("button", { type: "button", textContent: "link to this moment" }, controls);
  link.addEventListener("click", () => {
    history.replaceState(null, "", `#t=${(now / 1000).toFixed(3)}${chosen === null ? "" : `&msg=${chosen + 1}`}&pause`);
    if (navigator.clipboard) navigator.clipboard.writeText(location.href).catch(() => {});
  });
  playButton.addEventListener("click", () => playing ? pause() : play());
  back.addEventListener("click", () => { pause(); seek(next(-1)); });
  forth.addEventListener("click", () => { pause(); seek(next(1)); });
  slider.addEventListener("input", () => { pause(); seek(begin + span * slider.value / 10000); });
  speeds.addEventListener("change", () => { speed = Number(speeds.value); });
  document.addEventListener("keydown", (event) => {
    if (/^(INPUT|SELECT|TEXTAREA|BUTTON|SUMMARY|A)$/.test(event.target.tagName) || event.target.dataset.panel) return;
    if (event.key === " ") { event.preventDefault(); playing ? pause() : play(); }
    if (event.key === "ArrowRight") { event.preventDefault(); pause(); seek(next(1)); }
    if (event.key === "ArrowLeft") { event.preventDefault(); pause(); seek(next(-1)); }
  });

  // #t=192&msg=17&pause opens at a moment; without `pause` it plays from there.
  function open() {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (!asked.has("t")) return;
    pause();
    if (asked.has("msg")) chosen = Number(asked.get("msg")) - 1;
    seek(Number(asked.get("t")) * 1000);
    document.getElementById("replay").scrollIntoView();
    if (!asked.has("pause")) play();
  }
  window.addEventListener("hashchange", open);
  render();
  open();
  return { seek, get now() { return now; }, get chosen() { return chosen; } };
})();
