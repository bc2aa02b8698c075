// Elements and texts. Every text becomes a text node: names are other people's.

function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "text") made.textContent = value;
    else if (key === "click") made.addEventListener("click", value);
    else if (value !== false) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const many = (count, word = "connection") => `${count} ${word}${count === 1 ? "" : "s"}`;

function called(node, here = null) {
  const group = groups[node.group];
  return group.side === NAMESPACE && group.number !== here
    ? `${group.name}/${node.name}`
    : node.name;
}

function described(node) {
  const group = groups[node.group];
  const what = node.kind ? `${node.kind} in namespace ${group.name}` : group.name;
  const shown = node.lines.filter(isShown);
  const leaving = shown.filter((line) => nodes[line.source] === node).length;
  const parts = [`${node.name}, ${what}`, `${leaving} out, ${shown.length - leaving} in`];
  const worst = alarm(node);
  if (worst) parts.push(`has ${worst.name} connections`);
  if (isOpen(node)) parts.push(openness(node));
  return parts.join("; ");
}

function openness(node) {
  if (node.openIn && node.openOut) return "not isolated: no policy restricts its traffic";
  return node.openIn
    ? "no policy restricts what reaches it"
    : "no policy restricts what it reaches";
}

// Lines of a group that are not drawn before it is chosen, since they would hide the others.
function folded(group) {
  const callers = new Set(
    group.bundles
      .filter(
        (bundle) =>
          bundle.target === group.number &&
          isHubs(bundle) &&
          !data.roomy &&
          shownOf(bundle).length > 0,
      )
      .map((bundle) => bundle.source),
  );
  const standingNow = new Set(standing(group));
  const found = group.inside.filter((line) => isShown(line) && !standingNow.has(line));
  const counts = new Map();
  for (const line of found) counts.set(line.stroke, (counts.get(line.stroke) ?? 0) + 1);
  const inside = [...counts]
    .filter(([stroke]) => !isUsual(strokes[stroke]))
    .map(([stroke, count]) => `${count} ${strokes[stroke].name}`);
  const needed = callers.size > 0 ? [`needed by ${callers.size}`] : [];
  const open = group.members.filter(isOpen).length;
  return [...(open > 0 ? [`${open} not isolated`] : []), ...needed, ...inside].join(", ");
}

const SIGNS = {
  widened: "▲",
  unknown: "?",
  closed: "✕",
  "half-open": "◐",
  "would-be-cut": "/",
};
