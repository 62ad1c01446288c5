// The log of a run: records come from the server as data and go into the page
// as text, never as markup.
const most = 2000;

export class Log {
  constructor(list) {
    this.list = list;
    this.query = "";
    this.follow = true;
    this.last = Number(list.lastElementChild?.id.slice(1) || 0);
  }

  // add takes records in the order of their numbers; one that is there already
  // is left out.
  add(records) {
    const fresh = document.createDocumentFragment();
    for (const r of records) {
      if (r.seq <= this.last) continue;
      this.last = r.seq;
      fresh.append(this.row(r));
    }
    this.list.append(fresh);
    while (this.list.childElementCount > most) this.list.firstElementChild.remove();
    if (this.follow) this.list.scrollTop = this.list.scrollHeight;
  }

  row(r) {
    const li = element("li", ["row", r.tone, r.minor && "minor"].filter(Boolean).join(" "));
    li.id = "r" + r.seq;
    const seq = element("a", "seq", r.seq);
    seq.href = "#r" + r.seq;
    li.append(seq, " ", element("time", "", r.time), " ");
    if (r.host) li.append(element("b", "host", r.host), " ");
    li.append(element("span", "text", r.text));
    if (r.at) li.append(" ", element("span", "at", "(" + r.at + ")"));
    if (r.detail) li.append(element("pre", "", r.detail.join("\n") + "\n"));
    this.match(li);
    return li;
  }

  // search hides what does not hold the text, and says how many do.
  search(query) {
    this.query = query.toLowerCase();
    let found = 0;
    for (const li of this.list.children) if (this.match(li)) found++;
    return found;
  }

  match(li) {
    const yes = !this.query || li.textContent.toLowerCase().includes(this.query);
    li.hidden = !yes;
    return yes;
  }
}

function element(name, kind, text) {
  const e = document.createElement(name);
  if (kind) e.className = kind;
  if (text !== undefined) e.textContent = text;
  return e;
}
