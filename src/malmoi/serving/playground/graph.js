// Entities of a text and how they are related: the server's drawing, what belongs together lit up, and the sentences.
import { TRAVEL } from "./examples.js";
import { area, call, choice, faint, named, state, words } from "./page.js";
import { make, paint } from "./view.js";

const chosen = { text: TRAVEL, entities: null, relations: null };
const withTask = (task) => state.models.filter((model) => model.task === task);
const colourOf = (reply, entity) => `c${reply.colours[entity.type]}`;
const chip = (reply, entity) => make("span", { className: `name ${colourOf(reply, entity)}` }, entity.name);

// Parsed as an image, so that nothing in it runs; sizes are set from here, as the page allows no styles in markup.
function drawing(reply) {
  const svg = document.importNode(new DOMParser().parseFromString(reply.svg.replace(/ style="[^"]*"/, "").replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '), "image/svg+xml").documentElement, true);
  const [, , width] = svg.getAttribute("viewBox").split(" ").map(Number);
  svg.style.width = `min(100%, ${width}px)`;
  svg.style.minWidth = `${0.7 * width}px`;
  svg.setAttribute("aria-label", words().views.graph);
  return svg;
}

function lightUp(svg, detail, reply) {
  let held = null;
  const edgesOf = (target) => (target.dataset.edges ? target.dataset.edges.split(" ").map(Number)
    : reply.relations.flatMap((edge, number) => ([edge.subject, edge.object].includes(Number(target.dataset.node)) ? [number] : [])));
  const show = (target) => {
    const numbers = edgesOf(target), edges = numbers.map((number) => reply.relations[number]);
    const ends = new Set(edges.flatMap((edge) => [edge.subject, edge.object]));
    if (target.dataset.node) ends.add(Number(target.dataset.node));
    for (const node of svg.querySelectorAll(".node")) node.classList.toggle("on", ends.has(Number(node.dataset.node)));
    for (const arrow of svg.querySelectorAll(".edge")) arrow.classList.toggle("on", arrow.dataset.edges.split(" ").some((number) => numbers.includes(Number(number))));
    svg.classList.add("busy");
    const sentences = [...new Set(edges.flatMap((edge) => edge.sentences))].sort((a, b) => a - b);
    detail.replaceChildren(...edges.map((edge) => relation(reply, edge)), ...sentences.map((number) => faint(reply.sentences[number].text)));
  };
  const hide = () => { if (held) return show(held); svg.classList.remove("busy"); detail.replaceChildren(faint(words().pointAt)); };
  for (const target of svg.querySelectorAll(".node, .edge")) {
    target.addEventListener("pointerenter", () => show(target));
    target.addEventListener("pointerleave", hide);
    target.addEventListener("focus", () => show(target));
    target.addEventListener("blur", hide);
    target.addEventListener("click", () => { held = held === target ? null : target; if (held) show(held); else hide(); });
    target.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); target.dispatchEvent(new MouseEvent("click")); }
      if (event.key === "Escape") { held = null; hide(); }
    });
  }
  hide();
}

const relation = (reply, edge) => make("p", { className: "relation" }, chip(reply, reply.entities[edge.subject]), ` ${edge.label} → `, chip(reply, reply.entities[edge.object]), make("small", {}, ` ${(100 * edge.score).toFixed(0)}%`));

function sentences(reply) {
  const entityOf = new Map(reply.entities.flatMap((entity) => entity.mentions.map((place) => [`${place.sentence} ${place.start}`, entity])));
  return make("ol", { className: "sentences" }, ...reply.sentences.map((sentence, number) =>
    make("li", {}, paint(sentence.text, sentence.entities.map((mention) => ({
      span: [mention.start, mention.end],
      wrap: (part) => make("mark", { className: colourOf(reply, entityOf.get(`${number} ${mention.start}`)) }, part),
    }))))));
}

function view(reply) {
  const legend = make("p", { className: "legend" }, ...Object.entries(reply.colours).map(([type, number]) => make("span", { className: `name c${number}` }, words().types[type.slice(0, 2)] ?? type)));
  if (!reply.svg) return make("div", {}, legend, faint(words().noRelations), sentences(reply));
  const svg = drawing(reply), detail = make("div", { className: "detail", "aria-live": "polite" });
  lightUp(svg, detail, reply);
  const table = make("details", {}, make("summary", {}, words().relationCount.replace("{n}", reply.relations.length)), ...reply.relations.map((edge) => relation(reply, edge)));
  return make("div", { className: "graph" }, legend, make("div", { className: "drawing", tabIndex: 0, role: "region", "aria-label": words().views.graph }, svg), detail, table, sentences(reply));
}

export const graph = {
  id: "graph",
  isThere: () => withTask("tagging").length > 0 && withTask("relation").length > 0,
  controls(changed, run) {
    const [entities, relations] = [withTask("tagging"), withTask("relation")];
    chosen.entities ??= entities[0].id;
    chosen.relations ??= relations[0].id;
    const pick = (id, models) => (models.length > 1 ? [choice(id, words()[id], named(models), chosen[id], (name) => { chosen[id] = name; changed(); })] : []);
    return {
      elements: [...pick("entities", entities), ...pick("relations", relations), area("graph-text", words().fields.text, chosen.text, 6, (value) => { chosen.text = value; changed(); })],
      examples: [[TRAVEL.slice(0, 42), () => { chosen.text = TRAVEL; changed("form"); run(); }]],
    };
  },
  code: () => ({ path: "v1/graph", body: { text: chosen.text, entities: chosen.entities, relations: chosen.relations } }),
  async run() {
    const { path, body } = this.code();
    return view(await call(path, body));
  },
};
