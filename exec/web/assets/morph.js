// morph makes a node what another one is and keeps what is the same: focus,
// scrolling, and what a person opened or typed.
function morph(from, to) {
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.nodeValue !== to.nodeValue) from.nodeValue = to.nodeValue;
    return;
  }
  const own = from.nodeName === "DETAILS" ? ["open"] : [];
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && !own.includes(name)) from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && !own.includes(name)) from.setAttribute(name, value);
  }
  if (from.nodeName === "INPUT") return;
  if (from.nodeName !== "SELECT") return morphChildren(from, to);
  if (from === document.activeElement) return; // somebody is choosing
  const chosen = from.value; // stays what it is, or is nothing; never what came in its place
  morphChildren(from, to);
  from.value = [...from.options].some((o) => o.value === chosen) ? chosen : "";
}

// morphChildren does so with what a node holds. What is not the same comes in
// its place anew: who is about to press a button presses that one or none.
export function morphChildren(from, to) {
  let at = from.firstChild;
  for (const want of to.childNodes) {
    let like = at;
    while (like && !same(like, want)) like = like.nextSibling;
    if (!like) {
      from.insertBefore(want.cloneNode(true), at);
      continue;
    }
    while (at !== like) at = without(at);
    morph(at, want);
    at = at.nextSibling;
  }
  while (at) at = without(at);
}

// without removes a node, and is the next one.
function without(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

const same = (a, b) => a.nodeName === b.nodeName && a.id === b.id && wish(a) === wish(b);

// wish is what a button asks for. The event that was seen last is no part of
// it, but of an answer, where it says which question that is.
function wish(node) {
  if (node.nodeName !== "BUTTON") return "";
  return node.value.startsWith("answer ") ? node.value : node.value.replace(/ \d+/, "");
}

// parsed is HTML from this server, whose templates escaped what is in it, as
// a node that is in no page. The page's policy lets nothing in it run.
export function parsed(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

// sections puts what the server drew into the page. Without an element around
// it, the parser would drop the space that it begins with, which the page has.
export function sections(all) {
  for (const { Name, HTML } of all) {
    const at = document.getElementById("section-" + Name);
    if (at) morphChildren(at, parsed(`<div>${HTML}</div>`).body.firstChild);
  }
}
