"""What is run in the page, as JavaScript: it looks, and changes nothing that a reader could not."""

from __future__ import annotations

AXE = """
axe.run(document, {runOnly: {type: "tag", values: %s}, resultTypes: ["violations"]}).then((found) => ({
  rules: found.passes.length + found.violations.length,
  violations: found.violations.map((each) => ({
    id: each.id, impact: each.impact, help: each.help, count: each.nodes.length,
    first: each.nodes.slice(0, 3).map((node) => node.target.join(" ") + ": " + node.failureSummary),
  })),
}))
"""
"""`%s` is the list of tags."""

OPEN_ALL = '[...document.querySelectorAll("details")].map((each) => { each.open = true; }).length'

WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

# Where the focus is: its place among all that can have it, and whether a reader sees that it is there.
FOCUS = """
(() => {
  const all = [...document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")]
    .filter((each) => each.checkVisibility({visibilityProperty: true}));
  const at = document.activeElement;
  const box = at.getBoundingClientRect();
  const style = getComputedStyle(at);
  return {
    place: all.indexOf(at), count: all.length,
    name: `${at.tagName}#${at.id} ${(at.textContent || at.getAttribute("aria-label") || "").slice(0, 40)}`,
    marked: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    inside: box.width > 0 && box.bottom > 0 && box.top < innerHeight
      && box.right > 0 && box.left < innerWidth,
  };
})()
"""

# From a key to the picture: the event's own duration ends with the next paint, and so does ours, after the
# filter has answered.
WATCH = """
(() => {
  const told = window.told = {keys: [], tasks: []};
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) told.tasks.push(each.duration);
  }).observe({type: "longtask"});
  const count = document.getElementById("filter-count");
  let pressed = null;
  addEventListener("beforeinput", () => { pressed = performance.now(); }, true);
  new MutationObserver(() => {
    if (pressed === null) return;
    const since = pressed;
    pressed = null;
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => told.keys.push(performance.now() - since);
      channel.port2.postMessage(null);
    });
  }).observe(count, {childList: true, characterData: true, subtree: true});
  return true;
})()
"""
TOLD = "window.told"
IN_SEARCH = 'document.activeElement.id === "filter-text"'
NARROWED = 'document.getElementById("filter-count").textContent.includes(" of ")'
FIRST_GATE = 'document.querySelector("details[data-gate]:not([hidden])")'
THEME = 'document.getElementById("theme")'
# Of a gate with more rows than stand in the page at once, each way to the others: what fails of it.
ROWS = """
(() => {
  const wrong = [];
  const expect = (met, what) => { if (!met) wrong.push(what); };
  const folder = [...document.querySelectorAll("details[data-gate]")]
    .find((each) => !each.querySelector(".more").hidden);
  if (!folder) return ["no gate has more findings than stand in the page at once"];
  folder.open = true;
  const [list, more] = [folder.querySelector(".findings"), folder.querySelector(".more")];
  const [next, all] = more.querySelectorAll("button");
  const [first, total] = more.querySelector("span").textContent.match(/\\d+/g).map(Number);
  const standing = () => list.children.length;
  expect(standing() === first && first < total, `${standing()} rows stand, ${first} of ${total} are said to`);
  dispatchEvent(new Event("beforeprint"));
  expect(standing() === total, `${standing()} of ${total} rows are printed`);
  dispatchEvent(new Event("afterprint"));
  expect(standing() === first, `${standing()} rows stand after printing, ${first} before`);
  next.click();
  expect(standing() > first, "the button for more brings none");
  expect(document.activeElement === list.children[first], "the focus is not on the first of the new rows");
  all.click();
  expect(standing() === total && more.hidden, `the button for all brings ${standing()} of ${total}`);
  return wrong;
})()
"""
# The last finding of the page, which does not stand in it at first.
LAST_FINDING = "document.getElementById('finding-%d')"
FINDINGS = 'parseInt(document.getElementById("filter-count")?.textContent ?? "0", 10)'
FORGET = "localStorage.clear(), delete document.documentElement.dataset.theme"
SHOWN_THEME = "getComputedStyle(document.documentElement).colorScheme"
