/* Elements of a page. Everything that a person wrote or named goes through textContent. */

function make(tag, className, ...content) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...content);
  return node;
}

function button(className, text, title, onClick) {
  const node = make("button", className, text);
  Object.assign(node, { type: "button", title, onclick: onClick });
  return node;
}
