// Fills the groups of cases.html; data.groups holds, for each group, its samples with what changed in them.
document.querySelectorAll(".cases").forEach((node, number) => {
  node.append(...data.groups[number].map((one) => {
    const sample = data.samples[one.sample];
    const changes = one.changes.map(([text, before, after]) =>
      make("p", {}, make("bdi", {}, text), ": ", make("span", { class: "kind" }, before), " \u2192 ", make("span", { class: "kind" }, after)));
    const article = make("article", {}, make("p", { class: "quiet" }, "sample ", make("bdi", {}, sample.id)), ...changes, ...sampleNodes(sample));
    article.querySelectorAll("details").forEach((details) => { details.open = true; });
    return article;
  }));
});
