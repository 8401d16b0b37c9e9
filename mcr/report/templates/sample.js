// How a sample is drawn, for every page that shows samples. page.py wraps it and the page's own script into one function.
const read = (id) => JSON.parse(document.getElementById(id).textContent);
const data = read("data");
const chunks = new Map();

const $ = (id) => document.getElementById(id);

// Text of tweets and models only ever becomes text nodes.
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function draw(tag, attributes) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function thumbnail(sample) {
  if (sample.image < 0) return null;
  const number = Math.floor(sample.image / data.per_chunk);
  if (!chunks.has(number)) chunks.set(number, read(`images-${number}`));
  return chunks.get(number)[sample.image % data.per_chunk];
}

const errors = (system) => system.verdicts.filter((verdict) => verdict[0] !== "right");
const isRight = (system) => errors(system).length === 0;

// A sample: its sentence with spans, its image with boxes, and what each system answered.
function sampleNodes(sample) {
  const parts = [make("p", { class: "sentence" }, ...spans(sample))];
  const figure = picture(sample);
  if (figure) parts.push(figure);
  parts.push(make("div", { class: "systems" }, ...sample.systems.map((system, index) => answer(sample, system, index))));
  return parts;
}

// The sentence cut where a gold or predicted span begins or ends.
function spans(sample) {
  const text = sample.sentence;
  const gold = new Uint8Array(text.length);
  const predicted = new Uint8Array(text.length);
  const paint = (entity, layer) => {
    for (let start = text.indexOf(entity.text); entity.text && start >= 0; start = text.indexOf(entity.text, start + entity.text.length)) {
      layer.fill(1, start, start + entity.text.length);
    }
  };
  sample.gold.forEach((entity) => paint(entity, gold));
  sample.systems.forEach((system) => system.predicted.forEach((entity) => paint(entity, predicted)));
  const nodes = [];
  for (let start = 0; start < text.length;) {
    let end = start + 1;
    while (end < text.length && gold[end] === gold[start] && predicted[end] === predicted[start]) end += 1;
    const piece = make("bdi", {}, text.slice(start, end));
    const names = [gold[start] ? "g" : "", predicted[start] ? "p" : ""].join(" ").trim();
    nodes.push(names ? make("mark", { class: names }, piece) : piece);
    start = end;
  }
  return nodes;
}

function picture(sample) {
  if (!sample.width) return null;
  const { width, height } = sample;
  const svg = draw("svg", { class: "picture", viewBox: `0 0 ${width} ${height}`, role: "img" });
  svg.append(Object.assign(draw("title", {}), { textContent: "the image with gold and predicted boxes" }));
  const source = thumbnail(sample);
  if (source) svg.append(draw("image", { href: source, x: 0, y: 0, width, height }));
  const stroke = Math.max(width, height) / 220;
  const box = (corners, name, inset, label) => {
    const [x1, x2] = [corners[0], corners[2]].map((v) => Math.min(Math.max(v, -width), 2 * width)).sort((a, b) => a - b);
    const [y1, y2] = [corners[1], corners[3]].map((v) => Math.min(Math.max(v, -height), 2 * height)).sort((a, b) => a - b);
    const shape = draw("rect", { class: name, "stroke-width": stroke, x: x1 + inset, y: y1 + inset, width: Math.max(0, x2 - x1 - 2 * inset), height: Math.max(0, y2 - y1 - 2 * inset) });
    if (name !== "gold") shape.setAttribute("stroke-dasharray", `${4 * stroke} ${2 * stroke}`);
    shape.append(Object.assign(draw("title", {}), { textContent: label }));
    svg.append(shape);
  };
  const mask = (source, name) => svg.append(draw("image", { class: name, href: source, x: 0, y: 0, width, height, opacity: .45 }));
  sample.gold.forEach((entity) => (entity.masks || []).forEach((source) => mask(source, "gold-mask")));
  sample.systems.forEach((system) => system.predicted.forEach((entity) => (entity.masks || []).forEach((source) => mask(source, "predicted-mask"))));
  sample.gold.forEach((entity) => (entity.boxes || []).forEach((corners) => box(corners, "gold", 0, `gold: ${entity.text}`)));
  sample.systems.forEach((system, index) => system.predicted.forEach((entity) => (entity.boxes || []).forEach((corners) =>
    box(corners, index ? "predicted b" : "predicted", stroke * (1.2 + index), `${data.systems[index]}: ${entity.text}`))));
  const note = source ? null : make("figcaption", { class: "quiet" }, "The image is not at hand; a blank of its size stands in.");
  return make("figure", {}, svg, note);
}

const place = (entity) => {
  if (!entity) return "";
  if (entity.boxes === null) return "None";
  if (!entity.boxes.length) return "unreadable";
  return entity.boxes.map((corners) => `[${corners.map((v) => Math.round(v * 10) / 10).join(", ")}]`).join(" ");
};

function answer(sample, system, index) {
  const cells = (entity) => [make("bdi", {}, entity ? entity.text : "\u2013"), make("bdi", {}, entity ? entity.type : ""), place(entity)];
  const rows = system.verdicts.map(([kind, p, g]) => make("tr", {},
    make("td", {}, make("span", { class: kind === "right" ? "kind right" : "kind" }, kind)),
    ...[g === null ? null : sample.gold[g], p === null ? null : system.predicted[p]].map((entity) => {
      const [text, type, where] = cells(entity);
      return make("td", {}, text, entity ? " \u00b7 " : "", type, make("br"), make("span", { class: "quiet" }, where));
    })));
  const head = make("tr", {}, make("th", {}, ""), make("th", {}, "gold"), make("th", {}, "predicted"));
  const parts = [make("h3", {}, make("bdi", {}, data.systems[index]))];
  if (system.is_missing) parts.push(make("p", { class: "warning" }, "There is no prediction for this sample; it counts as empty."));
  if (!system.is_readable) parts.push(make("p", { class: "warning" }, "The completion holds no readable answer; it counts as empty."));
  parts.push(rows.length ? make("div", { class: "scroll" }, make("table", { class: "entities" }, head, ...rows)) : make("p", { class: "quiet" }, "No entity in gold, none predicted."));
  if (system.rewards) parts.push(make("p", { class: "quiet" }, "rewards: " + Object.entries(system.rewards).map(([name, value]) => `${name} ${value.toFixed(2)}`).join(", ")));
  if (system.problems.length) parts.push(make("details", {}, make("summary", {}, `${system.problems.length} parts could not be read`), make("pre", {}, system.problems.join("\n"))));
  if (system.completion !== null) parts.push(make("details", {}, make("summary", {}, "completion, with its reasoning"), make("pre", {}, system.completion)));
  return make("section", {}, ...parts);
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = theme === "dark" ? "light" : "dark";
}

$("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
