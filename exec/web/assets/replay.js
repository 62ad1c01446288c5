// Plays a recorded run again: the server draws it as it stood after any of its
// events, and this asks for one after the other.
import { sections } from "./morph.js";

const page = document.getElementById("replay");
const at = (id) => document.getElementById(id);
const address = "/runs/" + encodeURIComponent(page.dataset.run);
const last = Number(page.dataset.last);
let now = Number(page.dataset.at), times = [], playing = false, busy = false;

at("player").hidden = false;

async function show(seq) {
  if (busy || seq === now) return;
  busy = true;
  try {
    const answer = await fetch(`${address}/replay?at=${seq}`, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const drawn = await answer.json();
    now = drawn.at;
    sections(drawn.sections);
    at("row").textContent = now ? `${drawn.row.seq} · ${drawn.row.time} ${drawn.row.host || ""} ${drawn.row.text}` : "";
    at("slider").value = at("at").value = now;
    history.replaceState(null, "", `?at=${now}`);
  } finally {
    busy = false;
  }
}

// moment is the milliseconds at which an event happened; event the last one at
// a moment.
const moment = (seq) => (times.findLast(([n]) => n <= seq) || [0, 0])[1];
const event = (ms) => (times.findLast(([, t]) => t <= ms) || [0])[0];

async function play() {
  if (!times.length) times = await (await fetch(`${address}/times`)).json();
  if (now >= last) await show(0);
  let clock = moment(now), from = performance.now();
  while (playing && now < last) {
    const t = performance.now();
    clock += (t - from) * Number(at("speed").value);
    from = t;
    await show(event(clock));
    await new Promise((done) => setTimeout(done, 100));
  }
  stop();
}

function stop() {
  playing = false;
  at("play").textContent = "Play";
}

at("play").addEventListener("click", () => {
  if (playing) return stop();
  playing = true;
  at("play").textContent = "Hold";
  play().catch(stop);
});
at("slider").addEventListener("input", (e) => {
  stop();
  show(Number(e.target.value));
});
at("slider").addEventListener("change", (e) => show(Number(e.target.value)));
