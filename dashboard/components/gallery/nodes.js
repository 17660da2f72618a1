/* Elements of a page. Everything that a person wrote or named goes through textContent. */

function make(tag, className, ...content) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...content);
  return node;
}

function button(className, content, title, onClick) {
  const node = make("button", className, content);
  Object.assign(node, { type: "button", title, onclick: onClick });
  return node;
}

/* Whether nobody is using a control of the page: at most the link of the navigation bar that led here has the focus. */
function isFocusFree() {
  const { activeElement } = document;
  return !activeElement || activeElement === document.body || activeElement.matches('[data-testid="stTopNavLink"][aria-current="page"]');
}

/* A list of keys and what they do, hidden at first. */
function keysHelp(rows, onClose) {
  const list = make("dl");
  for (const [keys, does] of rows) list.append(make("dt", "", keys), make("dd", "", does));
  const help = make("div", "help", make("h4", "", "Keys"), list, button("plain", "Close", "Close (?)", onClose));
  help.hidden = true;
  return help;
}
