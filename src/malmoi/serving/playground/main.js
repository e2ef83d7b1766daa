// The playground: choose a model, ask, look. It uses the same routes as everybody and keeps nothing on the server.
import { EXAMPLES, WORDS } from "./words.js";
import { answerView, make, masksView, piecesView, vectorView } from "./view.js";

const $ = (id) => document.getElementById(id);
const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private windows keep nothing */ } };
const prefersDark = matchMedia("(prefers-color-scheme: dark)").matches;
const state = {
  language: kept("language") ?? (navigator.language.startsWith("ko") ? "ko" : "en"),
  theme: kept("theme") ?? (prefersDark ? "dark" : "light"),
  key: "", models: [], model: null, code: "curl", asked: 0, cut: 0,
};
const words = () => WORDS[state.language];
const kindOf = (model) => (model.task ? model.fields.join(",") : model.can_fill ? "fill" : "none");
const fieldsOf = (model) => (model.task ? model.fields : kindOf(model) === "none" ? ["text", "second"] : ["text"]);

function dress() {
  document.documentElement.lang = state.language;
  document.documentElement.dataset.theme = state.theme;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = words()[element.dataset.say];
  for (const element of document.querySelectorAll("[data-say-label]")) element.setAttribute("aria-label", words()[element.dataset.sayLabel]);
  $("language").textContent = words().language;
  $("theme").textContent = state.theme === "dark" ? words().light : words().dark;
}

async function call(path, body) {
  const headers = { "Content-Type": "application/json" };
  if (state.key) headers.Authorization = `Bearer ${state.key}`;
  const response = await fetch(path, body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) });
  const reply = await response.json();
  if (response.ok) return reply;
  if (response.status === 401) $("key-form").hidden = false;
  throw new Error(reply.error.message);
}

function notice(error) {
  $("notice").hidden = !error;
  $("notice").textContent = error ? (error instanceof TypeError ? words().offline : error.message) : "";
}

function radios(box, names, chosen, choose) {
  box.replaceChildren(...names.map((name) =>
    make("button", { type: "button", role: "radio", "aria-checked": String(name === chosen), tabIndex: name === chosen ? 0 : -1, onclick: () => choose(name) }, name)));
  box.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(names[(names.indexOf(chosen) + step + names.length) % names.length]);
    box.querySelector('[aria-checked="true"]').focus();
  };
}

function chooseModel(id, values = null) {
  const model = (state.model = state.models.find((each) => each.id === id));
  radios($("models"), state.models.map((each) => each.id), id, (name) => chooseModel(name));
  const about = model.task ? `${model.task} · ${model.labels.slice(0, 8).join(", ")}` : words().about[kindOf(model)];
  $("about").textContent = `${about} · ${model.encoder} · ${model.runs_on}`;
  $("fields").replaceChildren(...fieldsOf(model).map((name) => {
    const long = name === "context" || name === "choices";
    const box = make("textarea", { id: `field-${name}`, rows: long ? 4 : 2, oninput: showCode });
    return make("label", { className: "field" }, words().fields[name] ?? name, box);
  }));
  const examples = EXAMPLES[kindOf(model)] ?? [];
  $("examples").replaceChildren(...examples.map((example) =>
    make("button", { type: "button", onclick: () => { setValues(example); ask(); } }, (example.question ?? example.first ?? example.text ?? example.context).slice(0, 42))));
  setValues(values ?? examples[0] ?? {});
  $("answer").replaceChildren(make("p", { className: "faint" }, words().nothing));
  $("timing").textContent = "";
  showPieces();
}

function setValues(values) {
  for (const name of fieldsOf(state.model)) $(`field-${name}`).value = values[name] ?? "";
  showCode();
}

const rawValues = () => Object.fromEntries(fieldsOf(state.model).map((name) => [name, $(`field-${name}`).value]));

// What the boxes hold as the task wants it: lists from lines, places from words.
function readValues() {
  const values = rawValues();
  if ("choices" in values) values.choices = values.choices.split("\n").filter((line) => line.trim());
  for (const name of ["subject", "object"]) {
    if (!(name in values)) continue;
    const at = values.text.indexOf(values[name]);
    if (at < 0 || !values[name]) throw new Error(`${words().notFound} ${values[name]}`);
    const start = Array.from(values.text.slice(0, at)).length;
    values[name] = { start, end: start + Array.from(values[name]).length, type: null };
  }
  return values;
}

