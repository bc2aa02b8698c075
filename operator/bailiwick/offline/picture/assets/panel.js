// The panel beside the picture: what is chosen, what connects it, and why.

const MOST_LISTED = 200;

function showPanel() {
  const { kind, number } = state.chosen ?? { kind: "all" };
  const show = { all: overview, node: ofNode, group: ofGroup, line: ofLine, bundle: ofBundle };
  panel.replaceChildren(...show[kind](number).filter((part) => part !== null));
  panel.scrollTop = 0;
}

function overview() {
  const found = [
    ...data.findings.map((finding) => ({ group: null, finding })),
    ...groups.flatMap((group) => group.findings.map((finding) => ({ group, finding }))),
  ];
  const rank = { error: 0, warning: 1, note: 2 };
  found.sort((one, other) => rank[one.finding.severity] - rank[other.finding.severity]);
  const namespaces = groups.filter((group) => group.side === NAMESPACE).length;
  const workloads = nodes.filter((node) => groups[node.group].side === NAMESPACE).length;
  return [
    make("h2", { text: "Overview" }),
    make("p", {
      text: `${many(workloads, "workload")} in ${many(namespaces, "namespace")}, ${many(lines.length)}.`,
    }),
    openToAll(),
    ...(data.roomy ? [] : crowded).map((stroke) =>
      make("p", {
        text: `Lines of the kind “${stroke.name}” are too many between namespaces: they are drawn once a namespace or a workload is chosen.`,
      }),
    ),
    make("p", {
      class: "quiet",
      text: "A click on a workload, a namespace or a line shows what connects it, and why. With the keyboard: arrow keys in the picture, Enter, Escape; / searches; + and − zoom.",
    }),
    ...listed("Findings", found, ({ group, finding }) => findingOf(finding, group)),
    ...listed("What this rests on", data.notes, (note) =>
      make("p", { class: "quiet", text: note }),
    ),
  ];
}

function openToAll() {
  const count = nodes.filter(isOpen).length;
  if (count === 0) return null;
  const said = ` ${count === 1 ? "has" : "have"} traffic that no policy restricts, and a dashed frame. No line is drawn for what two such workloads can do with each other, or one with the world outside.`;
  return make("p", {}, make("strong", { text: many(count, "workload") }), said);
}

function ofNode(number) {
  const node = nodes[number];
  const group = groups[node.group];
  const shown = node.lines.filter(isShown);
  return [
    back(),
    make("h2", { text: node.name }),
    group.side === NAMESPACE
      ? make(
          "p",
          { class: "quiet" },
          `${node.kind || "Workload"} in namespace `,
          linkTo("group", group.number, group.name),
        )
      : make("p", { class: "quiet", text: group.name }),
    node.ports ? make("p", { class: "quiet", text: `Reached on ${node.ports}` }) : null,
    isOpen(node) ? make("p", { text: `${capital(openness(node))}.` }) : null,
    ...lineList(
      "Leaves",
      shown.filter((line) => line.source === number),
      "target",
      node.group,
    ),
    ...lineList(
      "Enters",
      shown.filter((line) => line.target === number && line.source !== number),
      "source",
      node.group,
    ),
    shown.length === 0 ? make("p", { text: "No line leads from here or to here." }) : null,
  ];
}

function ofGroup(number) {
  const group = groups[number];
  const between = group.bundles.filter((bundle) => shownOf(bundle).length > 0);
  return [
    back(),
    make("h2", { text: group.name }),
    make("p", {
      class: "quiet",
      text: [capital(group.held), many(group.members.length, "member")].filter(Boolean).join(", "),
    }),
    ...listed("Findings", group.findings, (finding) => findingOf(finding)),
    ...bundleList(
      "Leaves",
      between.filter((bundle) => bundle.source === number),
      "target",
    ),
    ...bundleList(
      "Enters",
      between.filter((bundle) => bundle.target === number),
      "source",
    ),
    ...lineList("Within", group.inside.filter(isShown), "both", number),
  ];
}

function ofLine(number) {
  const line = lines[number];
  const [source, target] = [nodes[line.source], nodes[line.target]];
  const stroke = strokes[line.stroke];
  return [
    back(),
    make(
      "h2",
      {},
      linkTo("node", source.number, called(source)),
      " → ",
      linkTo("node", target.number, called(target)),
    ),
    make("p", {}, sample(stroke), ` ${capital(stroke.name)}: ${stroke.meaning}.`),
    ...whyOf(line),
  ];
}

function ofBundle(number) {
  const bundle = bundles[number];
  const [source, target] = [groups[bundle.source], groups[bundle.target]];
  const stroke = strokes[bundle.stroke];
  return [
    back(),
    make(
      "h2",
      {},
      linkTo("group", source.number, source.name),
      " → ",
      linkTo("group", target.number, target.name),
    ),
    make("p", {}, sample(stroke), ` ${capital(stroke.name)}: ${stroke.meaning}.`),
    ...lineList(many(bundle.lines.length), shownOf(bundle), "both", null),
  ];
}

function back() {
  return make("button", { type: "button", class: "back", text: "Close", click: () => letGo() });
}

