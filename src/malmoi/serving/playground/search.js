// Documents for a query, with the reasons; and answers: document, span and what else was looked at.
import { QUESTIONS } from "./examples.js";
import { call, choice, faint, line, named, state, words } from "./page.js";
import { make, paint } from "./view.js";

const chosen = { index: null, query: null, by: "", where: "", rerank: null, read: null, threshold: "" };
const indexOf = () => state.indexes.find((each) => each.id === chosen.index) ?? state.indexes[0];

function indexControls(label, changed) {
  const index = indexOf();
  chosen.index = index.id;
  chosen.query ??= QUESTIONS[0];
  if (!index.ways.includes(chosen.by)) chosen.by = index.ways[0];
  const about = [words().documents.replace("{n}", index.documents.toLocaleString()), index.model, Object.keys(index.fields).join(", ")].filter(Boolean);
  const redraw = (id) => { changed("all"); document.getElementById(id)?.querySelector('[aria-checked="true"]').focus(); };
  return [
    choice("index", words().index, named(state.indexes), index.id, (id) => { chosen.index = id; redraw("index"); }),
    faint(about.join(" · ")),
    line("query", label, chosen.query, (value) => { chosen.query = value; changed(); }),
    ...(index.ways.length > 1 ? [choice("by", words().by, index.ways.map((way) => [way, words().rankings[way]]), chosen.by, (way) => { chosen.by = way; changed(); })] : []),
  ];
}

const whereControl = (changed) => line("where", words().where, chosen.where, (value) => { chosen.where = value; changed(); }, hintOf(indexOf().fields));
const hintOf = (fields) => Object.entries(fields).map(([name, kind]) => (kind === "text" ? `${name} = '…'` : `${name} >= 0`)).join(" AND ");
const examples = (changed, run) => QUESTIONS.map((question) => [question, () => { chosen.query = question; changed("form"); run(); }]);

// Terms are base forms: where one stands in the text as it is, it is marked.
function termMarks(text, terms) {
  const all = Array.from(text.toLowerCase()), marks = [];
  for (const [number, term] of Object.keys(terms).entries()) {
    const wanted = Array.from(term);
    for (let at = 0; at + wanted.length <= all.length; at++) {
      if (wanted.every((char, index) => all[at + index] === char)) marks.push({ span: [at, at + wanted.length], wrap: (part) => make("mark", { className: `p${number % 6}` }, part) });
    }
  }
  return marks;
}

function meter(label, place, most, digits) {
  const fill = make("i");
  fill.style.width = place ? `${Math.max(0, Math.min(100, (100 * place.score) / most))}%` : "0";
  const value = place ? `${words().rank.replace("{n}", place.rank)} · ${place.score.toFixed(digits)}` : words().notAmong;
  return make("div", { className: place ? "meter" : "meter none" }, make("dt", {}, label), make("dd", { className: "track" }, fill), make("dd", { className: "value" }, value));
}

function hitView(hit, number, most, span = null) {
  const { lexical, vector, terms } = hit.why;
  const meters = [];
  if (most.lexical) meters.push(meter(words().rankings.lexical, lexical, most.lexical, 2));
  if (most.vector) meters.push(meter(words().rankings.vector, vector, 1, 3));
  const chips = Object.entries(terms).map(([term, score], index) => make("span", { className: `chip p${index % 6}` }, term, make("small", {}, ` +${score.toFixed(2)}`)));
  const beside = Object.entries(hit.fields).filter(([name]) => name !== "title").map(([name, value]) => `${name} ${value}`).join(" · ");
  const marks = span ? [{ span, wrap: (part) => make("mark", { className: "found" }, part) }] : termMarks(hit.text, terms);
  return make("li", { className: "hit" },
    make("div", { className: "row spread" },
      make("h3", {}, number ? make("span", { className: "place", "aria-hidden": "true" }, String(number)) : "", String(hit.fields.title ?? hit.id)),
      make("span", { className: "faint" }, [beside, `${words().score} ${hit.score.toFixed(4)}`].filter(Boolean).join(" · "))),
    paint(hit.text, marks),
    meters.length ? make("dl", { className: "meters" }, ...meters) : null,
    chips.length ? make("p", { className: "chips" }, ...chips) : null);
}

const mostOf = (hits) => ({ lexical: Math.max(0, ...hits.map((hit) => hit.why.lexical?.score ?? 0)), vector: Math.max(0, ...hits.map((hit) => hit.why.vector?.score ?? 0)) });

function answerView(reply) {
  if (reply.answer === null) return make("div", {}, faint(words().noDocument), candidates(reply.candidates));
  const span = reply.start === null ? null : [reply.start, reply.end];
  return make("div", {},
    span ? make("p", { className: "number" }, reply.answer) : null,
    make("ol", { className: "hits" }, hitView(reply.document, null, {}, span ?? [0, Array.from(reply.document.text).length])),
    faint(`${span ? words().spanScore : words().score} ${reply.score.toFixed(3)}`),
    candidates(reply.candidates));
}

function candidates(hits) {
  if (!hits.length) return null;
  const most = mostOf(hits);
  return make("details", {}, make("summary", {}, words().candidates.replace("{n}", hits.length)),
    make("ol", { className: "hits" }, ...hits.map((hit, number) => hitView(hit, number + 1, most))));
}

export const search = {
  id: "search",
  isThere: () => state.indexes.length > 0,
  controls: (changed, run) => ({ elements: [...indexControls(words().query, changed), whereControl(changed)], examples: examples(changed, run) }),
  code: () => ({ path: "v1/search", body: { index: chosen.index, query: chosen.query, top_k: 5, by: chosen.by, ...(chosen.where ? { where: chosen.where } : {}) } }),
  async run() {
    const { path, body } = this.code();
    const { hits } = await call(path, body);
    const most = mostOf(hits);
    return hits.length ? make("ol", { className: "hits" }, ...hits.map((hit, number) => hitView(hit, number + 1, most))) : faint(words().noDocument);
  },
};

export const answer = {
  id: "answer",
  isThere: () => state.indexes.length > 0,
  controls(changed, run) {
    const models = (...tasks) => [["", words().without], ...named(state.models.filter((model) => tasks.includes(model.task)))];
    const rerank = models("pair", "regression"), read = models("qa");
    chosen.rerank ??= rerank.at(-1)[0];
    chosen.read ??= read.at(-1)[0];
    return {
      elements: [
        ...indexControls(words().fields.question, changed),
        ...(rerank.length > 1 ? [choice("rerank", words().rerank, rerank, chosen.rerank, (id) => { chosen.rerank = id; changed(); })] : []),
        ...(read.length > 1 ? [choice("read", words().read, read, chosen.read, (id) => { chosen.read = id; changed(); })] : []),
        line("threshold", words().threshold, chosen.threshold, (value) => { chosen.threshold = value; changed(); }, "0.5"),
      ],
      examples: examples(changed, run),
    };
  },
  code() {
    const threshold = chosen.threshold.trim() ? Number(chosen.threshold) : null;
    if (Number.isNaN(threshold)) throw new Error(`${words().noNumber} ${chosen.threshold}`);
    const body = { index: chosen.index, question: chosen.query, by: chosen.by, rerank: chosen.rerank || null, read: chosen.read || null, threshold };
    return { path: "v1/answer", body: Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null)) };
  },
  async run() {
    const { path, body } = this.code();
    return answerView(await call(path, body));
  },
};
