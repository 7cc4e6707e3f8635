// Building and updating elements. Text only ever becomes a text node, so that
// nothing a machine or a rule is called can turn into markup.

const svgSpace = "http://www.w3.org/2000/svg";

// el builds an element: el("p", {class: "x"}, "text", child, null).
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// svg builds an element of a drawing.
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(svgSpace, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, String(value));
    }
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) {
      node.append(child); // strings become text nodes
    }
  }
  return node;
}

// reconcile makes the children of parent show items, in order. An element is
// built anew only when what it shows has changed, so that an opened detail
// stays open and a selection stays selected.
export function reconcile(parent, items, keyOf, build) {
  const old = new Map();
  for (const node of parent.children) {
    old.set(node.lwKey, node);
  }
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const content = JSON.stringify(item);
    let node = old.get(key);
    old.delete(key);
    if (!node || node.lwContent !== content) {
      const fresh = build(item);
      fresh.lwKey = key;
      fresh.lwContent = content;
      if (node) {
        if (place === node) {
          place = fresh;
        }
        node.replaceWith(fresh);
      }
      node = fresh;
    }
    if (node === place) {
      place = place.nextElementSibling;
    } else {
      parent.insertBefore(node, place);
    }
  }
  for (const node of old.values()) {
    node.remove();
  }
}

// show hides or shows an element by id.
export function show(id, visible) {
  document.getElementById(id).hidden = !visible;
}

// text sets the text of an element by id, if it differs.
export function text(id, value) {
  const node = document.getElementById(id);
  if (node.textContent !== value) {
    node.textContent = value;
  }
}
