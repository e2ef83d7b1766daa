// Two models side by side: what each answers, and the same text in the tokens of each.
import { check, cutInto, examplesOf, fields, replyView, requestOf, textOf, titleOf } from "./ask.js";
import { call, choice, faint, kindOf, named, state, words } from "./page.js";
import { make } from "./view.js";

const chosen = { left: null, right: null, values: {} };

export const compare = {
  id: "compare",
  isThere: () => state.models.length > 1,
  controls(changed, run) {
    chosen.left ??= state.models[0];
    chosen.right ??= state.models.find((each) => each !== chosen.left && kindOf(each) === kindOf(chosen.left)) ?? state.models[1];
    if (!Object.keys(chosen.values).length) chosen.values = { ...examplesOf(chosen.left)[0] };
    const pick = (side) => choice(`${side}-model`, words()[side], named(state.models), chosen[side].id, (id) => {
      const before = kindOf(chosen.left);
      chosen[side] = state.models.find((each) => each.id === id);
      if (kindOf(chosen.left) !== before) chosen.values = { ...examplesOf(chosen.left)[0] };
      changed("all");
      document.getElementById(`${side}-model`).querySelector('[aria-checked="true"]').focus();
    });
    const examples = examplesOf(chosen.left).map((example) => [titleOf(example), () => { chosen.values = { ...example }; changed("form"); run(); }]);
    const note = kindOf(chosen.left) === kindOf(chosen.right) ? [] : [faint(words().tokensOnly)];
    return { elements: [pick("left"), pick("right"), ...note, ...fields(chosen.left, chosen.values, changed)], examples };
  },
  code: () => requestOf(chosen.left, chosen.values),
  async run() {
    check(chosen.left, chosen.values);
    const both = kindOf(chosen.left) === kindOf(chosen.right);
    const text = textOf(chosen.left, chosen.values);
    return make("div", { className: "pair" }, ...(await Promise.all([chosen.left, chosen.right].map(async (model) => {
      const side = make("section", { className: "side", "aria-label": model.id }, make("h3", {}, model.id));
      if (both) {
        const { path, body, values } = requestOf(model, chosen.values);
        side.append(replyView(await call(path, body), values));
      }
      const pieces = make("div", { className: "pieces" });
      await cutInto(model, text, pieces);
      side.append(pieces);
      return side;
    }))));
  },
};
