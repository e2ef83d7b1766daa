"use strict";
const root = document.documentElement;
const svg = document.querySelector("#drawing svg");
const detail = document.querySelector("#detail");
root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
document.querySelector("#theme").onclick = () => {
  root.dataset.theme = root.dataset.theme === "dark" ? "light" : "dark";
};

const words = (element, name) => (element.dataset[name] || "").split(" ").filter(Boolean);
const rowOf = (edge) => document.querySelector(`#relations tr[data-edge="${edge}"]`);
let held = null;

/* What is pointed at: a node with all its edges, or the relations of one arrow. */
function edgesOf(target) {
  if (target.dataset.edges) return words(target, "edges");
  return [...document.querySelectorAll("#relations tr[data-edge]")]
    .filter((row) => words(row, "ends").includes(target.dataset.node))
    .map((row) => row.dataset.edge);
}

function light(target) {
  const edges = edgesOf(target);
  const ends = new Set(edges.flatMap((edge) => words(rowOf(edge), "ends")));
  if (target.dataset.node) ends.add(target.dataset.node);
  for (const node of svg.querySelectorAll(".node")) {
    node.classList.toggle("on", ends.has(node.dataset.node));
    node.classList.toggle("at", node.dataset.node === target.dataset.node);
  }
  for (const arrow of svg.querySelectorAll(".edge")) {
    arrow.classList.toggle("on", words(arrow, "edges").some((edge) => edges.includes(edge)));
  }
  svg.classList.add("busy");
}

/* The relations and sentences are on the page already: the detail shows copies. */
function tell(target) {
  const edges = edgesOf(target);
  const sentences = new Set(edges.flatMap((edge) => words(rowOf(edge), "sentences")));
  if (target.dataset.node) {
    for (const mark of document.querySelectorAll(`#sentences mark[data-node="${target.dataset.node}"]`)) {
      sentences.add(mark.closest("li").dataset.sentence);
    }
  }
  const lines = edges.map((edge) => {
    const line = document.createElement("p");
    line.className = "faint";
    const [subject, label, object, score] = rowOf(edge).cells;
    line.append(...copies(subject), ` ${label.textContent} → `, ...copies(object), ` ${score.textContent}`);
    return line;
  });
  const list = document.createElement("ul");
  for (const number of [...sentences].sort((a, b) => a - b)) {
    const item = document.createElement("li");
    item.append(...copies(document.querySelector(`#sentences li[data-sentence="${number}"]`)));
    list.append(item);
  }
  detail.lastElementChild.replaceChildren(...lines, list);
  detail.hidden = false;
}

const copies = (element) => [...element.cloneNode(true).childNodes];

function show(target) { light(target); tell(target); }
function hide() {
  if (held) return show(held);
  svg.classList.remove("busy");
  detail.hidden = true;
}

if (svg) {
  for (const target of svg.querySelectorAll(".node, .edge")) {
    target.addEventListener("pointerenter", () => show(target));
    target.addEventListener("pointerleave", hide);
    target.addEventListener("focus", () => show(target));
    target.addEventListener("blur", hide);
    target.addEventListener("click", () => { held = held === target ? null : target; held ? show(held) : hide(); });
    target.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); target.dispatchEvent(new MouseEvent("click")); }
    });
  }
  document.querySelector("#close").onclick = () => { held = null; hide(); };
  addEventListener("keydown", (event) => { if (event.key === "Escape") { held = null; hide(); } });
}
