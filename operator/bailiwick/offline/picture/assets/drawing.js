// Lines as SVG: within groups one by one, between groups in bundles that unfold when chosen.

const MOST_BUNDLES = 150;
const SVG = "http://www.w3.org/2000/svg";
const HEADS = {
  declared: { d: "M0,-3.5 L8,0 L0,3.5 Z", filled: true },
  undeclared: { d: "M0,-3.5 L8,0 L0,3.5" },
  widened: { d: "M-2,-6.5 L10,0 L-2,6.5 Z", filled: true },
  "half-open": { d: "M0,0 a4,4 0 1,0 8,0 a4,4 0 1,0 -8,0 Z", hollow: true },
  "would-be-cut": { d: "M0,-3.5 L8,0 L0,3.5 M-9,-5 L-3,5 M-3,-5 L-9,5" },
  closed: { d: "M7,-6 L7,6 M4,-6 L4,6" },
  unknown: { d: "M0,0 L5,-4.5 L10,0 L5,4.5 Z", hollow: true },
};

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// What stands at the end of a line, turned the way it goes.
function head(stroke, x, y, angle) {
  const { d, filled, hollow } = HEADS[stroke.style];
  const looks = filled ? " filled" : hollow ? " hollow" : "";
  const turned = `translate(${x} ${y}) rotate(${angle}) translate(-8 0)`;
  return svg("path", { d, class: `head ${stroke.style}${looks}`, transform: turned });
}

function sample(stroke) {
  const drawn = svg("svg", { class: "sample", viewBox: "0 0 46 14", "aria-hidden": "true" });
  drawn.append(
    svg("path", { d: "M1,7 L36,7", class: `line ${stroke.style}` }),
    head(stroke, 44, 7, 0),
  );
  return drawn;
}

// Where a line leaves one box and comes to another: x, y, and which way it goes there.
function ends([ax, ay, aw, ah], [bx, by, bw, bh], shift) {
  const ya = ay + ah / 2 + shift;
  const yb = by + bh / 2 + shift;
  if (bx >= ax + aw + 12) return { from: [ax + aw, ya, 1, 0], to: [bx, yb, 1, 0] };
  if (ax >= bx + bw + 12) return { from: [ax, ya, -1, 0], to: [bx + bw, yb, -1, 0] };
  // One above the other: out to the right, and back in from the right.
  return { from: [ax + aw, ya, 1, 0], to: [bx + bw, yb, -1, 0] };
}

function groupEnds([ax, ay, aw, ah], [bx, by, bw, bh]) {
  const x = (Math.max(ax, bx) + Math.min(ax + aw, bx + bw)) / 2;
  const isAcross = bx >= ax + aw + 12 || ax >= bx + bw + 12;
  if (!isAcross && by >= ay + ah) return { from: [x, ay + ah, 0, 1], to: [x, by, 0, 1] };
  if (!isAcross && ay >= by + bh) return { from: [x, ay, 0, -1], to: [x, by + bh, 0, -1] };
  return ends([ax, ay, aw, ah], [bx, by, bw, bh], 0);
}

function curve(from, to, bends = []) {
  const points = [from];
  for (let at = 0; at < bends.length; at += 2) {
    points.push([bends[at], bends[at + 1], from[2], from[3]]);
  }
  points.push(to);
  let path = `M${from[0]},${from[1]}`;
  for (let at = 1; at < points.length; at += 1) path += piece(points[at - 1], points[at]);
  return path;
}

function piece([x1, y1, right1, down1], [x2, y2, right2, down2]) {
  const [wide, high] = [Math.abs(x2 - x1), Math.abs(y2 - y1)];
  if (right1 !== right2) {
    const far = Math.max(x1, x2) + 24 + Math.min(high * 0.16, 70);
    return ` C${far},${y1} ${far},${y2} ${x2},${y2}`;
  }
  const along = right1 ? wide : high;
  const reach = Math.max(
    Math.min(along * 0.5, 140),
    y1 === y2 || x1 === x2 ? 0 : Math.min(18, along),
  );
  return ` C${x1 + right1 * reach},${y1 + down1 * reach} ${x2 - right2 * reach},${y2 - down2 * reach} ${x2},${y2}`;
}

function loop([x, y, w]) {
  const right = x + w - 14;
  return `M${right - 10},${y} c-4,-18 24,-18 12,-1`;
}

// Lines between the same two ends, and those that go back, lie side by side.
function shiftOf(line) {
  const own = nodes[line.source].lines.filter(
    (other) => other.source === line.source && other.target === line.target && isShown(other),
  );
  const back = nodes[line.source].lines.some(
    (other) => other.source === line.target && other.target === line.source && isShown(other),
  );
  const middle = (own.length - 1) / 2;
  const step = Math.min(5, 18 / Math.max(own.length, 1));
  const turned = back && line.source !== line.target ? (line.source < line.target ? -4 : 4) : 0;
  return (own.indexOf(line) - middle) * step + turned;
}

