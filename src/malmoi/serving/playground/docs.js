// The API page: what openapi.json says, readable. No outside resource, so it works where there is no network.
import { make } from "./view.js";

try { document.documentElement.dataset.theme = localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"); } catch { /* light */ }
const schema = await (await fetch("openapi.json")).json();
const resolve = (part) => (part?.$ref ? schema.components.schemas[part.$ref.split("/").pop()] : part);
const kind = (part) => {
  if (part.$ref) return part.$ref.split("/").pop();
  if (part.anyOf) return part.anyOf.map(kind).join(" | ");
  if (part.type === "array") return part.items ? `[${kind(part.items)}]` : "[…]";
  return part.type ?? "any";
};

function fields(part) {
  const found = resolve(part);
  if (!found?.properties) return [make("p", { className: "faint" }, kind(part ?? {}))];
  const rows = Object.entries(found.properties).map(([name, value]) => make("tr", {}, make("td", {}, name + ((found.required ?? []).includes(name) ? " *" : "")), make("td", {}, kind(value)), make("td", {}, value.description ?? "")));
  const inner = Object.values(found.properties).flatMap((value) => [value, value.items, ...(value.anyOf ?? [])]).filter((value) => value?.$ref);
  return [make("div", { className: "scroll" }, make("table", {}, ...rows)), ...inner.flatMap((value) => [make("p", { className: "faint" }, kind(value)), ...fields(value)])];
}

for (const [path, methods] of Object.entries(schema.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const body = operation.requestBody?.content["application/json"]?.schema;
    const answer = operation.responses["200"]?.content?.["application/json"]?.schema;
    document.getElementById("routes").append(make("section", { className: "card" },
      make("h2", {}, `${method.toUpperCase()} ${path}`), make("p", {}, operation.description ?? operation.summary ?? ""),
      ...(body ? [make("p", { className: "faint" }, "request"), ...fields(body)] : []),
      ...(answer && Object.keys(answer).length ? [make("p", { className: "faint" }, "answer"), ...fields(answer)] : [])));
  }
}
