// The page: one view at a time, asked by its form. It uses the same routes as everybody and keeps nothing on the server.
import { ask } from "./ask.js";
import { compare } from "./compare.js";
import { graph } from "./graph.js";
import { $, call, faint, keep, radios, state, words } from "./page.js";
import { answer, search } from "./search.js";
import { make } from "./view.js";
import { ways } from "./ways.js";

const VIEWS = [ask, compare, ways, search, answer, graph];
const page = { view: null, code: "curl", asked: 0, filled: 0 };
const there = () => VIEWS.filter((view) => view.isThere());

function dress() {
  document.documentElement.lang = state.language;
  document.documentElement.dataset.theme = state.theme;
  for (const element of document.querySelectorAll("[data-say]")) element.textContent = words()[element.dataset.say];
  for (const element of document.querySelectorAll("[data-say-label]")) element.setAttribute("aria-label", words()[element.dataset.sayLabel]);
  $("language").textContent = words().language;
  $("theme").textContent = state.theme === "dark" ? words().light : words().dark;
}

function notice(error) {
  $("notice").hidden = !error;
  $("notice").textContent = error ? (error instanceof TypeError ? words().offline : error.message) : "";
}

function showTabs() {
  const views = there(), box = $("views");
  box.hidden = views.length < 2;
  box.replaceChildren(...views.map((view) => make("button", {
    type: "button", role: "tab", id: `tab-${view.id}`, "aria-selected": String(view === page.view), "aria-controls": "panel",
    tabIndex: view === page.view ? 0 : -1, onclick: () => open(view),
  }, words().views[view.id])));
  box.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    open(views[(views.indexOf(page.view) + step + views.length) % views.length]);
    $(`tab-${page.view.id}`).focus();
  };
  $("panel").setAttribute("aria-labelledby", `tab-${page.view.id}`);
  $(`tab-${page.view.id}`).scrollIntoView({ block: "nearest", inline: "nearest" });
}

// Something was typed (nothing), an example was taken ("form"), or another model was chosen ("all").
function changed(what) {
  if (what) showForm();
  if (what === "all") forget();
  showCode();
}

function showForm() {
  const { elements, examples } = page.view.controls(changed, run);
  $("ask-title").textContent = words().asks[page.view.id];
  $("controls").replaceChildren(...elements);
  $("examples").replaceChildren(...examples.map(([title, take]) => make("button", { type: "button", onclick: take }, title)));
}

function forget() {
  page.asked += 1;
  $("run").disabled = false;
  $("answer").replaceChildren(faint(words().nothing));
  $("timing").textContent = "";
  fillExtra();
}

function open(view) {
  page.view = view;
  if (location.hash !== `#${view.id}`) history.replaceState(null, "", `#${view.id}`);
  notice(null);
  showTabs();
  showForm();
  forget();
  showCode();
}

async function fillExtra() {
  const { extra } = page.view, number = ++page.filled;
  $("extra").hidden = !extra;
  if (!extra) return;
  $("extra-title").textContent = extra.title();
  const box = make("div");
  try {
    await extra.fill(box);
    if (number === page.filled) $("pieces").replaceChildren(...box.childNodes);  // else it was overtaken
  } catch (error) {
    notice(error);
  }
}

async function run() {
  const number = ++page.asked, started = performance.now();
  $("run").disabled = true;
  try {
    const view = await page.view.run();
    if (number !== page.asked) return;
    $("answer").replaceChildren(view);
    $("timing").textContent = `${(performance.now() - started).toFixed(0)} ${words().ms}`;
    notice(null);
    await fillExtra();
  } catch (error) {
    if (number === page.asked) notice(error);
  } finally {
    if (number === page.asked) $("run").disabled = false;
  }
}

function showCode() {
  radios($("code-kinds"), [["curl", "curl"], ["Python", "Python"]], page.code, (name) => { page.code = name; showCode(); });
  let made;
  try { made = page.view.code(); } catch { return; }
  const url = new URL(made.path, location.href).href, json = JSON.stringify(made.body);
  const key = state.key ? "KEY" : "";
  $("code").textContent = page.code === "curl"
    ? `curl ${url} \\\n  -H 'Content-Type: application/json' \\\n${key ? "  -H 'Authorization: Bearer KEY' \\\n" : ""}  -d '${json.replaceAll("'", "'\\''")}'`
    : `import json, urllib.request\n\nbody = json.loads(${JSON.stringify(json)})\nrequest = urllib.request.Request(\n    ${JSON.stringify(url)},\n    json.dumps(body).encode(),\n    {"Content-Type": "application/json"${key ? ', "Authorization": "Bearer KEY"' : ""}},\n)\nprint(json.load(urllib.request.urlopen(request)))`;
}

async function start() {
  try {
    [state.models, state.indexes] = (await Promise.all([call("v1/models"), call("v1/indexes")])).map((list) => list.data);
    $("key-form").hidden = true;
    open(there().find((view) => `#${view.id}` === location.hash) ?? there()[0]);
  } catch (error) {
    notice(error);
  }
}

$("form").onsubmit = (event) => { event.preventDefault(); run(); };
$("form").onkeydown = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); run(); } };
$("key-form").onsubmit = (event) => { event.preventDefault(); state.key = $("key").value; start(); };
$("language").onclick = () => {
  state.language = state.language === "ko" ? "en" : "ko";
  keep("language", state.language);
  dress();
  if (page.view) open(page.view);
};
$("theme").onclick = () => { state.theme = state.theme === "dark" ? "light" : "dark"; keep("theme", state.theme); dress(); };
$("copy").onclick = async () => {
  await navigator.clipboard.writeText($("code").textContent);
  $("copy").textContent = words().copied;
  setTimeout(dress, 1500);
};
window.onhashchange = () => { const view = there().find((each) => `#${each.id}` === location.hash); if (view && view !== page.view) open(view); };
dress();
start();
