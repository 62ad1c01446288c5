// morph makes a node what another one is and keeps what is the same: focus,
// scrolling, and what a person opened or typed.
export function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) {
    from.replaceWith(to.cloneNode(true));
    return;
  }
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

export function morphChildren(from, to) {
  const want = [...to.childNodes];
  while (from.childNodes.length > want.length) from.lastChild.remove();
  want.forEach((node, i) => {
    if (i < from.childNodes.length) morph(from.childNodes[i], node);
    else from.appendChild(node.cloneNode(true));
  });
}

// parsed is HTML from this server, whose templates escaped what is in it, as
// a node that is in no page. The page's policy lets nothing in it run.
export function parsed(html) {
  return new DOMParser().parseFromString(html, "text/html");
}

// sections puts what the server drew into the page.
export function sections(all) {
  for (const { Name, HTML } of all) {
    const at = document.getElementById("section-" + Name);
    if (at) morphChildren(at, parsed(HTML).body);
  }
}
