// Answers and tokens as elements. Text always enters as text nodes: nothing a user or a model wrote becomes markup.
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  const { className, ...rest } = properties;
  if (className) element.className = className;
  for (const [name, value] of Object.entries(rest)) name in element ? (element[name] = value) : element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

// Positions from the server count characters (code points), JavaScript's count UTF-16 units.
const characters = (text) => Array.from(text);

export function answerView(prediction, values, words) {
  if (prediction.probabilities) return bars(prediction.probabilities, prediction.label);
  if (prediction.entities) return entities(prediction.entities, values.text, words);
  if ("choice" in prediction) return choices(prediction, values);
  if ("start" in prediction && "text" in prediction) return span(prediction, values.context ?? "", words);
  if ("score" in prediction) return make("p", { className: "number" }, prediction.score.toFixed(3));
  return make("pre", {}, JSON.stringify(prediction, null, 2));
}

export function bars(probabilities, best) {
  const list = make("dl", { className: "bars" });
  const sorted = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
  for (const [label, share] of sorted.slice(0, 12)) {
    const fill = make("i");
    fill.style.width = `${Math.max(0, Math.min(100, 100 * share))}%`;
    list.append(
      make("div", { className: label === best ? "bar best" : "bar" }, make("dt", {}, label), make("dd", { className: "track" }, fill),
        make("dd", { className: "value" }, `${(100 * share).toFixed(share < 0.01 ? 2 : 1)}%`)));
  }
  return list;
}

function entities(found, text, words) {
  if (!found.length) return make("p", { className: "faint" }, words.noEntities);
  const labels = [...new Set(found.map((entity) => entity.label))];
  return paint(text, found.map((entity) => ({
    span: [entity.start, entity.end],
    wrap: (part) => make("mark", { className: `p${labels.indexOf(entity.label) % 6}` }, part, make("small", {}, entity.label)),
  })));
}

function choices(prediction, values) {
  const all = values.choices ?? [];
  const exponents = prediction.scores.map((score) => Math.exp(score - Math.max(...prediction.scores)));
  const total = exponents.reduce((a, b) => a + b, 0);
  const shares = Object.fromEntries(all.map((choice, index) => [choice, exponents[index] / total]));
  return bars(shares, all[prediction.choice] ?? prediction.choice);
}

function span(prediction, context, words) {
  if (prediction.text === null) return make("p", { className: "faint" }, words.noAnswer);
  const box = paint(context, [{ span: [prediction.start, prediction.end], wrap: (part) => make("mark", { className: "p1" }, part) }]);
  return make("div", {}, make("p", { className: "number" }, prediction.text), box);
}

export function masksView(masks, words) {
  return make("div", { className: "masks" }, ...masks.map((mask, index) =>
    make("div", {}, make("h3", { className: "faint" }, `${words.mask} ${index + 1}`),
      bars(Object.fromEntries(mask.map((token) => [token.piece, token.probability])), mask[0].piece))));
}

export function vectorView(vectors, words) {
  const [first, second] = vectors;
  const shown = first.slice(0, 12).map((number) => number.toFixed(3)).join("  ");
  const box = make("div", {});
  if (second) {
    const cosine = first.reduce((sum, number, index) => sum + number * second[index], 0);
    box.append(make("p", { className: "faint" }, words.similarity), make("p", { className: "number" }, cosine.toFixed(3)));
  }
  box.append(make("p", { className: "faint" }, words.vector), make("pre", { tabIndex: 0 }, shown));
  return box;
}

export function piecesView(text, reply, words) {
  const marks = [];
  reply.spans.forEach(([start, end], index) => {
    if (end <= start) return;
    const unknown = reply.pieces[index] === "[UNK]";
    const title = `${reply.pieces[index]} · ${reply.ids[index]} · ${start}–${end}`;
    const className = `piece p${marks.length % 6}${unknown ? " unknown" : ""}`;
    marks.push({ span: [start, end], wrap: (part) => make("span", { className, title }, part) });
  });
  const head = make("tr", {}, ...[words.piece, words.id, words.place].map((word) => make("th", { scope: "col" }, word)));
  const rows = reply.pieces.map((piece, index) =>
    make("tr", {}, make("td", {}, piece), make("td", {}, String(reply.ids[index])), make("td", {}, reply.spans[index].join("–"))));
  const table = make("div", { className: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
  return make("div", {}, paint(text, marks), make("details", {}, make("summary", {}, words.details), table));
}

// The text with some of its spans wrapped; what overlaps an earlier span is left plain.
export function paint(text, marks) {
  const all = characters(text);
  const box = make("div", { className: "painted" });
  let at = 0;
  for (const { span: [start, end], wrap } of [...marks].sort((a, b) => a.span[0] - b.span[0])) {
    if (start < at) continue;
    box.append(all.slice(at, start).join(""), wrap(all.slice(start, end).join("")));
    at = end;
  }
  box.append(all.slice(at).join(""));
  return box;
}
