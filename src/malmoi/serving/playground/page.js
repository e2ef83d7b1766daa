// What all views are built of: the page's language, requests, fields and choices.
import { WORDS } from "./words.js";
import { make } from "./view.js";

const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
export const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* private windows keep nothing */ } };
const prefersDark = matchMedia("(prefers-color-scheme: dark)").matches;

export const state = {
  language: kept("language") ?? (navigator.language.startsWith("ko") ? "ko" : "en"),
  theme: kept("theme") ?? (prefersDark ? "dark" : "light"),
  key: "", models: [], indexes: [],
};
export const words = () => WORDS[state.language];
export const $ = (id) => document.getElementById(id);

export async function call(path, body) {
  const headers = { "Content-Type": "application/json" };
  if (state.key) headers.Authorization = `Bearer ${state.key}`;
  const response = await fetch(path, body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) });
  const reply = await response.json();
  if (response.ok) return reply;
  if (response.status === 401) $("key-form").hidden = false;
  throw new Error(reply.error.message);
}

export const modelPath = (model) => `v1/models/${encodeURIComponent(model.id)}`;
export const tokenize = (model, text) => call(`${modelPath(model)}/tokenize`, { text });
export const kindOf = (model) => (model.task ? model.fields.join(",") : model.can_fill ? "fill" : "none");

// Buttons of which one is chosen, by mouse or arrow keys.
export function radios(box, choices, chosen, choose) {
  box.setAttribute("role", "radiogroup");
  box.replaceChildren(...choices.map(([value, label]) =>
    make("button", { type: "button", role: "radio", "aria-checked": String(value === chosen), tabIndex: value === chosen ? 0 : -1, onclick: () => choose(value) }, label)));
  box.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const values = choices.map(([value]) => value);
    choose(values[(values.indexOf(chosen) + step + values.length) % values.length]);
    document.getElementById(box.id)?.querySelector('[aria-checked="true"]')?.focus();
  };
  return box;
}

// The same with a label before it; it redraws itself.
export function choice(id, label, choices, chosen, choose) {
  const box = make("div", { id, "aria-label": label });
  const draw = (value) => radios(box, choices, value, (next) => { draw(next); choose(next); });
  draw(chosen);
  return make("div", { className: "choice" }, make("span", { className: "label" }, label), box);
}

export function area(id, label, value, rows, oninput) {
  const box = make("textarea", { id, rows, oninput: (event) => oninput(event.target.value) });
  box.value = value ?? "";
  return make("label", { className: "field" }, label, box);
}

export function line(id, label, value, oninput, hint = "") {
  const box = make("input", { id, type: "text", autocomplete: "off", placeholder: hint, oninput: (event) => oninput(event.target.value) });
  box.value = value ?? "";
  return make("label", { className: "field" }, label, box);
}

export const faint = (...text) => make("p", { className: "faint" }, ...text);
export const named = (items) => items.map((item) => [item.id, item.id]);