function linkTo(kind, number, text) {
  return make("button", { type: "button", class: "link", text, click: () => choose(kind, number) });
}

function listed(title, items, show) {
  if (items.length === 0) return [];
  const rest = items.length - MOST_LISTED;
  return [
    make("h3", { text: title }),
    ...items.slice(0, MOST_LISTED).map(show),
    rest > 0 ? make("p", { class: "quiet", text: `and ${rest} more` }) : null,
  ];
}

// `end` says which end of each line is named: that which is not known from the title, or both.
function lineList(title, own, end, here) {
  if (own.length === 0) return [];
  const rank = (line) => data.severity.indexOf(line.stroke);
  const sorted = [...own].sort(
    (one, other) => rank(one) - rank(other) || one.number - other.number,
  );
  const items = sorted
    .slice(0, MOST_LISTED)
    .map((line) => make("li", {}, disclosed(line, end, here)));
  const rest = own.length - MOST_LISTED;
  return [
    make("h3", { text: own.length > 1 && end !== "both" ? `${title} (${own.length})` : title }),
    make("ul", { class: "lines" }, ...items),
    rest > 0
      ? make("p", { class: "quiet", text: `and ${rest} more: choose a workload to see its own` })
      : null,
  ];
}

function disclosed(line, end, here) {
  const [source, target] = [nodes[line.source], nodes[line.target]];
  const name =
    end === "both"
      ? `${called(source, here)} → ${called(target, here)}`
      : called(nodes[line[end]], here);
  const stroke = strokes[line.stroke];
  const said = make("span", { class: "hidden", text: `${stroke.name}, ports` });
  const row = make(
    "summary",
    {},
    sample(stroke),
    make("span", { class: "end", text: name }),
    said,
    make("span", { class: "ports", text: line.ports }),
  );
  const found = make("details", { "data-line": line.number }, row);
  found.addEventListener("toggle", () => {
    if (found.open && found.children.length === 1) {
      const kind = make("p", {
        class: "quiet",
        text: `${capital(stroke.name)}: ${stroke.meaning}.`,
      });
      found.append(make("div", { class: "why" }, isUsual(stroke) ? null : kind, ...whyOf(line)));
    }
    point(line, found.open);
  });
  return found;
}

function bundleList(title, own, end) {
  if (own.length === 0) return [];
  const items = own.map((bundle) => {
    const stroke = strokes[bundle.stroke];
    const shown = shownOf(bundle);
    const row = make(
      "summary",
      {},
      sample(stroke),
      make("span", { class: "end", text: groups[bundle[end]].name }),
      make("span", { class: "hidden", text: stroke.name }),
      make("span", { class: "ports", text: many(shown.length) }),
    );
    const found = make("details", { "data-bundle": bundle.number }, row);
    found.addEventListener("toggle", () => {
      if (found.open && found.children.length === 1) {
        found.append(
          make("div", { class: "why" }, ...lineList("Each", shown, "both", null).slice(1)),
        );
      }
    });
    return make("li", {}, found);
  });
  return [make("h3", { text: title }), make("ul", { class: "lines" }, ...items)];
}

function whyOf(line) {
  const by = line.by.length > 0 ? `Rules: ${line.by.join(", ")}.` : "";
  return [
    by ? make("p", { class: "quiet", text: by }) : null,
    ...line.whys.flatMap((number) => {
      const why = data.whys[number];
      return [
        make("h4", { text: `${why.ports}: ${why.outcome}${why.enforced ? " today" : ""}` }),
        ...halves(why, line),
        ...(why.enforced
          ? [
              make("h4", { text: `Once every intent is enforced: ${why.enforced.outcome}` }),
              ...halves(why.enforced, line),
            ]
          : []),
        ...(why.add ?? []).flatMap((text) => [
          make("p", { class: "half", text: "To allow it, add" }),
          make("pre", { tabindex: "0", text }),
        ]),
      ];
    }),
  ];
}

function halves(told, line) {
  const parts = [
    ["leaving", "Leaving", nodes[line.source]],
    ["entering", "Entering", nodes[line.target]],
  ];
  const found = parts.flatMap(([key, verb, node]) => {
    const half = told[key];
    if (!half) return [];
    const reasons = half.reasons.map((text) => make("li", { text }));
    return [
      make("p", { class: "half", text: `${verb} ${called(node)}: ${half.outcome}` }),
      make("ul", {}, ...reasons),
    ];
  });
  if (told.apart) found.push(make("p", { text: "The two have no family of addresses in common." }));
  return found;
}

function findingOf(finding, group = null) {
  const title = make("strong", { text: `${finding.severity} ${finding.code}` });
  return make(
    "div",
    { class: `finding ${finding.severity}` },
    make("p", {}, title, ...(group ? [" in ", linkTo("group", group.number, group.name)] : [])),
    make("p", { text: finding.message }),
    finding.mender ? make("p", { text: `For ${finding.mender}.` }) : null,
    finding.place ? make("p", { class: "quiet", text: finding.place }) : null,
    finding.suggestion ? make("pre", { tabindex: "0", text: finding.suggestion }) : null,
  );
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