function request() {
  const model = state.model, base = `v1/models/${encodeURIComponent(model.id)}`;
  const values = readValues();
  if (model.task) return { path: `${base}/predict`, body: { examples: [values] }, values };
  if (model.can_fill) return { path: `${base}/fill`, body: { text: values.text, top_k: 5 }, values };
  return { path: "v1/embeddings", body: { model: model.id, input: [values.text, values.second].filter(Boolean) }, values };
}

async function ask() {
  const number = ++state.asked, started = performance.now();
  $("run").disabled = true;
  try {
    if (state.model.can_fill && !rawValues().text.includes("[MASK]")) throw new Error(words().needMask);
    const { path, body, values } = request();
    const reply = await call(path, body);
    if (number !== state.asked) return;
    const view = reply.predictions ? answerView(reply.predictions[0], values, words())
      : reply.masks ? masksView(reply.masks, words()) : vectorView(reply.data.map((each) => each.embedding), words());
    $("answer").replaceChildren(view);
    $("timing").textContent = `${words().took}: ${(performance.now() - started).toFixed(0)} ${words().ms}`;
    notice(null);
    await showPieces();
  } catch (error) {
    notice(error);
  } finally {
    $("run").disabled = false;
  }
}

async function showPieces() {
  const number = ++state.cut, values = rawValues(), text = Object.values(values)[fieldsOf(state.model).indexOf("context")] ?? Object.values(values)[0];
  try {
    const reply = await call(`v1/models/${encodeURIComponent(state.model.id)}/tokenize`, { text });
    if (number !== state.cut) return;  // an answer that was overtaken
    $("pieces").replaceChildren(piecesView(text, reply, words()));
    const unknown = reply.pieces.filter((piece) => piece === "[UNK]").length;
    const count = words().cut.replace("{n}", reply.pieces.length).replace("{c}", Array.from(text).length);
    $("pieces-note").textContent = unknown ? `${count}, ${words().unknown.replace("{n}", unknown)}` : count;
  } catch (error) {
    notice(error);
  }
}

function showCode() {
  radios($("code-kinds"), ["curl", "Python"], state.code, (name) => { state.code = name; showCode(); });
  let made;
  try { made = request(); } catch { return; }
  const url = new URL(made.path, location.href).href, json = JSON.stringify(made.body);
  const key = state.key ? "KEY" : "";
  $("code").textContent = state.code === "curl"
    ? `curl ${url} \\\n  -H 'Content-Type: application/json' \\\n${key ? "  -H 'Authorization: Bearer KEY' \\\n" : ""}  -d '${json.replaceAll("'", "'\\''")}'`
    : `import json, urllib.request\n\nbody = json.loads(${JSON.stringify(json)})\nrequest = urllib.request.Request(\n    ${JSON.stringify(url)},\n    json.dumps(body).encode(),\n    {"Content-Type": "application/json"${key ? ', "Authorization": "Bearer KEY"' : ""}},\n)\nprint(json.load(urllib.request.urlopen(request)))`;
}

async function start() {
  try {
    state.models = (await call("v1/models")).data;
    $("key-form").hidden = true;
    chooseModel(state.models[0].id);
    notice(null);
  } catch (error) {
    notice(error);
  }
}

$("form").onsubmit = (event) => { event.preventDefault(); ask(); };
$("form").onkeydown = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); ask(); } };
$("key-form").onsubmit = (event) => { event.preventDefault(); state.key = $("key").value; start(); };
$("language").onclick = () => {
  state.language = state.language === "ko" ? "en" : "ko";
  keep("language", state.language);
  dress();
  if (state.model) chooseModel(state.model.id, rawValues());
};
$("theme").onclick = () => { state.theme = state.theme === "dark" ? "light" : "dark"; keep("theme", state.theme); dress(); };
$("copy").onclick = async () => {
  await navigator.clipboard.writeText($("code").textContent);
  $("copy").textContent = words().copied;
  setTimeout(dress, 1500);
};
dress();
start();
