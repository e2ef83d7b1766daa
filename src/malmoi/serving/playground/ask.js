// One model asked: labels, entities, spans, masks or vectors, and the text in its tokens.
import { EXAMPLES } from "./examples.js";
import { $, area, call, faint, kindOf, modelPath, named, radios, state, tokenize, words } from "./page.js";
import { answerView, make, masksView, piecesView, vectorView } from "./view.js";

const chosen = { model: null, values: {} };
export const fieldsOf = (model) => (model.task ? model.fields : kindOf(model) === "none" ? ["text", "second"] : ["text"]);
export const textOf = (model, values) => values[fieldsOf(model).includes("context") ? "context" : fieldsOf(model)[0]] ?? "";
export const examplesOf = (model) => EXAMPLES[kindOf(model)] ?? [];
export const titleOf = (example) => (example.question ?? example.first ?? example.text ?? example.context).slice(0, 42);

export function fields(model, values, changed) {
  return fieldsOf(model).map((name) => area(`field-${name}`, words().fields[name] ?? name, values[name], ["context", "choices"].includes(name) ? 4 : 2,
    (value) => { values[name] = value; changed(); }));
}

// What the boxes hold as the task wants it: lists from lines, places from words.
function readValues(model, given) {
  const values = Object.fromEntries(fieldsOf(model).map((name) => [name, given[name] ?? ""]));
  if ("choices" in values) values.choices = values.choices.split("\n").filter((each) => each.trim());
  for (const name of ["subject", "object"]) {
    if (!(name in values)) continue;
    const at = values.text.indexOf(values[name]);
    if (at < 0 || !values[name]) throw new Error(`${words().notFound} ${values[name]}`);
    const start = Array.from(values.text.slice(0, at)).length;
    values[name] = { start, end: start + Array.from(values[name]).length, type: null };
  }
  return values;
}

export function requestOf(model, given) {
  const values = readValues(model, given);
  if (model.task) return { path: `${modelPath(model)}/predict`, body: { examples: [values] }, values };
  if (model.can_fill) return { path: `${modelPath(model)}/fill`, body: { text: values.text, top_k: 5 }, values };
  return { path: "v1/embeddings", body: { model: model.id, input: [values.text, values.second].filter(Boolean) }, values };
}

export function replyView(reply, values) {
  if (reply.predictions) return answerView(reply.predictions[0], values, words());
  if (reply.masks) return masksView(reply.masks, words());
  return vectorView(reply.data.map((each) => each.embedding), words());
}

export async function cutInto(model, text, box) {
  const reply = await tokenize(model, text);
  const unknown = reply.pieces.filter((piece) => piece === "[UNK]").length;
  const count = words().cut.replace("{n}", reply.pieces.length).replace("{c}", Array.from(text).length);
  box.replaceChildren(piecesView(text, reply, words()), faint(unknown ? `${count}, ${words().unknown.replace("{n}", unknown)}` : count));
}

export function check(model, values) {
  if (model.can_fill && !(values.text ?? "").includes("[MASK]")) throw new Error(words().needMask);
}

export const ask = {
  id: "ask",
  isThere: () => state.models.length > 0,
  controls(changed, run) {
    chosen.model ??= state.models[0];
    const model = chosen.model, box = make("div", { id: "models", "aria-label": words().model });
    if (!Object.keys(chosen.values).length) chosen.values = { ...examplesOf(model)[0] };
    radios(box, named(state.models), model.id, (id) => {
      chosen.model = state.models.find((each) => each.id === id);
      chosen.values = { ...examplesOf(chosen.model)[0] };
      changed("all");
    });
    const about = model.task ? `${model.task} · ${model.labels.slice(0, 8).join(", ")}` : words().about[kindOf(model)];
    const examples = examplesOf(model).map((example) => [titleOf(example), () => { chosen.values = { ...example }; changed("form"); run(); }]);
    return { elements: [box, faint(`${about} · ${model.encoder} · ${model.runs_on}`), ...fields(model, chosen.values, changed)], examples };
  },
  request: () => { check(chosen.model, chosen.values); return requestOf(chosen.model, chosen.values); },
  code: () => requestOf(chosen.model, chosen.values),
  async run() {
    const { path, body, values } = this.request();
    return replyView(await call(path, body), values);
  },
  extra: { title: () => words().pieces, fill: (box) => cutInto(chosen.model, textOf(chosen.model, chosen.values), box) },
};
