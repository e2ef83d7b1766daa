// Every way to cut a text into units, one below the other, before any vocabulary.
import { TEXTS_TO_CUT } from "./examples.js";
import { area, call, words } from "./page.js";
import { make, paint } from "./view.js";

const chosen = { text: TEXTS_TO_CUT[0] };

function row(text, way) {
  const marks = [];
  // Units of a contracted syllable share it: the first is painted, the list below names all.
  way.spans.forEach((span, index) => marks.push({ span, wrap: (part) => make("span", { className: `piece p${index % 6}`, title: way.units[index] }, part) }));
  return make("section", { className: "way" },
    make("h3", {}, words().ways[way.name] ?? way.name, make("small", {}, ` ${way.name} · ${way.units.length}`)),
    paint(text, marks),
    make("p", { className: "units" }, ...way.units.map((unit) => make("code", {}, unit))));
}

export const ways = {
  id: "ways",
  isThere: () => true,
  controls(changed, run) {
    const examples = TEXTS_TO_CUT.map((text) => [text.slice(0, 42), () => { chosen.text = text; changed("form"); run(); }]);
    return { elements: [area("cut-text", words().fields.text, chosen.text, 2, (value) => { chosen.text = value; changed(); })], examples };
  },
  code: () => ({ path: "v1/cut", body: { text: chosen.text } }),
  async run() {
    const text = chosen.text, reply = await call("v1/cut", { text });
    return make("div", { className: "ways" }, ...reply.ways.map((way) => row(text, way)));
  },
};
