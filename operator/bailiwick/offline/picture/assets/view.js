// Boxes of groups and nodes, how large they are shown, and which part is in sight.

const view = document.getElementById("view");
const room = document.getElementById("room");
const canvas = document.getElementById("canvas");
const below = document.getElementById("below");
const above = document.getElementById("above");
const panel = document.getElementById("panel");
const LEAST_ZOOM = 0.25;
const MOST_ZOOM = 2.5;
const FAR = 0.45;

function placed(element, [left, top, width, height]) {
  Object.assign(element.style, {
    left: `${left}px`,
    top: `${top}px`,
    width: `${width}px`,
    height: `${height}px`,
  });
  return element;
}

function build() {
  const [width, height] = data.size;
  placed(canvas, [0, 0, width, height]);
  for (const layer of [below, above]) {
    layer.setAttribute("width", width);
    layer.setAttribute("height", height);
  }
  canvas.classList.toggle("dense", !data.roomy);
  for (const group of groups) canvas.insertBefore(placed(boxOf(group), group.box), above);
  for (const node of nodes) canvas.append(placed(buttonOf(node), node.box));
}

function boxOf(group) {
  group.button = make(
    "button",
    { type: "button", tabindex: "-1", click: () => choose("group", group.number) },
    make("span", { class: "name", text: group.name, title: group.name }),
    make("span", { class: "held" }),
  );
  group.button.style.setProperty("--header", `${group.header}px`);
  group.element = make(
    "div",
    { class: group.side === NAMESPACE ? "group" : "group outside" },
    group.button,
  );
  return group.element;
}

function buttonOf(node) {
  const worst = alarm(node);
  const sign = worst ? SIGNS[worst.style] : "";
  node.button = make(
    "button",
    {
      type: "button",
      tabindex: "-1",
      title: node.name,
      class: isOpen(node) ? "node open" : "node",
      click: () => choose("node", node.number),
    },
    sign ? make("span", { class: `sign ${worst.style}`, "aria-hidden": "true", text: sign }) : null,
    make("span", { class: "name" }, ...split(node.name)),
    node.shownPorts ? make("span", { class: "ports", text: node.shownPorts }) : null,
  );
  return node.button;
}

// A name that is too long is cut in its middle: the end tells names apart as often as the start.
function split(name) {
  const letters = [...name];
  const at = letters.length > 12 ? letters.length - 8 : letters.length;
  return [
    make("span", { class: "start", text: letters.slice(0, at).join("") }),
    make("span", { class: "rest", text: letters.slice(at).join("") }),
  ];
}

// Show anew what depends on what is chosen, wanted or filtered.
function refresh() {
  const about = chosenLines();
  const near = new Set(about.flatMap((line) => [nodes[line.source], nodes[line.target]]));
  const { kind, number } = state.chosen ?? {};
  if (kind === "node") near.add(nodes[number]);
  if (kind === "group") for (const node of groups[number].members) near.add(node);
  const nearGroups = new Set([...near].map((node) => node.group));
  for (const group of groups) {
    group.element.hidden = !isGroupShown(group);
    group.element.classList.toggle("faded", state.chosen !== null && !nearGroups.has(group.number));
    group.element.classList.toggle("chosen", kind === "group" && number === group.number);
    const more = folded(group);
    const held = group.button.querySelector(".held");
    held.textContent = held.title = [group.held, more].filter(Boolean).join(" · ");
    group.button.setAttribute("aria-pressed", kind === "group" && number === group.number);
    group.button.setAttribute(
      "aria-label",
      [group.name, group.held, many(group.members.length, "member"), more]
        .filter(Boolean)
        .join("; "),
    );
  }
  for (const node of nodes) {
    node.button.hidden = !isNodeShown(node);
    const isFaded = state.chosen !== null ? !near.has(node) : state.wanted !== "";
    node.button.classList.toggle("faded", isFaded && !isMatch(node));
    node.button.classList.toggle(
      "near",
      state.chosen !== null && kind !== "group" && near.has(node),
    );
    node.button.classList.toggle("match", isMatch(node));
    node.button.classList.toggle("chosen", kind === "node" && number === node.number);
    node.button.setAttribute("aria-pressed", kind === "node" && number === node.number);
    node.button.setAttribute("aria-label", described(node));
  }
  drawLines();
}

function setZoom(zoom, at = null) {
  const before = state.zoom;
  state.zoom = Math.min(Math.max(zoom, LEAST_ZOOM), MOST_ZOOM);
  const area = view.getBoundingClientRect();
  const { x, y } = at ?? { x: area.left + area.width / 2, y: area.top + area.height / 2 };
  const held = canvas.getBoundingClientRect();
  const [width, height] = data.size.map((length) => length * state.zoom);
  room.style.width = `${Math.max(width, view.clientWidth)}px`;
  room.style.height = `${Math.max(height, view.clientHeight)}px`;
  canvas.style.left = `${Math.max(0, (view.clientWidth - width) / 2)}px`;
  canvas.style.top = `${Math.max(0, (view.clientHeight - height) / 2)}px`;
  canvas.style.transform = `scale(${state.zoom})`;
  canvas.style.setProperty("--zoom", state.zoom);
  canvas.classList.toggle("far", state.zoom < FAR);
  // What was under the pointer stays there.
  const now = canvas.getBoundingClientRect();
  const ratio = state.zoom / before;
  view.scrollLeft += now.left + (x - held.left) * ratio - x;
  view.scrollTop += now.top + (y - held.top) * ratio - y;
}

// What is chosen stays in sight, wherever it was.
function zoomBy(factor) {
  setZoom(state.zoom * factor);
  const { kind, number } = state.chosen ?? {};
  const thing = { node: nodes, group: groups }[kind]?.[number];
  if (thing) bringIntoSight(thing.box);
}

// Bring boxes into sight: as large as the view allows, but not larger than life.
function fit(boxes) {
  if (boxes.length === 0) return;
  const left = Math.min(...boxes.map(([x]) => x));
  const top = Math.min(...boxes.map(([, y]) => y));
  const right = Math.max(...boxes.map(([x, , w]) => x + w));
  const bottom = Math.max(...boxes.map(([, y, , h]) => y + h));
  const margin = 48;
  const zoom = Math.min(
    view.clientWidth / (right - left + margin),
    view.clientHeight / (bottom - top + margin),
    1.15,
  );
  setZoom(zoom);
  scrollTo((left + right) / 2, (top + bottom) / 2);
}

function scrollTo(x, y) {
  const offsetLeft = parseFloat(canvas.style.left);
  const offsetTop = parseFloat(canvas.style.top);
  view.scrollTo(
    offsetLeft + x * state.zoom - view.clientWidth / 2,
    offsetTop + y * state.zoom - view.clientHeight / 2,
  );
}

const fitAll = () => fit(groups.filter(isGroupShown).map((group) => group.box));

// Go to a box that is out of sight, or too small to be read.
function reveal(box) {
  if (state.zoom < FAR) setZoom(0.9);
  bringIntoSight(box);
}

function bringIntoSight([left, top, width, height]) {
  const area = view.getBoundingClientRect();
  const at = canvas.getBoundingClientRect();
  const x = at.left + left * state.zoom;
  const y = at.top + top * state.zoom;
  const inSight =
    x >= area.left &&
    y >= area.top &&
    x + width * state.zoom <= area.right &&
    y + height * state.zoom <= area.bottom;
  if (!inSight) scrollTo(left + width / 2, top + height / 2);
}
