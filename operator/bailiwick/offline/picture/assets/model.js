// What the page was given, what is chosen, and what that leaves to be seen.

const data = JSON.parse(document.getElementById("data").textContent);
const { groups, nodes, bundles, strokes } = data;
const lines = data.lines.map(([source, target, stroke, ports, by, whys], number) => ({
  number,
  source,
  target,
  stroke,
  whys,
  ports: data.texts[ports],
  by: by.map((rule) => data.texts[rule]),
  bends: data.bends[number] ?? [],
}));
const NAMESPACE = "namespace";
const MOST_UNFOLDED = 1500;

for (const [number, node] of nodes.entries()) Object.assign(node, { number, lines: [] });
for (const [number, group] of groups.entries()) {
  Object.assign(group, { number, lines: [], bundles: [], inside: [], members: [] });
}
for (const [number, bundle] of bundles.entries()) {
  bundle.number = number;
  groups[bundle.source].bundles.push(bundle);
  groups[bundle.target].bundles.push(bundle);
}
for (const node of nodes) groups[node.group].members.push(node);
for (const line of lines) {
  const source = nodes[line.source];
  const target = nodes[line.target];
  source.lines.push(line);
  if (target !== source) target.lines.push(line);
  groups[source.group].lines.push(line);
  if (source.group === target.group) groups[source.group].inside.push(line);
  else groups[target.group].lines.push(line);
}
for (const stroke of strokes) stroke.style = stroke.name.replaceAll(" ", "-");

// `chosen` is nothing, or a node, a group, a line or a bundle, by its list and number.
const state = { chosen: null, hidden: new Set(), only: null, wanted: "", zoom: 1 };

const isShown = (line) =>
  !state.hidden.has(line.stroke) &&
  (state.only === null ||
    nodes[line.source].group === state.only ||
    nodes[line.target].group === state.only);

const isNodeShown = (node) =>
  state.only === null || node.group === state.only || node.lines.some(isShown);

const isGroupShown = (group) => state.only === null || group.members.some(isNodeShown);

const shownOf = (bundle) => bundle.lines.map((number) => lines[number]).filter(isShown);

const isMatch = (node) =>
  state.wanted !== "" &&
  `${groups[node.group].name}/${node.name}`.toLowerCase().includes(state.wanted);

const matches = () => nodes.filter((node) => isNodeShown(node) && isMatch(node));

// The lines that what is chosen is about.
function chosenLines() {
  const { kind, number } = state.chosen ?? {};
  if (kind === "node") return nodes[number].lines.filter(isShown);
  if (kind === "group") return groups[number].lines.filter(isShown);
  if (kind === "line") return [lines[number]].filter(isShown);
  if (kind === "bundle") return shownOf(bundles[number]);
  return [];
}

// The most alarming stroke among the lines of a node, or null where all is as it should be.
function alarm(node) {
  const found = new Set(node.lines.map((line) => line.stroke));
  const worst = data.severity.find((stroke) => found.has(stroke));
  return worst === undefined || isUsual(strokes[worst]) ? null : strokes[worst];
}

const isOpen = (node) => node.openIn || node.openOut;

const isUsual = (stroke) => stroke.name === "declared" || stroke.name === "undeclared";
