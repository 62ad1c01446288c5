// Pages that change by themselves are fetched again, unless somebody is typing.
import { morphChildren, parsed } from "./morph.js";

const main = document.getElementById("main");
const every = Number(main?.dataset.refresh || 0) * 1000;
if (every && !document.getElementById("run")) setTimeout(refresh, every);

async function refresh() {
  const typing = document.activeElement?.matches("input, select, textarea");
  if (!document.hidden && !typing) {
    try {
      const answer = await fetch(location.href, { redirect: "error" });
      if (answer.ok) {
        const fresh = parsed(await answer.text());
        const now = fresh.getElementById("main");
        morphChildren(main, now);
        document.title = fresh.title;
        if (!now.dataset.refresh) return;
      }
    } catch {
      // The server is away; the next time may do.
    }
  }
  setTimeout(refresh, every);
}
