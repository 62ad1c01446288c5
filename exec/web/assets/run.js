// The page of a run that is under way: follows it by server-sent events, and
// hands on what the buttons ask for.
import { sections } from "./morph.js";
import { Log } from "./log.js";

const page = document.getElementById("run");
const at = (id) => document.getElementById(id);
const address = "/runs/" + encodeURIComponent(page.dataset.run);
const log = new Log(at("log"));
log.last = Math.max(log.last, Number(page.dataset.last));
let source, heard, wait = 1000;

// --- following ---

function follow() {
  source = new EventSource(`${address}/events?after=${log.last}`);
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
  document.title = words.slice(0, 60) + " · shipit";
}

// What changes the run is said aloud, politely; what fails, at once.
function announce(r) {
  if (r.minor) return;
  if (r.tone === "bad") at("alarm").textContent = `${r.host || ""} ${r.text}`;
  else if (["strong", "warn"].includes(r.tone)) at("heard").textContent = r.text;
}

// --- the log's tools ---

at("tools").hidden = false;
at("find").addEventListener("input", (e) => {
  const n = log.search(e.target.value);
  at("found").textContent = e.target.value ? `${n} found` : "";
});
at("steps").addEventListener("change", (e) => at("log").classList.toggle("nosteps", !e.target.checked));
at("follow").addEventListener("change", (e) => (log.follow = e.target.checked));
at("log").scrollTop = at("log").scrollHeight;

// --- keys, as on the screen of a terminal ---

document.addEventListener("keydown", (e) => {
  if (e.target.matches("input, select, textarea") || e.ctrlKey || e.metaKey || e.altKey) return;
  const button = (wish) => document.querySelector(`button[form=act][value^="${wish} "]`);
  if (e.key === "/") at("find").focus();
  else if (e.key === "p") button("pause")?.focus();
  else if (e.key === "c") button("continue")?.focus();
  else if (e.key === "a" && at("abort")) {
    at("abort").open = true;
    button("abort")?.focus();
  } else return;
  e.preventDefault();
});

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
    if (answer.ok && at("abort")) at("abort").open = false;
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
