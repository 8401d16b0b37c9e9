// The browser of samples in report.html.
const PAGE = 50;
let shown = [];
let page = 0;
let current = 0;

function matches(sample) {
  const index = Number($("system").value || 0);
  const system = sample.systems[index];
  const state = $("state").value;
  const kind = $("kind").value;
  const type = $("type").value;
  const words = $("words").value.trim().toLowerCase();
  if (state === "right" && !isRight(system)) return false;
  if (state === "wrong" && isRight(system)) return false;
  if (state === "alone" && !(isRight(system) && sample.systems.some((other) => other !== system && !isRight(other)))) return false;
  if (state === "missing" && !system.is_missing) return false;
  if (state === "unreadable" && system.is_readable) return false;
  if (kind && !system.verdicts.some((verdict) => verdict[0] === kind)) return false;
  if (type && ![...sample.gold, ...system.predicted].some((entity) => entity.type === type)) return false;
  if (!words) return true;
  const texts = [sample.id, sample.sentence, ...system.predicted.map((entity) => entity.text), system.completion || ""];
  return texts.some((text) => text.toLowerCase().includes(words));
}

function filter(wanted = null) {
  shown = data.samples.map((_, index) => index).filter((index) => matches(data.samples[index]));
  const place = wanted === null ? 0 : shown.indexOf(wanted);
  select(Math.max(0, place), false);
}

function clearFilters() {
  for (const id of ["state", "kind", "type", "words"]) $(id).value = "";
}

function showList() {
  page = Math.floor(current / PAGE);
  const rows = shown.slice(page * PAGE, (page + 1) * PAGE).map((index, offset) => {
    const sample = data.samples[index];
    const dots = sample.systems.map((system) =>
      make("span", { class: `dot ${isRight(system) ? "ok" : "no"}`, title: isRight(system) ? "right" : "wrong" }, isRight(system) ? "\u2713" : "\u2717"));
    const button = make("button", { type: "button" }, ...dots, make("bdi", {}, sample.sentence.slice(0, 120)));
    if (page * PAGE + offset === current) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => select(page * PAGE + offset));
    return make("li", {}, button);
  });
  $("list").replaceChildren(...rows);
  const pages = Math.max(1, Math.ceil(shown.length / PAGE));
  $("count").textContent = `${shown.length} of ${data.samples.length} samples, page ${page + 1} of ${pages}`;
  $("previous-page").disabled = page === 0;
  $("next-page").disabled = page >= pages - 1;
  const marked = $("list").querySelector('[aria-current="true"]');
  if (marked) {
    const list = $("list");
    const top = marked.offsetTop - list.offsetTop;
    if (top < list.scrollTop || top + marked.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top - list.clientHeight / 3;
  }
}

function select(place, writeLink = true) {
  current = Math.min(Math.max(place, 0), Math.max(0, shown.length - 1));
  showList();
  const sample = data.samples[shown[current]];
  $("detail").replaceChildren(...(sample ? detail(sample) : [make("p", { class: "quiet" }, "No sample fits these filters.")]));
  if (sample && writeLink) history.replaceState(null, "", `#sample=${encodeURIComponent(sample.id)}`);
}

function detail(sample) {
  const link = make("a", { href: `#sample=${encodeURIComponent(sample.id)}` }, "link");
  const head = make("p", { class: "quiet" }, "sample ", make("bdi", {}, sample.id), " \u00b7 ", link);
  return [head, ...sampleNodes(sample)];
}

function openLinked() {
  const found = /^#sample=(.*)$/.exec(location.hash);
  if (!found) return false;
  let id = found[1];
  try { id = decodeURIComponent(id); } catch { return false; }
  const index = data.samples.findIndex((sample) => sample.id === id);
  if (index < 0) return false;
  if (!shown.includes(index)) clearFilters();
  filter(index);
  return true;
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) {
    if (event.key === "Escape") document.activeElement.blur();
    return;
  }
  const steps = { j: 1, n: 1, ArrowRight: 1, k: -1, p: -1, ArrowLeft: -1 };
  if (event.key in steps) { select(current + steps[event.key]); event.preventDefault(); }
  if (event.key === "/") { $("words").focus(); event.preventDefault(); }
}

const options = (id, names) => names.forEach((name) => $(id).append(make("option", { value: name }, name)));
options("kind", data.kinds);
options("type", data.types);
data.systems.forEach((name, index) => $("system").append(make("option", { value: index }, name)));
$("system-label").hidden = data.systems.length < 2;
if (data.systems.length > 1) $("state").append(make("option", { value: "alone" }, "right in this system alone"));
["system", "state", "kind", "type"].forEach((id) => $(id).addEventListener("change", () => filter()));
let waiting = 0;
$("words").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(filter, 120); });
$("clear").addEventListener("click", () => { clearFilters(); filter(); });
$("previous").addEventListener("click", () => select(current - 1));
$("next").addEventListener("click", () => select(current + 1));
$("previous-page").addEventListener("click", () => select((page - 1) * PAGE));
$("next-page").addEventListener("click", () => select((page + 1) * PAGE));
document.querySelectorAll("button[data-kind]").forEach((button) => button.addEventListener("click", () => {
  clearFilters();
  $("system").value = button.dataset.system;
  $("kind").value = button.dataset.kind;
  filter();
  $("samples").scrollIntoView();
}));
document.addEventListener("keydown", onKey);
window.addEventListener("hashchange", openLinked);
filter();
openLinked();
