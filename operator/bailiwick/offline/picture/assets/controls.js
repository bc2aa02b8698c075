// What people do: choose, search, filter, zoom, with a pointer or the keyboard.

const search = document.getElementById("search");
const only = document.getElementById("only");
const said = document.getElementById("said");
const THEMES = ["system", "light", "dark"];
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
let current = null;

function choose(kind, number) {
  state.chosen = { kind, number };
  if (kind === "node" || kind === "group") setCurrent((kind === "node" ? nodes : groups)[number]);
  refresh();
  showPanel();
}

function letGo() {
  const wasInPanel = panel.contains(document.activeElement);
  state.chosen = null;
  refresh();
  showPanel();
  if (wasInPanel) current?.button.focus({ preventScroll: true });
}

// One thing in the picture takes part in the order of the Tab key; arrow keys move it.
function setCurrent(thing) {
  if (current) current.button.tabIndex = -1;
  current = thing;
  current.button.tabIndex = 0;
}

function onFocus(event) {
  const found = [...groups, ...nodes].find((thing) => thing.button === event.target);
  if (found) setCurrent(found);
}

function goTo(thing) {
  reveal(thing.box);
  thing.button.focus({ preventScroll: true });
}

function middle(thing) {
  const [x, y, width] = thing.box;
  // A group is where its name stands.
  return [x + width / 2, y + (thing.members ? 20 : thing.box[3] / 2)];
}

function nearest([dx, dy]) {
  const [x, y] = middle(current);
  let best = null;
  let least = Infinity;
  for (const thing of [...groups.filter(isGroupShown), ...nodes.filter(isNodeShown)]) {
    const [tx, ty] = middle(thing);
    const along = (tx - x) * dx + (ty - y) * dy;
    const across = Math.abs((tx - x) * dy) + Math.abs((ty - y) * dx);
    const far = along + 2.2 * across;
    if (thing !== current && along > 4 && across < 4 * along && far < least)
      [best, least] = [thing, far];
  }
  return best;
}

function onKeyInView(event) {
  const arrow = ARROWS[event.key];
  if (arrow && current && event.target === current.button) {
    event.preventDefault();
    const found = nearest(arrow);
    if (found) goTo(found);
  }
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input[type=search], select");
  if (event.key === "Escape") {
    if (isTyping && search.value) return;
    letGo();
  } else if (!isTyping) {
    const acts = {
      "/": () => search.focus(),
      "+": () => zoomBy(1.2),
      "-": () => zoomBy(1 / 1.2),
      0: fitAll,
    };
    if (event.key in acts) {
      event.preventDefault();
      acts[event.key]();
    }
  }
}

function onSearch() {
  state.wanted = search.value.trim().toLowerCase();
  const found = matches();
  said.textContent = state.wanted
    ? `${found.length} of ${many(nodes.length, "workload")} match`
    : "";
  refresh();
}

// Enter goes through what was found.
function onSearchKey(event) {
  const found = matches();
  if (event.key !== "Enter" || found.length === 0) return;
  const at = found.findIndex(
    (node) => state.chosen?.kind === "node" && state.chosen.number === node.number,
  );
  const next = found[(at + (event.shiftKey ? found.length - 1 : 1)) % found.length] ?? found[0];
  choose("node", next.number);
  reveal(next.box);
  said.textContent = `${found.indexOf(next) + 1} of ${found.length}: ${described(next)}`;
}

function onFilter() {
  state.only = only.value === "" ? null : Number(only.value);
  state.chosen = state.only === null ? null : { kind: "group", number: state.only };
  const seen = nodes.filter(isNodeShown).length;
  said.textContent =
    state.only === null ? "" : `${many(seen, "workload")} with ${groups[state.only].name}`;
  refresh();
  showPanel();
  const first = groups[state.only ?? 0];
  if (first) setCurrent(first);
  fitAll();
}

function buildLegend() {
  const legend = document.getElementById("legend");
  for (const [number, stroke] of strokes.entries()) {
    const count = lines.filter((line) => line.stroke === number).length;
    const box = make("input", {
      type: "checkbox",
      checked: "",
      disabled: count === 0 ? "" : false,
    });
    box.addEventListener("change", () => {
      if (box.checked) state.hidden.delete(number);
      else state.hidden.add(number);
      refresh();
      showPanel();
    });
    const title = `${capital(stroke.name)}: ${stroke.meaning}`;
    legend.append(
      make(
        "label",
        { title },
        box,
        sample(stroke),
        stroke.name,
        make("span", { class: "count", text: count }),
      ),
    );
  }
  const open = nodes.filter(isOpen).length;
  const title = "No policy restricts what reaches it, or what it reaches";
  legend.append(
    make(
      "span",
      { class: "key", title },
      make("span", { class: "frame" }),
      "not isolated",
      make("span", { class: "count", text: open }),
    ),
  );
}

function buildFilter() {
  for (const group of groups) {
    if (group.side === NAMESPACE)
      only.append(make("option", { value: group.number, text: group.name }));
  }
}

function onTheme(event) {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "system") + 1) % THEMES.length];
  if (next === "system") delete root.dataset.theme;
  else root.dataset.theme = next;
  event.currentTarget.textContent = `Theme: ${next}`;
}

function listenToPointer() {
  view.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      setZoom(state.zoom * Math.exp(-event.deltaY / 300), { x: event.clientX, y: event.clientY });
    },
    { passive: false },
  );
  let held = null;
  view.addEventListener("pointerdown", (event) => {
    if (
      event.button !== 0 ||
      event.pointerType === "touch" ||
      event.target.closest("button, .drawn")
    )
      return;
    held = { x: event.clientX + view.scrollLeft, y: event.clientY + view.scrollTop, moved: false };
    view.setPointerCapture(event.pointerId);
  });
  view.addEventListener("pointermove", (event) => {
    if (!held) return;
    held.moved ||=
      Math.hypot(
        held.x - view.scrollLeft - event.clientX,
        held.y - view.scrollTop - event.clientY,
      ) > 4;
    view.classList.toggle("dragged", held.moved);
    view.scrollTo(held.x - event.clientX, held.y - event.clientY);
  });
  view.addEventListener("pointerup", () => {
    if (held && !held.moved) letGo();
    held = null;
    view.classList.remove("dragged");
  });
}

// Show in the picture which line is being read about.
function point(line, isOpen) {
  for (const shape of above.querySelectorAll(`[data-kind="line"][data-number="${line.number}"]`)) {
    shape.classList.toggle("chosen", isOpen);
    if (isOpen) above.append(shape);
  }
}
