// The page of a run that is under way, or of one of its hosts: follows it by
// server-sent events, and hands on what the buttons ask for.
import { sections } from "./morph.js";
import { Log } from "./log.js";

const page = document.getElementById("run");
const at = (id) => document.getElementById(id);
const address = "/runs/" + encodeURIComponent(page.dataset.run);
const host = page.dataset.host || "";
const log = new Log(at("log") || document.createElement("ol")); // none where somebody looks at what was searched for
log.last = Math.max(log.last, Number(page.dataset.last));
let source, heard, wait = 1000;

// --- following ---

function follow() {
  source = new EventSource(`${address}/events?after=${log.last}${host && "&host=" + encodeURIComponent(host)}`);
  source.addEventListener("records", (e) => {
    const records = JSON.parse(e.data);
    log.add(records);
    for (const r of records) announce(r);
    alive();
  });
  source.addEventListener("view", (e) => {
    sections(JSON.parse(e.data));
    title();
    alive();
  });
  source.addEventListener("problem", (e) => banner(JSON.parse(e.data)));
  source.addEventListener("end", () => {
    source.close();
    alive();
    page.dataset.live = "";
  });
  source.onopen = alive;
  source.onerror = () => {
    banner(`The connection is lost${heard ? `; what you see is from ${heard}` : ""}. Trying again.`);
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries by itself
    setTimeout(follow, wait);
    wait = Math.min(wait * 2, 15000);
  };
}

function alive() {
  heard = new Date().toISOString().slice(11, 19);
  wait = 1000;
  banner("");
}

function banner(text) {
  const b = at("connection");
  b.hidden = !text;
  if (b.textContent !== text) b.textContent = text;
}

function title() {
  const words = at("sentence")?.textContent || "";
  document.title = (host && host + " ") + words.slice(0, 60) + " · shipit";
}

// What changes the run is said aloud, politely; what fails, at once.
function announce(r) {
  if (r.minor) return;
  if (r.tone === "bad") at("alarm").textContent = `${r.host || ""} ${r.text}`;
  else if (["strong", "warn"].includes(r.tone)) at("heard").textContent = r.text;
}

// --- the log's tools ---

if (at("tools")) at("tools").hidden = false;
at("find")?.addEventListener("input", (e) => {
  const n = log.search(e.target.value);
  at("found").textContent = e.target.value ? `${n} found` : "";
});
at("steps")?.addEventListener("change", (e) => at("log").classList.toggle("nosteps", !e.target.checked));
at("follow")?.addEventListener("change", (e) => (log.follow = e.target.checked));
log.list.scrollTop = log.list.scrollHeight;

// --- keys, as on the screen of a terminal ---

document.addEventListener("keydown", (e) => {
  if (e.target.matches("input, select, textarea") || e.ctrlKey || e.metaKey || e.altKey) return;
  if (e.target.matches(".cell") && among(e)) return e.preventDefault();
  const button = (wish) => document.querySelector(`button[form=act][value^="${wish} "]`);
  const open = (id, wish) => {
    if (at(id)) at(id).open = true;
    (at(id)?.querySelector("select") || button(wish))?.focus();
  };
  if (e.key === "/") document.querySelector("input[type=search]")?.focus();
  else if (e.key === "p") button("pause")?.focus();
  else if (e.key === "c") button("continue")?.focus();
  else if (e.key === "a") open("abort", "abort");
  else if (e.key === "r") open("retry", "retry");
  else if (e.key === "s") open("skip", "skip");
  else if (e.key === "h") (document.querySelector(".cell.bad") || document.querySelector(".cell, .hosts a"))?.focus();
  else if (e.key === "[") at("before")?.click();
  else if (e.key === "]") at("after")?.click();
  else return;
  e.preventDefault();
});

// among goes from cell to cell of the hosts; so many stand side by side as have
// the first one's height.
function among(e) {
  const cells = [...document.querySelectorAll(".cell")];
  const top = cells[0].getBoundingClientRect().top;
  const wide = cells.filter((c) => c.getBoundingClientRect().top === top).length;
  const now = cells.indexOf(e.target);
  const to = { ArrowLeft: now - 1, ArrowRight: now + 1, ArrowUp: now - wide, ArrowDown: now + wide, Home: 0, End: cells.length - 1 }[e.key];
  cells[to]?.focus();
  return to !== undefined;
}

// --- wishes ---

at("act")?.addEventListener("submit", async (e) => {
  e.preventDefault();
  const form = new FormData(e.target, e.submitter);
  tell("Handing in…");
  try {
    const answer = await fetch(e.target.action, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams(form),
    });
    const said = await answer.json();
    tell(said.text || said.problem);
    if (answer.ok) for (const id of ["abort", "skip", "retry"]) if (at(id)) at(id).open = false;
  } catch {
    tell("The server did not answer. Whether the wish was handed in, the log will say.");
  }
});

function tell(text) {
  const t = at("told");
  t.hidden = !text;
  t.textContent = text;
}

title();
if (page.dataset.live) follow();