function drawn(
  kind,
  thing,
  path,
  { faded = false, chosen = false, tally = 0, title = "", at = 0.5 },
) {
  const stroke = strokes[thing.stroke];
  const shape = svg("path", { d: path, class: `${kind} line ${stroke.style}` });
  const hit = svg("path", { d: path, class: "hit" });
  const name = svg("title");
  name.textContent = title;
  hit.append(name);
  const look = ["drawn", faded && "faded", chosen && "chosen"].filter(Boolean).join(" ");
  const group = svg("g", { class: look, "data-kind": kind, "data-number": thing.number });
  group.append(shape, hit);
  group.addEventListener("click", () => choose(kind, thing.number));
  (kind === "bundle" ? below : above).append(group);
  const length = shape.getTotalLength();
  const tip = shape.getPointAtLength(length);
  const before = shape.getPointAtLength(Math.max(length - 6, 0));
  const angle = (Math.atan2(tip.y - before.y, tip.x - before.x) * 180) / Math.PI;
  group.append(head(stroke, tip.x, tip.y, angle));
  if (tally > 1) group.append(counted(shape.getPointAtLength(length * at), tally, stroke));
}

function counted({ x, y }, tally, stroke) {
  const width = 10 + 7 * String(tally).length;
  const text = svg("text", { x, y });
  text.textContent = tally;
  const box = { x: x - width / 2, y: y - 9, width, height: 18, rx: 9 };
  return svg("g", { class: `tally ${stroke.style}` }, svg("rect", box), text);
}

function drawLine(line, look = {}) {
  const source = nodes[line.source];
  const target = nodes[line.target];
  const title = `${called(source)} → ${called(target)}: ${line.ports} (${strokes[line.stroke].name})`;
  if (source === target) {
    drawn("line", line, loop(source.box), { ...look, title });
    return;
  }
  const { from, to } = ends(source.box, target.box, shiftOf(line));
  // The ways past other members are laid out for lines that go on to the right.
  const isAhead =
    source.group === target.group || isRightOf(groups[target.group], groups[source.group]);
  const bends = isAhead ? line.bends : [];
  drawn("line", line, curve(from, to, bends), { ...look, title });
}

const isRightOf = (one, other) => one.box[0] >= other.box[0] + other.box[2];

function drawBundle(bundle, own, look) {
  const [source, target] = [groups[bundle.source], groups[bundle.target]];
  const title = `${source.name} → ${target.name}: ${many(own.length)} (${strokes[bundle.stroke].name})`;
  const { from, to } = bundleEnds(bundle);
  drawn("bundle", bundle, curve(from, to), {
    ...look,
    tally: own.length,
    title,
    at: 0.38 + 0.12 * (bundle.number % 3),
  });
}

// Bundles that meet at one side of a group come in one beside the other, sorted by where from.
function bundleEnds(bundle) {
  const { from, to } = sided(bundle);
  return { from: inSlot(bundle, "from", from), to: inSlot(bundle, "to", to) };
}

const sided = (bundle) => groupEnds(groups[bundle.source].box, groups[bundle.target].box);
const isDrawn = (bundle) => !isGivenAway(bundle) && shownOf(bundle).length > 0;

function inSlot(bundle, end, [x, y, right, down]) {
  const group = groups[end === "from" ? bundle.source : bundle.target];
  const axis = right ? 1 : 0;
  const sharing = group.bundles
    .filter((other) => other === bundle || isDrawn(other))
    .map((other) => {
      const ends = sided(other);
      const isSource = groups[other.source] === group;
      const [here, there] = isSource ? [ends.from, ends.to] : [ends.to, ends.from];
      return { other, here, at: there[axis] };
    })
    .filter(({ here }) => (right ? here[0] === x : here[1] === y && !here[2]))
    .sort((one, two) => one.at - two.at || one.other.number - two.other.number);
  const place = sharing.findIndex(({ other }) => other === bundle) + 1;
  if (right) return [x, group.box[1] + (group.box[3] * place) / (sharing.length + 1), right, down];
  return [x + 14 * (place - (sharing.length + 1) / 2), y, right, down];
}

// Where most namespaces need one, as for DNS, it says so itself. Of a kind of which there are too
// many bundles to be told apart, none is drawn before something is chosen.
const isHubs = (bundle) => bundle.isToHub && isUsual(strokes[bundle.stroke]);
const crowded = strokes.filter((stroke, number) => bundlesOf(number) > MOST_BUNDLES);
const isGivenAway = (bundle) =>
  !data.roomy && (isHubs(bundle) || crowded.includes(strokes[bundle.stroke]));

function bundlesOf(stroke) {
  return bundles.filter((bundle) => bundle.stroke === stroke && !isHubs(bundle)).length;
}

function drawLines() {
  below.replaceChildren();
  above.replaceChildren();
  const own = chosenLines();
  const unfolded = own.length <= MOST_UNFOLDED;
  const about = new Set(unfolded ? own : []);
  const isChosen = state.chosen !== null;
  for (const group of groups) {
    for (const line of standing(group)) if (!about.has(line)) drawLine(line, { faded: isChosen });
  }
  for (const bundle of bundles) {
    const shown = shownOf(bundle);
    const rest = shown.filter((line) => !about.has(line));
    if (rest.length === 0 || isGivenAway(bundle)) continue;
    if (bundle.isLoose) for (const line of rest) drawLine(line, { faded: isChosen });
    else
      drawBundle(bundle, shown, {
        faded: isChosen && !(own.length > 0 && !unfolded && own.includes(shown[0])),
      });
  }
  for (const line of about) drawLine(line, { chosen: state.chosen.kind === "line" });
}

// The lines within a group that are drawn when nothing is chosen.
function standing(group) {
  const few = Math.max(24, 2 * group.members.length);
  const shown = group.inside.filter(isShown);
  return strokes.flatMap((stroke, number) => {
    const own = shown.filter((line) => line.stroke === number);
    return own.length <= few && (data.roomy || !isUsual(stroke)) ? own : [];
  });
}
